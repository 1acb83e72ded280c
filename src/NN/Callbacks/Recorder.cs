using System.Globalization;

namespace Tessera.NN;

/// <summary>Keeps the course of a fit call, or of several (<see cref="Learner.History"/>).</summary>
public sealed class Recorder : Callback
{
    readonly List<double> lrs = [], momenta = [], losses = [], batchLosses = [];
    readonly List<double?> validLosses = [];
    readonly List<IReadOnlyList<double>?> metrics = [];
    readonly List<int> batchCounts = [];

    /// <inheritdoc/>
    public override bool IsObserver => true;

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
        string[] names = [.. s.Learner.Metrics.Select(m => m.Name)];
        if (!names.SequenceEqual(MetricNames, StringComparer.Ordinal)) for (int i = 0; i < metrics.Count; i++) metrics[i] = null; // values of other metrics
        MetricNames = names;
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

    /// <summary>Epochs and batches, and where they ended.</summary>
    public override string ToString()
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{batchCounts.Count} epochs, {losses.Count} batches");
        if (losses.Count > 0) text += string.Create(CultureInfo.InvariantCulture, $", train_loss {losses[^1]:0.000000}");
        if (validLosses is [.., { } valid]) text += string.Create(CultureInfo.InvariantCulture, $", valid_loss {valid:0.000000}");
        return metrics is [.., { } last]
            ? text + string.Concat(MetricNames.Zip(last, (name, value) => string.Create(CultureInfo.InvariantCulture, $", {name} {value:0.000000}")))
            : text;
    }

    /// <summary>The record as tensors, for a file.</summary>
    /// <param name="part">What their names begin with, before a slash.</param>
    internal IReadOnlyDictionary<string, Tensor> ToState(string part)
    {
        var state = RunState.ToWrite();
        RememberWithNames(state.Part(part));
        return state.Tensors;
    }

    /// <summary>The record that <see cref="ToState"/> made; null where there is none among the tensors.</summary>
    /// <exception cref="TesseraException">It is damaged.</exception>
    internal static Recorder? FromState(IEnumerable<KeyValuePair<string, Tensor>> tensors, string part, string file)
    {
        var state = RunState.Of(tensors.Where(t => t.Key.StartsWith(part + "/", StringComparison.Ordinal)), file);
        if (state.Tensors.Count == 0) return null;
        var recorder = new Recorder();
        recorder.RememberWithNames(state.Part(part));
        return recorder;
    }

    void RememberWithNames(RunState run)
    {
        Remember(run);
        MetricNames = run.Text("metric_names", string.Join('\n', MetricNames)) is { Length: > 0 } names ? names.Split('\n') : [];
        if (metrics.Exists(m => m is not null && m.Count != MetricNames.Count)) throw run.Damaged("metric_names are not as many as the metrics");
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
        if (validated.Count != losses.Count || counts.Count != losses.Count || batchCounts.Count != losses.Count || counts.Exists(n => n < -1) || counts.Sum(n => Math.Max(0L, n)) != values.Count
            || batchCounts.Exists(n => n < 0) || batchCounts.Sum(n => (long)n) > this.losses.Count || batchLosses.Count != this.losses.Count || momenta.Count != lrs.Count)
            throw run.Damaged("valid_losses have other epochs than the rest");
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
