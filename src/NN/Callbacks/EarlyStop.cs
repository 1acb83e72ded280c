using System.Globalization;

namespace Tessera.NN;

/// <summary>Ends the fit call when a column has not become better for more than <paramref name="patience"/> epochs.</summary>
/// <param name="monitor">The watched column.</param>
/// <param name="mode">Which way it gets better.</param>
/// <param name="minDelta">By how much it must become better, at least 0.</param>
/// <param name="patience">Epochs without improvement that are borne, at least 0.</param>
/// <exception cref="TesseraException">A number is out of its range.</exception>
public sealed class EarlyStop(string monitor = "valid_loss", MonitorMode mode = MonitorMode.Auto, double minDelta = 0, int patience = 0) : Callback
{
    readonly BestValue best = new(monitor, mode, minDelta, patience);

    internal override CallbackSettings? Settings => new(nameof(EarlyStop), [minDelta, patience], monitor, mode);

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s) => best.Begin(s);

    /// <inheritdoc/>
    public override void Remember(RunState run) => best.Remember(run);

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!best.Stalls(s)) return;
        s.StopTraining = true;
        s.Learner.Display?.Line(string.Create(CultureInfo.InvariantCulture, $"Epoch {s.Epoch}: early stopping, {monitor} has not become better than {best.Best:0.000000}."));
    }
}
