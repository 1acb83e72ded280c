using System.IO.Compression;
using System.Xml.Linq;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>What <c>dotnet pack</c> makes of the assemblies beside these tests, in a folder of its own and under a version that nobody else has.</summary>
sealed class PackageSet(TemporaryFolder root)
{
#if DEBUG
    public const string Configuration = "Debug";
#else
    public const string Configuration = "Release";
#endif

    public static TimeSpan Limit { get; } = TimeSpan.FromMinutes(4);

    public string Version { get; } = $"0.1.0-test.{Guid.NewGuid():N}";

    /// <summary>The packages, and nothing else.</summary>
    public string Feed => root.File("feed");

    public IEnumerable<string> Files => Directory.EnumerateFiles(Feed).Select(f => Path.GetFileName(f)!);

    /// <summary>Packs without building: the build of the tests has built them.</summary>
    public Task Pack() => ChildProcess.Run(TestData.RepositoryRoot, Limit, "dotnet", "pack", "tessera.slnx", "-c", Configuration, "--no-build", "-v", "q",
        $"-p:PackageVersion={Version}", $"-p:PackageOutputPath={Feed}");

    public ZipArchive Open(string id, string extension = "nupkg") => ZipFile.OpenRead(Path.Combine(Feed, $"{id}.{Version}.{extension}"));

    /// <summary>The metadata of a package: elements by their name without namespace.</summary>
    public XElement Metadata(string id)
    {
        using var package = Open(id);
        using var stream = package.GetEntry($"{id}.nuspec")!.Open();
        var document = XDocument.Load(stream);
        foreach (var element in document.Descendants()) element.Name = element.Name.LocalName;
        return document.Root!.Element("metadata")!;
    }

    /// <summary>
    /// A project that knows the packages only: Tessera's from the folder, into a cache of its own, so that no older build is taken; the others from
    /// where this machine takes packages, or as they lie in its cache.
    /// </summary>
    public string Project(string name, string package, string program)
    {
        string folder = root.File(name), cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, $"{name}.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
                <RestorePackagesPath>{root.File("cache")}</RestorePackagesPath>
                <RestoreAdditionalProjectSources>{Feed}</RestoreAdditionalProjectSources>
                <RestoreAdditionalProjectFallbackFolders>{(Directory.Exists(cache) ? cache : "")}</RestoreAdditionalProjectFallbackFolders>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="{Version}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(folder, "Program.cs"), program);
        return folder;
    }
}
