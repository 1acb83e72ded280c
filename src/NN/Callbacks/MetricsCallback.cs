namespace Tessera.NN;

/// <summary>Gathers the learner's metrics over the validation batches of an epoch.</summary>
public sealed class MetricsCallback : Callback
{
    bool any;

    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <inheritdoc/>
    public override int Order => -20;

    /// <inheritdoc/>
    public override void EpochBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        any = false;
        foreach (var m in s.Learner.Metrics) m.Reset();
    }

    /// <inheritdoc/>
    public override void BatchEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (s.IsTraining) return;
        any = true;
        foreach (var m in s.Learner.Metrics) m.Update(s.Output, s.Y);
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (any) s.MetricValues = [.. s.Learner.Metrics.Select(m => m.Value)];
    }
}
