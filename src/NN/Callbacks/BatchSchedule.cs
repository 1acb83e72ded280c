namespace Tessera.NN;

/// <summary>Sets learning rates and momentum anew before each batch k, leaves the values after the last, and ends training there.</summary>
public abstract class BatchSchedule : Callback
{
    int k;

    private protected BatchSchedule()
    {
    }

    /// <summary>The k of the first batch.</summary>
    private protected virtual int Start => 0;

    /// <summary>Training ends when k reaches it.</summary>
    private protected abstract int End { get; }

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        k = Start;
        Set(s.Learner, k);
    }

    /// <inheritdoc/>
    public override void EpochJump(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        k = Start + ((s.Epoch - s.FirstEpoch) * s.Batches);
        Set(s.Learner, k);
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
        Set(s.Learner, k);
        if (k >= End) s.StopEpoch = s.StopTraining = true;
    }

    /// <summary>Gives the learner the values of batch <paramref name="k"/>.</summary>
    private protected abstract void Set(Learner learner, int k);
}
