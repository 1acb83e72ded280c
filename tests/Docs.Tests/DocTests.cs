using System.Runtime.Loader;
using System.Text.RegularExpressions;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class DocTests
{
    /// <summary>In a notebook an assembly lies in the folder of its package, far from the program, and its descriptions with it.</summary>
    [Test]
    public void DescriptionsAreReadBesideTheAssembly()
    {
        string folder = Directory.CreateTempSubdirectory("tessera-doc-").FullName, assembly = Path.Combine(folder, "Tessera.NN.dll");
        File.Copy(typeof(Doc).Assembly.Location, assembly);
        File.WriteAllText(Path.ChangeExtension(assembly, ".xml"), """
            <doc><members><member name="M:Tessera.NN.Learner.Freeze"><summary>Said <c>beside</c> the package: <see cref="T:Tessera.NN.Learner"/>.</summary></member></members></doc>
            """);
        AssemblyLoadContext package = new("package", isCollectible: true);
        var doc = package.LoadFromAssemblyPath(assembly).GetType("Tessera.NN.Doc")!;
        string text = (string)doc.GetMethod("Of", [typeof(string)])!.Invoke(null, ["Learner.Freeze"])!;
        package.Unload();
        Assert.That(text, Does.Contain("    Said beside the package: Learner.\n"));
    }

    /// <summary>For every public type, and only where it was asked for.</summary>
    [Test]
    [NonParallelizable]
    public void ThePageAndTheSourceOfATypeAreThere()
    {
        foreach (var type in new[] { typeof(Device), typeof(Tensor), typeof(Doc), typeof(Vision.Image) }.SelectMany(t => t.Assembly.GetExportedTypes()))
        {
            var found = Regex.Match(Doc.Of(type), @"\n    docs: (docs/api/[a-z-]+\.md)#([a-z0-9]+)\n    source: (src/\w+(/\w+)?)\n$");
            Assert.That(found.Success, type.FullName);
            string page = Path.Combine(TestData.RepositoryRoot, found.Groups[1].Value), anchor = found.Groups[2].Value;
            Assert.That(File.ReadLines(page).Any(l => l.StartsWith("## ", StringComparison.Ordinal) && l[3..].Replace(".", "").ToLowerInvariant() == anchor), $"{page}#{anchor}");
            Assert.That(Path.Combine(TestData.RepositoryRoot, found.Groups[3].Value), Does.Exist);
        }
        var freeze = typeof(Learner).GetMethod("Freeze")!;
        Assert.That(Doc.Of(freeze), Does.EndWith("\n    docs: docs/api/nn-training.md#learner\n    source: src/NN/Training\n"));
        Assert.That(Doc.Of(typeof(string)), Does.Not.Contain("docs:"));

        var console = Console.Out;
        using var lines = new StringWriter();
        try
        {
            Console.SetOut(lines);
            Doc.Help(freeze);
        }
        finally
        {
            Console.SetOut(console);
        }
        Assert.That(lines.ToString(), Does.StartWith("Learner.Freeze\n").And.Not.Contain("docs:"));
        Assert.That(Doc.Of(freeze), Does.StartWith(lines.ToString()));
    }
}
