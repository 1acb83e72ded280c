namespace Tessera.NN;

/// <summary>Keeps the course of a fit call.</summary>
public sealed class Recorder : Callback
{
    readonly List<double> lrs = [], momenta = [], losses = [], batchLosses = [];
    readonly List<double?> validLosses = [];
    readonly List<IReadOnlyList<double>?> metrics = [];
    readonly List<int> batchCounts = [];

    /// <inheritdoc/>
    public override int Order => -10;

    /// <summary>Learning rate of the last layer group, a training batch.</summary>
    public IReadOnlyList<double> Lrs => lrs;

    /// <summary>Momentum, or Adam's β₁, of the last layer group, a training batch.</summary>
    public IReadOnlyList<double> Momenta => momenta;

    /// <summary>Smoothed loss, a training batch.</summary>
    public IReadOnlyList<double> Losses => losses;

    /// <summary>The loss itself, a training batch.</summary>
    public IReadOnlyList<double> BatchLosses => batchLosses;

    /// <summary>Validation loss, an epoch; null without validation.</summary>
    public IReadOnlyList<double?> ValidLosses => validLosses;

    /// <summary>Metrics, an epoch; null without validation.</summary>
    public IReadOnlyList<IReadOnlyList<double>?> MetricValues => metrics;

    /// <summary>The names of the metrics.</summary>
    public IReadOnlyList<string> MetricNames { get; private set; } = [];

    /// <summary>Training batches, an epoch.</summary>
    public IReadOnlyList<int> BatchCounts => batchCounts;

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        MetricNames = [.. s.Learner.Metrics.Select(m => m.Name)];
    }

    /// <inheritdoc/>
    public override void BatchBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining || s.Learner.Optimizer is not { } optimizer) return;
        lrs.Add(optimizer.Groups[^1].Lr);
        momenta.Add(optimizer.Groups[^1].Momentum);
    }

    /// <inheritdoc/>
    public override void BackwardBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        losses.Add(s.SmoothedLoss);
        batchLosses.Add(s.LossValue);
    }

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        run.List("lrs", lrs);
        run.List("momenta", momenta);
        run.List("losses", losses);
        run.List("batch_losses", batchLosses);
        run.List("batch_counts", batchCounts);
        RememberEpochs(run);
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        validLosses.Add(s.ValidLoss);
        metrics.Add(s.MetricValues);
        batchCounts.Add(losses.Count - batchCounts.Sum());
    }

    /// <summary>Epochs with validation have as many numbers as there are metrics, the others none.</summary>
    void RememberEpochs(RunState run)
    {
        List<double> losses = [.. validLosses.Select(l => l ?? 0)], values = [.. metrics.SelectMany(m => m ?? [])];
        List<int> validated = [.. validLosses.Select(l => l is null ? 0 : 1)], counts = [.. metrics.Select(m => m?.Count ?? -1)];
        run.List("valid_losses", losses);
        run.List("validated", validated);
        run.List("metric_values", values);
        run.List("metric_counts", counts);
        if (!run.IsRead) return;
        validLosses.Clear();
        validLosses.AddRange(losses.Zip(validated, (loss, was) => was == 1 ? loss : (double?)null));
        metrics.Clear();
        int at = 0;
        foreach (int n in counts)
        {
            metrics.Add(n < 0 ? null : values.GetRange(at, n));
            at += int.Max(0, n);
        }
    }
}
