using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Why a photo should be looked at.</summary>
public enum CleaningReason
{
    /// <summary>Its loss is among the largest: it may be of another class, or of none.</summary>
    HighLoss,

    /// <summary>It looks like another photo: the same picture twice counts twice, and is no test where the other was learned from.</summary>
    NearDuplicate,
}

/// <summary>A photo that should be looked at.</summary>
/// <param name="Path">The file.</param>
/// <param name="Reason">Why.</param>
/// <param name="Score">The loss, or the cosine of the standardised features of both photos.</param>
/// <param name="Label">Its class.</param>
/// <param name="Other">The predicted class, or the file of the other photo.</param>
public sealed record CleaningRow(string Path, CleaningReason Reason, double Score, string Label, string Other);

/// <summary>
/// Photos that may be wrong: those of the largest losses, then pairs that look alike. Write the list, delete the rows of photos that are right, read
/// it again, and leave the others out of the next bunch.
/// </summary>
/// <param name="rows">The rows, in order.</param>
/// <example><code>
/// CleaningList.Of(learn).Save("clean.csv");                                                       // now delete rows
/// var options = new ImageDataOptions { Exclude = CleaningList.Load("clean.csv").Paths };
/// </code></example>
public sealed class CleaningList(IReadOnlyList<CleaningRow> rows)
{
    /// <summary>The rows, in order.</summary>
    public IReadOnlyList<CleaningRow> Rows { get; } = rows;

    /// <summary>The photos that are named, each once.</summary>
    public IReadOnlySet<string> Paths => Rows.Select(r => r.Path).ToHashSet(StringComparer.Ordinal);

    /// <summary>Looks through photos once.</summary>
    /// <param name="learner">The model; its body gives the features.</param>
    /// <param name="losses">How many photos of large loss.</param>
    /// <param name="duplicates">How many pairs that look alike. The later photo of each is named.</param>
    /// <param name="similarity">The least cosine of a pair, -1 to 1.</param>
    /// <param name="sets">Which photos; default those of training, then those of validation, with the transforms of validation.</param>
    /// <exception cref="TesseraException">There are no photos.</exception>
    public static CleaningList Of(ImageLearner learner, int losses = 100, int duplicates = 100, double similarity = 0.8, IReadOnlyList<DataLoader>? sets = null)
    {
        if (similarity is not (>= -1 and <= 1))
            throw new TesseraException(FormattableString.Invariant(
                $"CleaningList: similarity: got {similarity}, expected a cosine of -1 to 1. Hint: 0.8 finds pictures of one scene."));
        ArgumentNullException.ThrowIfNull(learner);
        var seen = SeenPhotos.Of(learner, sets ?? (learner.Images.Valid is { } valid ? [learner.Images.Fix, valid] : [learner.Images.Fix]));
        var classes = learner.Images.Classes;
        string Class(int c) => c < 0 ? "" : classes[c];
        var high = Metrics.TopLosses(seen.Losses, losses).Where(l => !float.IsNaN(l.Loss))
            .Select(l => new CleaningRow(seen.Photos[l.Item].Path, CleaningReason.HighLoss, l.Loss, Class(seen.Photos[l.Item].Label), Class(seen.Predicted[l.Item])));
        var alike = SimilarPairs.Of(seen.Features, duplicates, similarity)
            .Select(p => new CleaningRow(seen.Photos[p.Second].Path, CleaningReason.NearDuplicate, p.Cosine, Class(seen.Photos[p.Second].Label), seen.Photos[p.First].Path));
        return new CleaningList([.. high, .. alike]);
    }

    /// <summary>Writes the list as a table with a header row: path, reason, score, label, other. The file appears whole or not at all.</summary>
    /// <exception cref="TesseraException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        using var table = new CsvWriter(writer, CultureInfo.InvariantCulture);
        foreach (string name in columns) table.WriteField(name);
        foreach (var row in Rows)
        {
            table.NextRecord();
            foreach (string cell in new[] { row.Path, row.Reason.ToString(), row.Score.ToString("R", CultureInfo.InvariantCulture), row.Label, row.Other }) table.WriteField(cell);
        }
        table.NextRecord();
    });

    static readonly string[] columns = ["path", "reason", "score", "label", "other"];

    /// <summary>Reads what <see cref="Save"/> wrote, less the rows that were deleted.</summary>
    /// <exception cref="DataException">The table cannot be read, or is another one.</exception>
    public static CleaningList Load(string path)
    {
        using var file = Table.Open(path);
        return Load(file, path);
    }

    internal static CleaningList Load(TextReader text, string path)
    {
        try
        {
            using var table = new CsvReader(text, new CsvConfiguration(CultureInfo.InvariantCulture) { DetectDelimiter = true }, leaveOpen: true);
            if (!table.Read() || !table.ReadHeader() || columns.Except(table.HeaderRecord ?? [], StringComparer.Ordinal).Any())
                throw new DataException($"{path}: not a cleaning list: expected the columns {string.Join(", ", columns)}. Hint: CleaningList.Save writes one.");
            List<CleaningRow> rows = [];
            while (table.Read()) rows.Add(Row(table, path));
            return new CleaningList(rows);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new DataException($"{path}: the table cannot be read: {e.Message.Split('\n')[0].TrimEnd('\r', '.')}. Hint: CleaningList.Save writes one; delete rows of it, not columns.", e);
        }
    }

    static CleaningRow Row(CsvReader table, string path)
    {
        string reason = table.GetField("reason") ?? "", score = table.GetField("score") ?? "";
        if (!Enum.TryParse(reason, out CleaningReason why) || !double.TryParse(score, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
            throw new DataException($"{path}: row {table.Parser.Row}: got reason '{reason}' and score '{score}', expected {string.Join(" or ", Enum.GetNames<CleaningReason>())} and a number.");
        return new CleaningRow(table.GetField("path") ?? "", why, value, table.GetField("label") ?? "", table.GetField("other") ?? "");
    }
}
