namespace Tessera.NN;

/// <summary>Where training stands, for a bar.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Epochs">The epoch after the last.</param>
/// <param name="IsTraining">Training or validation.</param>
/// <param name="Batch">Batches done.</param>
/// <param name="Batches">Batches of this part of the epoch.</param>
/// <param name="Elapsed">Time since the epoch began.</param>
/// <param name="Remaining">Estimated time to the end of this part of the epoch.</param>
/// <param name="Loss">The smoothed training loss.</param>
public readonly record struct TrainingProgress(int Epoch, int Epochs, bool IsTraining, int Batch, int Batches, TimeSpan Elapsed, TimeSpan Remaining, double Loss);

/// <summary>Shows a running fit call: a bar that moves, lines that stay.</summary>
public interface ITrainingDisplay
{
    /// <summary>A batch is done.</summary>
    void Progress(in TrainingProgress progress);

    /// <summary>A line that stays: the table's heading, a row, the total time, a remark.</summary>
    void Line(string text);

    /// <summary>The call has ended, also after an error: nothing moves any more.</summary>
    void End();
}

/// <summary>Lines only: for logs and pipes.</summary>
/// <param name="writer">Where they go.</param>
public sealed class PlainDisplay(TextWriter writer) : ITrainingDisplay
{
    /// <inheritdoc/>
    public void Progress(in TrainingProgress progress) { }

    /// <inheritdoc/>
    public void Line(string text)
    {
        writer.WriteLine(text);
        writer.Flush();
    }

    /// <inheritdoc/>
    public void End() { }
}
