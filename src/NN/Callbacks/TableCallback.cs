using System.Globalization;

namespace Tessera.NN;

/// <summary>The table of a fit call: a heading, a row an epoch, the total time and how much of it went into waiting for the loaders.</summary>
/// <param name="display">Where the lines go.</param>
public sealed class TableCallback(ITrainingDisplay display) : Callback
{
    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <inheritdoc/>
    public override int Order => -5;

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        display.Line(Line(Columns(s.Learner), Columns(s.Learner)));
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        display.Line(Line(Cells(s), Columns(s.Learner)));
    }

    /// <inheritdoc/>
    public override void TrainEnd(TrainingState s, Exception? error)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (error is not null) return;
        double waiting = 100 * Math.Clamp(s.WaitingTime / s.TotalTime, 0, 1);
        display.Line(string.Create(CultureInfo.InvariantCulture, $"Total time: {Time(s.TotalTime)}, {waiting:0.0} % of it waiting for batches"));
    }

    /// <summary>The headings: epoch, train_loss, valid_loss, the metrics, time.</summary>
    public static IReadOnlyList<string> Columns(Learner learner)
    {
        ArgumentNullException.ThrowIfNull(learner);
        return ["epoch", "train_loss", "valid_loss", .. learner.Metrics.Select(m => m.Name), "time"];
    }

    /// <summary>The row of a finished epoch; <c>#na#</c> where there was no validation.</summary>
    public static IReadOnlyList<string> Cells(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        var metrics = s.MetricValues?.Select(v => (double?)v) ?? Enumerable.Repeat<double?>(null, s.Learner.Metrics.Count);
        return [s.Epoch.ToString(CultureInfo.InvariantCulture), Number(s.SmoothedLoss), Number(s.ValidLoss), .. metrics.Select(Number), Time(s.EpochTime)];
    }

    /// <summary>MM:SS, from an hour on H:MM:SS.</summary>
    public static string Time(TimeSpan t)
    {
        int seconds = (int)t.TotalSeconds;
        return seconds < 3600
            ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:00}:{seconds % 60:00}")
            : string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600}:{seconds / 60 % 60:00}:{seconds % 60:00}");
    }

    /// <summary>Cells padded to the width of their headings, at least 8, two blanks between.</summary>
    internal static string Line(IReadOnlyList<string> cells, IReadOnlyList<string> columns) =>
        string.Join("  ", cells.Zip(columns, (cell, column) => cell.PadRight(Math.Max(8, column.Length)))).TrimEnd();

    static string Number(double? x) => x?.ToString("0.000000", CultureInfo.InvariantCulture) ?? "#na#";
}
