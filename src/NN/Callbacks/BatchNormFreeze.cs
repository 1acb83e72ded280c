namespace Tessera.NN;

/// <summary>
/// Batch norms whose parameters are frozen use their running statistics and let them stand; of use with <see cref="Learner.TrainBn"/> false.
/// Those inside <paramref name="part"/> do so after unfreezing too.
/// </summary>
/// <param name="part">A part of the model whose statistics stand in any case; null for none.</param>
public sealed class BatchNormFreeze(Module? part = null) : Callback
{
    /// <inheritdoc/>
    public override void EpochBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        foreach (var (_, module) in s.Learner.Model.NamedModules())
            if (module is BatchNorm { Weight.RequiresGrad: false }) module.Eval();
        foreach (var (_, module) in part?.NamedModules() ?? [])
            if (module is BatchNorm) module.Eval();
    }
}
