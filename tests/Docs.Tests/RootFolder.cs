using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The working directory while code of a page runs: a folder that looks like the repository's root and keeps what the code writes away from it.</summary>
sealed class RootFolder : IDisposable
{
    static readonly string[] seen = ["assets", "docs", "examples"];

    readonly string before = Environment.CurrentDirectory, root = Directory.CreateTempSubdirectory("tessera-docs-").FullName;

    /// <param name="inside">A new folder in it to work in, instead of the root itself.</param>
    public RootFolder(string inside = ".")
    {
        foreach (string name in seen.Where(n => n != inside && Directory.Exists(Path.Combine(TestData.RepositoryRoot, n))))
            Directory.CreateSymbolicLink(Path.Combine(root, name), Path.Combine(TestData.RepositoryRoot, name));
        Environment.CurrentDirectory = Directory.CreateDirectory(Path.Combine(root, inside)).FullName;
    }

    public void Dispose()
    {
        Device.Default = Device.Cpu;
        Environment.CurrentDirectory = before;
        foreach (string link in Directory.EnumerateDirectories(root).Where(d => new DirectoryInfo(d).LinkTarget != null).ToArray())
            Directory.Delete(link);
        Directory.Delete(root, recursive: true);
    }
}
