namespace Tessera.NN;

/// <summary>Ends the fit call after some training batches: for a quick look whether all works.</summary>
/// <param name="batches">At least 1.</param>
public sealed class StopAfterNBatches(int batches = 2) : Callback
{
    /// <inheritdoc/>
    public override void BatchEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (s.IsTraining && s.Iteration >= batches) s.StopEpoch = s.StopTraining = true;
    }
}
