using System.Globalization;

namespace Tessera.NN;

/// <summary>Multiplies all learning rates by <paramref name="factor"/> when a column has not become better for more than <paramref name="patience"/> epochs.</summary>
/// <param name="monitor">The watched column.</param>
/// <param name="mode">Which way it gets better.</param>
/// <param name="patience">Epochs without improvement that are borne, at least 0.</param>
/// <param name="factor">0 to 1.</param>
/// <param name="minDelta">By how much it must become better, at least 0.</param>
/// <param name="minLr">No rate falls below, at least 0; rates that are lower already stay.</param>
/// <exception cref="TesseraException">A number is out of its range.</exception>
public sealed class ReduceLrOnPlateau(string monitor = "valid_loss", MonitorMode mode = MonitorMode.Auto, int patience = 0, double factor = 0.2, double minDelta = 0, double minLr = 1e-3) : Callback
{
    readonly BestValue best = new(monitor, mode, minDelta, patience);

    readonly double factor = factor is >= 0 and <= 1 ? factor
        : throw new TesseraException(FormattableString.Invariant($"ReduceLrOnPlateau: factor: got {factor}, expected 0 to 1. Hint: 0.2 is usual."));

    readonly double minLr = minLr is >= 0 and < double.PositiveInfinity ? minLr
        : throw new TesseraException(FormattableString.Invariant($"ReduceLrOnPlateau: least rate: got {minLr}, expected at least 0. Hint: 0 lets the rates fall as far as they do."));

    internal override CallbackSettings? Settings => new(nameof(ReduceLrOnPlateau), [patience, factor, minDelta, minLr], monitor, mode);

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s) => best.Begin(s);

    /// <inheritdoc/>
    public override void Remember(RunState run) => best.Remember(run);

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!best.Stalls(s)) return;
        foreach (var group in s.Learner.Optimizer!.Groups) group.Lr = Math.Min(group.Lr, Math.Max(group.Lr * factor, minLr));
        s.Learner.Display?.Line(string.Create(CultureInfo.InvariantCulture, $"Epoch {s.Epoch}: learning rate reduced to {s.Learner.Optimizer!.Groups[^1].Lr:0.######E0}."));
    }
}
