namespace Tessera.Cli;

/// <summary>What would fail only when the work is done fails before it.</summary>
static class Writable
{
    /// <summary>Tries whether the file that an option names can be made, and that it is none of those that the command reads.</summary>
    /// <exception cref="TesseraException">It cannot, or it is.</exception>
    public static void Check(string option, string path, params IEnumerable<string?> read)
    {
        if (read.FirstOrDefault(r => r is { Length: > 0 } && Path.GetFullPath(r) == Path.GetFullPath(path)) is not null)
            throw new TesseraException($"{option}: got {path}, which is read too: expected another file. Hint: writing would destroy what it was made from.");
        try
        {
            if (Directory.Exists(path)) throw new IOException("it is a folder");
            string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
            while (!Path.Exists(folder)) folder = Path.GetDirectoryName(folder)!;
            Probe(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new TesseraException($"{option}: {path} could not be written: {e.Message.TrimEnd('.')}. Hint: name a file in a folder you may write to.", e);
        }
    }

    static void Probe(string folder)
    {
        if (!Directory.Exists(folder)) throw new IOException($"{folder} is no folder");
        try
        {
            using var probe = new FileStream(Path.Combine(folder, $".{Guid.NewGuid():N}.tmp"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or FileNotFoundException)
        {
            throw new UnauthorizedAccessException($"no file can be made in {folder}", e);
        }
    }
}
