using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The packages as a user gets them: what is in them, and that an empty project and a shell need nothing else.</summary>
[NonParallelizable]
public sealed partial class PackageTests
{
    static readonly Dictionary<string, (string Folder, string[] Needs)> libraries = new(StringComparer.Ordinal)
    {
        ["Tessera.Kernels"] = ("Kernels", []),
        ["Tessera.Tensors"] = ("Tensors", ["Tessera.Kernels"]),
        ["Tessera.NN"] = ("NN", ["Google.Protobuf", "Tessera.Tensors"]),
        ["Tessera.Vision"] = ("Vision", ["CsvHelper", "ScottPlot", "SkiaSharp", "SkiaSharp.NativeAssets.Linux.NoDependencies", "Tessera.NN"]),
    };

    static readonly string[] ids = [.. libraries.Keys, "tessera"];

    TemporaryFolder folder = null!;
    PackageSet set = null!;

    [OneTimeSetUp]
    public async Task Pack()
    {
        folder = new TemporaryFolder();
        set = new PackageSet(folder);
        await set.Pack();
    }

    [OneTimeTearDown]
    public void Delete() => folder.Dispose();

    [Test]
    public void TheLibrariesAndTheToolArePackedAndNothingElse() => Assert.That(set.Files, Is.EquivalentTo(
        ids.SelectMany(id => new[] { $"{id}.{set.Version}.nupkg", $"{id}.{set.Version}.snupkg" })));

    [TestCaseSource(nameof(ids))]
    public void APackageSaysWhatItIs(string id)
    {
        var metadata = set.Metadata(id);
        using var package = set.Open(id);
        string Value(string name) => metadata.Element(name)?.Value ?? "";
        Assert.Multiple(() =>
        {
            Assert.That(Value("license"), Is.EqualTo("Apache-2.0"));
            Assert.That(Value("readme"), Is.EqualTo("PACKAGE.md"));
            Assert.That(Value("icon"), Is.EqualTo("icon.png"));
            Assert.That(Value("description"), Has.Length.GreaterThan(40).And.EndsWith("."));
            Assert.That(Value("tags").Split(' '), Has.Length.GreaterThan(3));
            Assert.That(Value("projectUrl"), Is.Empty, "there is no page of this project to name");
            foreach (string file in (string[])["PACKAGE.md", "icon.png", "THIRD-PARTY-NOTICES.md"])
                Assert.That(package.GetEntry(file)?.Length, Is.GreaterThan(100), file);
        });
    }

    [TestCaseSource(nameof(Libraries))]
    public void ALibraryBringsWhatItNeedsAndNoMore(string id)
    {
        var needed = set.Metadata(id).Descendants("dependency").ToArray();
        using var package = set.Open(id);
        using var symbols = set.Open(id, "snupkg");
        Assert.Multiple(() =>
        {
            Assert.That(needed.Select(d => (string)d.Attribute("id")!), Is.EquivalentTo(libraries[id].Needs));
            Assert.That(needed.Where(d => ((string)d.Attribute("id")!).StartsWith("Tessera", StringComparison.Ordinal)).Select(d => (string)d.Attribute("version")!), Is.All.EqualTo(set.Version));
            Assert.That(package.Entries.Select(e => e.FullName).Where(n => n.StartsWith("lib/", StringComparison.Ordinal)), Is.EquivalentTo(new[] { $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml" }));
            Assert.That(symbols.GetEntry($"lib/net10.0/{id}.pdb")?.Length, Is.GreaterThan(1000));
        });
    }

    static IEnumerable<string> Libraries => libraries.Keys;

    [TestCase("win-x64/native/libSkiaSharp.dll")]
    [TestCase("osx/native/libSkiaSharp.dylib")]
    [TestCase("linux-x64/native/libSkiaSharp.so")]
    [TestCase("linux-arm64/native/libSkiaSharp.so")]
    public void TheToolDecodesPhotosOn(string library)
    {
        using var package = set.Open("tessera");
        Assert.That(package.GetEntry($"tools/net10.0/any/runtimes/{library}")?.Length, Is.GreaterThan(1_000_000));
    }

    [Test]
    public void TheToolLeavesOutRareSystemsAndDebugFilesOfNativeLibraries()
    {
        using var package = set.Open("tessera");
        Assert.That(new FileInfo(Path.Combine(set.Feed, $"tessera.{set.Version}.nupkg")).Length, Is.LessThan(60_000_000));
        Assert.That(package.Entries.Select(e => e.FullName).Where(n => n.Contains("runtimes/", StringComparison.Ordinal) && n.EndsWith(".pdb", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void SizesAreThoseOfTheReadme()
    {
        double Megabytes(string id) => new FileInfo(Path.Combine(set.Feed, $"{id}.{set.Version}.nupkg")).Length / 1e6;
        double all = libraries.Keys.Sum(Megabytes), tool = Megabytes("tessera");
        TestContext.Out.WriteLine($"{all:F2} MB, tool {tool:F1} MB");
        var said = SizesInReadme().Match(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "README.md")));
        Assert.That(said.Success, "README.md: libraries ... MB together; the tool as a package, for seven systems, ... MB");
        Assert.That((double.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture), double.Parse(said.Groups[2].Value, CultureInfo.InvariantCulture)), Is.EqualTo((all, tool)).Within(5).Percent);
    }

    [Test]
    public async Task AnEmptyProjectTrainsAndPredicts()
    {
        string project = Project("classify");
        TrainsAndPredicts(project, await ChildProcess.Run(project, PackageSet.Limit, "dotnet", "run", "-c", "Release"));
    }

    /// <summary>What the linker leaves of the libraries is enough; of the packages that say nothing about trimming it warns as a whole (IL2104).</summary>
    [Test]
    public async Task ATrimmedProgramTrainsAndPredicts()
    {
        string project = Project("trimmed"), published = Path.Combine(project, "published");
        string output = await ChildProcess.Run(project, PackageSet.Limit, "dotnet", "publish", "-c", "Release", "--use-current-runtime", "--self-contained", "-p:PublishTrimmed=true", "-p:WarningsNotAsErrors=IL2104", "-o", published);
        Assert.That(Warning().Matches(output).Select(m => m.Value), Has.None.Contain("Tessera"));
        long[] sizes = [.. libraries.Keys.Select(id => new FileInfo(Path.Combine(published, $"{id}.dll")).Length)];
        Assert.That(sizes.Sum(), Is.LessThan(libraries.Keys.Sum(Unpacked)), "trimmed");
        TrainsAndPredicts(project, await ChildProcess.Run(project, PackageSet.Limit, Path.Combine(published, "trimmed")));
    }

    /// <summary>A program of all that the readmes of the packages show, with photos and a network beside it.</summary>
    string Project(string name)
    {
        string project = set.Project(name, "Tessera.Vision", Program(ids[..^1].Select(id => libraries[id].Folder)));
        Photos.Copy(project);
        File.Copy(Photos.Network, Path.Combine(project, "resnet34.onnx"));
        return project;
    }

    static void TrainsAndPredicts(string project, string output)
    {
        Assert.That(output, Does.Contain("cpu: ready").And.Contain("epoch").And.Contain("3.00 x + 2.00").And.Match(@"\n\w+ [01]\.\d{4}\n"));
        Assert.That(File.Exists(Path.Combine(project, "classifier.safetensors")));
    }

    /// <summary>The size of a library in its package.</summary>
    long Unpacked(string id)
    {
        using var package = set.Open(id);
        return package.GetEntry($"lib/net10.0/{id}.dll")!.Length;
    }

    /// <summary>All that the readmes of the packages show, one after the other, as one program.</summary>
    static string Program(IEnumerable<string> projects)
    {
        string[] blocks = [.. projects.Select(p => Block().Match(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "src", p, "PACKAGE.md")).ReplaceLineEndings("\n")).Groups[1].Value)];
        Assert.That(blocks, Is.All.Not.Empty);
        string[] usings = [.. blocks.SelectMany(b => b.Split('\n')).Where(IsUsing).Distinct(StringComparer.Ordinal)];
        return string.Join('\n', usings.Concat(blocks.Select(b => $"{{\n{string.Join('\n', b.Split('\n').Where(l => !IsUsing(l)))}\n}}")));
    }

    static bool IsUsing(string line) => line.StartsWith("using ", StringComparison.Ordinal);

    [Test]
    public async Task TheToolIsInstalledFromTheFolder()
    {
        string sources = folder.File("nuget.config"), tools = folder.File("tools");
        new XElement("configuration", new XElement("packageSources", new XElement("clear"), new XElement("add", new XAttribute("key", "folder"), new XAttribute("value", set.Feed)))).Save(sources);
        await ChildProcess.Run(folder.Path, PackageSet.Limit, "dotnet", "tool", "install", "tessera", "--tool-path", tools, "--version", set.Version, "--configfile", sources);
        string tessera = Path.Combine(tools, "tessera");
        Assert.That(await ChildProcess.Run(folder.Path, PackageSet.Limit, tessera, "--version"), Does.Match(@"^\d+\.\d+\.\d+"));
        Assert.That(await ChildProcess.Run(folder.Path, PackageSet.Limit, tessera, "doctor"), Does.Contain("compute threads").And.Match(@"device cpu +ready"));
    }

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"libraries ([\d.]+) MB together; the tool as a package, for seven systems, ([\d.]+) MB")]
    private static partial Regex SizesInReadme();

    [GeneratedRegex(@"^.*\bwarning\b.*$", RegexOptions.Multiline)]
    private static partial Regex Warning();
}
