namespace Tessera.NN;

/// <summary>Sets learning rates and momentum from functions of the batch: batch k is trained with their values at k, and the values after the last batch stay.</summary>
/// <param name="lr">The rates of the layer groups at batch k.</param>
/// <param name="momentum">The momentum (Adam's β₁) at batch k; null leaves it alone.</param>
/// <param name="start">The k of the first batch.</param>
/// <param name="batches">Training ends when k reaches it.</param>
public sealed class ScheduleCallback(Func<int, IReadOnlyList<double>> lr, Func<int, double>? momentum = null, int start = 0, int batches = int.MaxValue) : Callback
{
    int k;

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        k = start;
        Set(s.Learner);
    }

    /// <inheritdoc/>
    public override void EpochJump(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        k = start + ((s.Epoch - s.FirstEpoch) * s.Batches);
        Set(s.Learner);
    }

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        k = (int)run.Value("k", k);
    }

    /// <inheritdoc/>
    public override void BatchEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining) return;
        k++;
        Set(s.Learner);
        if (k >= batches) s.StopEpoch = s.StopTraining = true;
    }

    void Set(Learner learner)
    {
        learner.SetLr(lr(k));
        if (momentum is not null) learner.SetMomentum(momentum(k));
    }
}
