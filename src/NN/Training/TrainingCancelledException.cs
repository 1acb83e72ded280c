using System.Globalization;

namespace Tessera.NN;

/// <summary>A fit call was cancelled; it stopped cleanly after a batch.</summary>
/// <param name="epochsDone">Epochs that were finished, with their validation.</param>
public sealed class TrainingCancelledException(int epochsDone)
    : OperationCanceledException(string.Create(CultureInfo.InvariantCulture, $"Training was stopped after {epochsDone} finished epochs."))
{
    /// <summary>Epochs that were finished, with their validation.</summary>
    public int EpochsDone { get; } = epochsDone;
}
