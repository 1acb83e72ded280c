namespace Tessera.NN;

/// <summary>Writes the table as comma-separated values; each row is on the disk before the next epoch begins.</summary>
/// <param name="path">The file; an older one is replaced.</param>
/// <param name="append">Add to an older file instead.</param>
public sealed class CsvLogger(string path = "history.csv", bool append = false) : Callback
{
    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        bool continues = append && File.Exists(path);
        if (!continues) Write(FileMode.Create, TableCallback.Columns(s.Learner));
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s) => Write(FileMode.Append, TableCallback.Cells(s));

    void Write(FileMode mode, IReadOnlyList<string> cells)
    {
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            using var file = new FileStream(path, mode, FileAccess.Write, FileShare.Read);
            file.Write(System.Text.Encoding.UTF8.GetBytes(string.Join(',', cells) + "\n"));
            file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TesseraException($"CsvLogger: {path} could not be written: {e.Message.TrimEnd('.')}. Hint: check free disk space and permissions.", e);
        }
    }
}
