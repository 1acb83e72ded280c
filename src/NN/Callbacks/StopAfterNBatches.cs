namespace Tessera.NN;

/// <summary>Ends the fit call after some training batches: for a quick look whether all works.</summary>
/// <param name="batches">At least 1.</param>
/// <exception cref="TesseraException"><paramref name="batches"/> is below 1.</exception>
public sealed class StopAfterNBatches(int batches = 2) : Callback
{
    readonly int batches = batches >= 1 ? batches
        : throw new TesseraException(FormattableString.Invariant($"StopAfterNBatches: batches: got {batches}, expected at least 1. Hint: 2 is enough for a look."));

    internal override CallbackSettings? Settings => new(nameof(StopAfterNBatches), [batches]);

    /// <inheritdoc/>
    public override void BatchEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (s.IsTraining && s.Iteration >= batches) s.StopEpoch = s.StopTraining = true;
    }
}
