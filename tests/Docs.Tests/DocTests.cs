using System.Runtime.Loader;
using Tessera.NN;

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
}
