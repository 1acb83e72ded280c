namespace Tessera.NN;

/// <summary>Batch norms whose parameters are frozen use their running statistics and let them stand; of use with <see cref="Learner.TrainBn"/> false.</summary>
public sealed class BatchNormFreeze : Callback
{
    /// <inheritdoc/>
    public override void EpochBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        foreach (var (_, module) in s.Learner.Model.NamedModules())
            if (module is BatchNorm { Weight.RequiresGrad: false }) module.Eval();
    }
}
