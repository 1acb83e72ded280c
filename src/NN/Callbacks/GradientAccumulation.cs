namespace Tessera.NN;

/// <summary>Steps once every <paramref name="batches"/> batches with the mean of their gradients; at the end of an epoch with what there is.</summary>
/// <param name="batches">At least 1.</param>
/// <exception cref="TesseraException"><paramref name="batches"/> is below 1.</exception>
public sealed class GradientAccumulation(int batches) : Callback
{
    readonly int batches = batches >= 1 ? batches
        : throw new TesseraException(FormattableString.Invariant($"GradientAccumulation: batches: got {batches}, expected at least 1. Hint: 4 makes one step of four batches."));

    int gathered;

    /// <inheritdoc/>
    public override int Order => -8;

    internal override CallbackSettings? Settings => new(nameof(GradientAccumulation), [batches]);

    /// <inheritdoc/>
    public override void EpochBegin(TrainingState s) => gathered = 0;

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        gathered = (int)run.Value("gathered", gathered);
    }

    /// <inheritdoc/>
    public override void BackwardEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        gathered++;
        if (gathered < batches && s.Batch + 1 < s.Batches)
        {
            s.SkipStep = s.SkipZeroGrad = true;
            return;
        }
        using var noGrad = Autograd.NoGrad();
        foreach (var p in s.Learner.Model.Parameters())
            if (p.Grad is { } g) g.CopyFrom(g * (1f / gathered));
        gathered = 0;
    }
}
