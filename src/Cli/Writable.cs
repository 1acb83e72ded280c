namespace Tessera.Cli;

/// <summary>What would fail only when the work is done fails before it.</summary>
static class Writable
{
    /// <summary>Tries whether the file that an option names can be made.</summary>
    /// <exception cref="TesseraException">It cannot.</exception>
    public static void Check(string option, string path)
    {
        try
        {
            if (Directory.Exists(path)) throw new IOException("it is a folder");
            string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
            while (!Path.Exists(folder)) folder = Path.GetDirectoryName(folder)!;
            using var probe = new FileStream(Path.Combine(folder, $".{Guid.NewGuid():N}.tmp"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new TesseraException($"{option}: {path} could not be written: {e.Message.TrimEnd('.')}. Hint: name a file in a folder you may write to.", e);
        }
    }
}
