namespace Tessera;

/// <summary>Writes a file whole or not at all: into a temporary file beside it, which then takes its name.</summary>
public static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/>; on any failure an existing file stays as it was and no temporary file is left.</summary>
    /// <exception cref="TesseraException">The file cannot be written; the message names it and the cause.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        if (path.Contains('\0', StringComparison.Ordinal))
            throw new TesseraException(
                $"Write: no name of a file: got {path.Replace("\0", "\\0", StringComparison.Ordinal)}, expected a path without the character NUL. "
                    + "Hint: look at where the name comes from.");
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            TryDelete(temporary);
            // A file larger than its file system allows (4 GB on FAT32) is reported as an argument out of range.
            if (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentOutOfRangeException { ParamName: "value" })
                throw new TesseraException($"Write: {path} could not be written: {e.Message.TrimEnd('.')}. Hint: check free disk space and permissions; an existing file was left as it was.", e);
            throw;
        }
    }

    static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The write error is the one worth reporting.
        }
    }
}
