using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Validates and ends with the exponential moving average of the weights and batch-norm statistics, e ← d·e + (1-d)·w after each step (see <see cref="MovingAverage"/>).
/// Training goes on with the weights themselves. A checkpoint saves the averages, which its numbers are of. After an error or cancellation the weights stay.
/// </summary>
/// <param name="decay">d, 0 to 1; an average over about the latest 1/(1-d) steps.</param>
public sealed class Ema(double decay = 0.999) : Callback
{
    MovingAverage? average;
    Tensor[] followed = [];
    bool swapped;

    /// <summary>Before callbacks that save or load the model.</summary>
    public override int Order => -50;

    internal override CallbackSettings? Settings => new(nameof(Ema), [decay]);

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        average?.Dispose();
        followed = [.. s.Learner.Model.StateDict().Values.Where(t => t.DType.IsFloat())];
        (average, swapped) = (new MovingAverage(followed, decay), false);
    }

    /// <inheritdoc/>
    public override void EpochBegin(TrainingState s) => Use(averages: false);

    /// <inheritdoc/>
    public override void BatchBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining) Use(averages: true);
    }

    /// <inheritdoc/>
    public override void StepEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.SkipStep) average!.Update();
    }

    /// <inheritdoc/>
    public override void TrainEnd(TrainingState s, Exception? error)
    {
        if (average is null) return;
        Use(averages: error is null);
        average.Dispose();
        average = null;
    }

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        swapped = run.Value("swapped", swapped);
        foreach (var (i, e) in average!.Averages.Index()) run.Tensor(i.ToString(CultureInfo.InvariantCulture), e);
    }

    /// <summary>The model has the averages, or its own weights.</summary>
    void Use(bool averages)
    {
        if (averages == swapped || average is null) return;
        average.Swap();
        swapped = averages;
    }
}
