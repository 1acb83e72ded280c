namespace Tessera.Testing;

/// <summary>A new folder that is deleted at the end of a test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    /// <summary>The folder.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("tessera-test-").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Deletes the folder with all that is in it.</summary>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
