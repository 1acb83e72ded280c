using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Draws training and validation losses into a file after every epoch, so that a viewer beside it shows how far training is.</summary>
public sealed class ShowGraph : Callback
{
    readonly string path;

    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <summary>A graph of every fit call that this callback takes part in; a later call replaces it.</summary>
    /// <param name="path">The file, .png or .svg.</param>
    /// <exception cref="DataException">Another extension.</exception>
    public ShowGraph(string path = "losses.png")
    {
        Figure.CheckExtension(path);
        this.path = path;
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        var recorder = s.Learner.Recorder;
        if (recorder.Losses.Count == 0) return;
        int perEpoch = recorder.BatchCounts[^1];
        new Figure(TrainingPlots.Losses(recorder, recorder.Losses.Count + (perEpoch * (s.Epochs - s.Epoch - 1))), 640, 480).Save(path);
    }
}
