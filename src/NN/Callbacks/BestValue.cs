namespace Tessera.NN;

/// <summary>Which way a watched number gets better.</summary>
public enum MonitorMode
{
    /// <summary><see cref="Min"/> where the name contains "loss" or "error", else <see cref="Max"/>.</summary>
    Auto,

    /// <summary>Smaller is better.</summary>
    Min,

    /// <summary>Larger is better.</summary>
    Max,
}

/// <summary>The best value so far of a column of the table.</summary>
sealed class BestValue(string column, MonitorMode mode, double minDelta = 0, int patience = 0)
{
    readonly double minDelta = minDelta is >= 0 and < double.PositiveInfinity ? minDelta
        : throw new TesseraException(FormattableString.Invariant($"Monitor: least difference: got {minDelta}, expected at least 0. Hint: 0 takes any improvement; mode says which way is better."));

    readonly int patience = patience >= 0 ? patience
        : throw new TesseraException(FormattableString.Invariant($"Monitor: patience: got {patience} epochs, expected at least 0. Hint: 0 bears no epoch without improvement."));

    readonly bool smaller = mode == MonitorMode.Min
        || (mode == MonitorMode.Auto && (column.Contains("loss", StringComparison.Ordinal) || column.Contains("error", StringComparison.Ordinal)));

    int waited;

    /// <summary>The best value; null before the first.</summary>
    public double? Best { get; private set; }

    /// <summary>Begins a fit call.</summary>
    /// <exception cref="TesseraException">There is no such column, or nothing is validated.</exception>
    public void Begin(TrainingState s)
    {
        (Best, waited) = (null, 0);
        s.Value(column);
        if (column is not "train_loss" && s.Learner.Data.Valid is not { BatchCount: > 0 })
            throw new TesseraException(
                $"Monitor: {column} is not computed: got a data bunch without validation items, expected some. "
                    + "Hint: watch train_loss, or give the data bunch a validation set.");
    }

    public void Remember(RunState run) => (Best, waited) = (run.Value("best", Best), (int)run.Value("waited", waited));

    /// <summary>True where the value of this epoch is better than the best so far by more than the least difference; it is the best then.</summary>
    public bool Improves(TrainingState s)
    {
        if (s.Value(column) is not double value || double.IsNaN(value)) return false;
        if (Best is { } best && (smaller ? value + minDelta >= best : value - minDelta <= best)) return false;
        Best = value;
        return true;
    }

    /// <summary>True where there was no improvement for more epochs than are borne; the count begins again then.</summary>
    public bool Stalls(TrainingState s)
    {
        waited = Improves(s) ? 0 : waited + 1;
        if (waited <= patience) return false;
        waited = 0;
        return true;
    }
}
