namespace Tessera.NN;

/// <summary>Writes the table as comma-separated values; each row is on the disk before the next epoch begins. A run that goes on after a kill goes on writing where its last epoch ended.</summary>
/// <param name="path">The file; an older one is replaced.</param>
/// <param name="append">Add to an older file instead.</param>
public sealed class CsvLogger(string path = "history.csv", bool append = false) : Callback
{
    readonly string named = path;
    string path = path;
    long length; // of the file after the latest row of this run

    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <summary>The path is one in <see cref="Learner.ModelFolder"/>; of a callback from a model file.</summary>
    internal bool InModelFolder { get; init; }

    internal override CallbackSettings? Settings => new(nameof(CsvLogger), [append ? 1 : 0]) { Name = Path.GetFileName(named) };

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (InModelFolder) path = Path.Combine(s.Learner.ModelFolder, named);
        bool continues = (append || s.Resumes) && File.Exists(path);
        if (continues) length = new FileInfo(path).Length;
        else Write(FileMode.Create, TableCallback.Columns(s.Learner));
    }

    /// <summary>A row that was written although its epoch is done again goes.</summary>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        length = run.Value("length", length);
        if (run.IsRead && File.Exists(path) && new FileInfo(path).Length > length) Write(FileMode.Open, []);
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s) => Write(FileMode.Append, TableCallback.Cells(s));

    void Write(FileMode mode, IReadOnlyList<string> cells)
    {
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            using var file = new FileStream(path, mode, FileAccess.Write, FileShare.Read);
            if (cells.Count == 0) file.SetLength(length);
            else file.Write(System.Text.Encoding.UTF8.GetBytes(string.Join(',', cells) + "\n"));
            file.Flush(flushToDisk: true);
            length = file.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new TesseraException($"CsvLogger: {path} could not be written: {e.Message.TrimEnd('.')}. Hint: check free disk space and permissions.", e);
        }
    }
}
