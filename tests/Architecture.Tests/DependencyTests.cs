using System.Reflection;
using System.Security;
using System.Xml.Linq;

namespace Tessera.Tests;

/// <summary>Dependencies run one way: Kernels &lt;- Tensors &lt;- NN &lt;- Vision &lt;- Cli.</summary>
public sealed class DependencyTests
{
    static readonly string[] order = ["Kernels", "Tensors", "NN", "Vision", "Cli"];

    static IEnumerable<string> Projects => order;

    [Test]
    public void EverySourceProjectHasItsPlaceInTheOrder() => Assert.That(
        Repository.Files.Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".csproj", StringComparison.Ordinal)),
        Is.EquivalentTo(order.Select(ProjectFile)));

    [TestCaseSource(nameof(Projects))]
    public void AProjectRefersOnlyToTheOneBelowIt(string name)
    {
        int place = Array.IndexOf(order, name);
        string[] expected = place == 0 ? [] : [$"../{order[place - 1]}/Tessera.{order[place - 1]}.csproj"];
        Assert.That(Includes(name, "ProjectReference"), Is.EqualTo(expected));
    }

    [TestCaseSource(nameof(Projects))]
    public void AnAssemblyRefersOnlyDownwards(string name) => Assert.That(
        References(name).Where(r => r.StartsWith("Tessera", StringComparison.Ordinal)),
        Is.SubsetOf(order.Take(Array.IndexOf(order, name)).Select(n => $"Tessera.{n}")));

    [TestCaseSource(nameof(Projects))]
    public void UnsafeCodeStaysInKernels(string name)
    {
        bool isKernels = name is "Kernels";
        bool allowed = Properties(name, "AllowUnsafeBlocks").Any(v => bool.Parse(v));
        bool compiled = Load(name).ManifestModule.IsDefined(typeof(UnverifiableCodeAttribute), inherit: false);
        Assert.That((allowed, compiled), Is.EqualTo((isKernels, isKernels)));
    }

    [TestCaseSource(nameof(Projects))]
    public void NoTestOracleOrTestToolIsUsedBySource(string name)
    {
        string[] forbidden = ["OnnxRuntime", "TorchSharp", "libtorch", "TensorFlow", "NUnit", "CsCheck", "BenchmarkDotNet", "Testing"];
        IEnumerable<string> used = Includes(name, "PackageReference").Concat(References(name));
        Assert.That(used.Where(p => forbidden.Any(f => p.Contains(f, StringComparison.OrdinalIgnoreCase))), Is.Empty);
    }

    [TestCase("Kernels", "Tessera")]
    [TestCase("Tensors", "Tessera")]
    [TestCase("NN", "Tessera.NN")]
    [TestCase("Vision", "Tessera.Vision")]
    [TestCase("Cli", "Tessera.Cli")]
    public void AnAssemblyHasOneNamespace(string name, string space) => Assert.That(
        Load(name).GetExportedTypes().Select(t => t.Namespace).Where(n => n != null).Distinct(StringComparer.Ordinal), Is.SubsetOf(new[] { space }));

    [Test]
    public void TypesAreNotNamedForWhatTheyMightDo() => Assert.That(
        order.SelectMany(n => Load(n).GetTypes()).Select(t => t.Name)
            .Where(n => n.EndsWith("Utils", StringComparison.Ordinal) || n.EndsWith("Helper", StringComparison.Ordinal) || n.EndsWith("Manager", StringComparison.Ordinal)),
        Is.Empty);

    static string ProjectFile(string name) => $"src/{name}/Tessera.{name}.csproj";

    static Assembly Load(string name) => Assembly.Load($"Tessera.{name}");

    static IEnumerable<string> References(string name) => Load(name).GetReferencedAssemblies().Select(r => r.Name!);

    static IEnumerable<string> Includes(string name, string item) =>
        Xml(name).Descendants(item).Select(e => e.Attribute("Include")!.Value.Replace('\\', '/'));

    static IEnumerable<string> Properties(string name, string property) => Xml(name).Descendants(property).Select(e => e.Value);

    static XDocument Xml(string name) => XDocument.Load(Repository.Full(ProjectFile(name)));
}
