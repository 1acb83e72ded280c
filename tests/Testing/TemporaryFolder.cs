namespace Tessera.Testing;

/// <summary>A new folder that is deleted at the end of a test.</summary>
/// <param name="inMemory">In the memory of Linux, where there is such a folder: for many small files.</param>
public sealed class TemporaryFolder(bool inMemory = false) : IDisposable
{
    const string Memory = "/dev/shm";

    /// <summary>The folder.</summary>
    public string Path { get; } = inMemory && Directory.Exists(Memory)
        ? Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"tessera-test-{Guid.NewGuid():N}")).FullName
        : Directory.CreateTempSubdirectory("tessera-test-").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Deletes the folder with all that is in it.</summary>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
