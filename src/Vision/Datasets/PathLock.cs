namespace Tessera.Vision;

/// <summary>One process or thread at a time works on a path; the system frees the lock of one that died.</summary>
sealed class PathLock : IDisposable
{
    readonly FileStream file;

    PathLock(FileStream file) => this.file = file;

    /// <summary>Waits for its turn. The lock is the empty file <c>.name.lock</c> beside the path, which stays.</summary>
    public static PathLock Of(string path, CancellationToken cancellation)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!, name = Path.Combine(folder, $".{Path.GetFileName(path)}.lock");
        Directory.CreateDirectory(folder);
        while (true)
        {
            try
            {
                return new(new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException e) when ((e.HResult & 0xFFFF) is 32 or 11 or 35) // somebody has it, as Windows, Linux and macOS say it
            {
                cancellation.ThrowIfCancellationRequested();
                cancellation.WaitHandle.WaitOne(50);
            }
        }
    }

    public void Dispose() => file.Dispose();
}
