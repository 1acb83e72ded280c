namespace Tessera.NN;

/// <summary>Tells a display after each batch where training stands.</summary>
/// <param name="display">What shows it.</param>
public sealed class ProgressCallback(ITrainingDisplay display) : Callback
{
    TimeSpan validationBegan;

    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <inheritdoc/>
    public override int Order => 100;

    /// <inheritdoc/>
    public override void BatchBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining && s.Batch == 0) validationBegan = s.EpochTime;
    }

    /// <inheritdoc/>
    public override void BatchEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        var elapsed = s.IsTraining ? s.EpochTime : s.EpochTime - validationBegan;
        int done = s.Batch + 1;
        display.Progress(new TrainingProgress(s.Epoch, s.Epochs, s.IsTraining, done, s.Batches, elapsed, elapsed * ((double)(s.Batches - done) / done), s.SmoothedLoss));
    }

    /// <inheritdoc/>
    public override void TrainEnd(TrainingState s, Exception? error) => display.End();
}
