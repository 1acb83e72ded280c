namespace Tessera.NN;

public partial class Learner
{
    /// <summary>What makes the optimizer again; of one that was not used yet, without values of its groups.</summary>
    internal OptimizerSettings OptimizerSettings => Optimizer?.Describe() ?? Fresh().Describe() with { Groups = [] };

    /// <summary>Mixed precision; null without.</summary>
    internal PrecisionSettings? PrecisionSettings => Precision == DType.Float32 ? null : LossScaler?.Describe() ?? new PrecisionSettings(Precision);

    /// <summary>
    /// Optimizers are made as described from now on. Where the described one was trained with, and had as many groups, one is made now and has what those had last: after a
    /// one-cycle, a fit at constant rates goes on with the momentum that the cycle left.
    /// </summary>
    internal void Restore(OptimizerSettings settings)
    {
        if (!settings.IsKnown) return;
        bool follows = settings.DecoupledDecay == TrueWd; // as the usual optimizer does
        OptimizerFactory = groups => settings.Make(groups, follows ? TrueWd : settings.DecoupledDecay);
        Optimizer = null;
        if (settings.Groups.Count != 2 * LayerGroups.Count) return;
        foreach (var (group, had) in Made().Groups.Zip(settings.Groups)) (group.Lr, group.Momentum, group.WeightDecay) = (had.Lr, had.Momentum, had.Wd);
    }

    /// <summary>Mixed precision as described.</summary>
    /// <exception cref="TesseraException">A number is out of its range.</exception>
    internal void Restore(PrecisionSettings settings)
    {
        if (settings.Type == DType.BFloat16)
        {
            ToBf16();
            return;
        }
        ToFp16(settings.Scale, settings.IsDynamic, settings.MaxNoskip, settings.Clip, settings.MaxScale);
        LossScaler!.State = (settings.Scale, settings.GoodSteps, settings.SkippedSteps);
    }
}
