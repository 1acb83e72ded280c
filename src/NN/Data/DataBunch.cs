namespace Tessera.NN;

/// <summary>The loaders a learner works with, and what happens to a batch on its device.</summary>
public class DataBunch
{
    /// <summary>Loaders for training, validation and test.</summary>
    /// <param name="train">Shuffled, without the incomplete last batch.</param>
    /// <param name="valid">In order; null where nothing is validated.</param>
    /// <param name="test">In order; null where there is none.</param>
    public DataBunch(DataLoader train, DataLoader? valid = null, DataLoader? test = null)
    {
        ArgumentNullException.ThrowIfNull(train);
        (Train, Valid, Test) = (train, valid, test);
    }

    /// <summary>What is learned from.</summary>
    public DataLoader Train { get; }

    /// <summary>What is validated on, where there is any.</summary>
    public DataLoader? Valid { get; }

    /// <summary>What is only predicted, where there is any.</summary>
    public DataLoader? Test { get; }

    /// <summary>Time spent waiting for batches of training and validation so far.</summary>
    internal TimeSpan Waited => Train.Waited + (Valid?.Waited ?? TimeSpan.Zero);

    /// <summary>Stops what was loaded ahead and nobody asked for.</summary>
    internal void Discard()
    {
        Train.Discard();
        Valid?.Discard();
    }

    /// <summary>What tells these data from others of the same size, part by part: see <see cref="Dataset.Identify"/>.</summary>
    internal virtual IEnumerable<(string Part, string Content)> Identify() =>
        Of("training", Train).Concat(Valid is null ? [] : Of("validation", Valid));

    static IEnumerable<(string Part, string Content)> Of(string set, DataLoader loader) => loader.Dataset.Identify().Select(p => ($"{set} {p.Part}", p.Content));

    /// <summary>Applied to the inputs of every batch on its device: normalisation.</summary>
    public Func<Tensor, Tensor>? BatchTransform { get; set; }

    /// <summary>The inputs of a batch as the model takes them.</summary>
    public Tensor Prepare(Tensor x) => BatchTransform is null ? x : BatchTransform(x);
}
