using System.Globalization;

namespace Tessera.NN;

/// <summary>Ends the fit call without an error, and before the weights are harmed, when a loss is not a number.</summary>
public sealed class NanStop : Callback
{
    /// <inheritdoc/>
    public override int Order => -5;

    /// <summary>True where it ended the latest fit call.</summary>
    public bool Stopped { get; private set; }

    internal override CallbackSettings? Settings => new(nameof(NanStop), []);

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s) => Stopped = false;

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Stopped = run.Value("stopped", Stopped);
    }

    /// <inheritdoc/>
    public override void BackwardBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (double.IsFinite(s.LossValue)) return;
        Stopped = s.AcceptsBadLoss = s.StopEpoch = s.StopTraining = s.SkipValidation = true;
        s.Learner.Display?.Line(string.Create(CultureInfo.InvariantCulture, $"Epoch {s.Epoch}, batch {s.Batch}: the loss is {s.LossValue}, training stops. Hint: lower the learning rate."));
    }
}
