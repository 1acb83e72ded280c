namespace Tessera.NN;

/// <summary>
/// A number that says how good predictions are, gathered batch by batch: <see cref="Reset"/>, <see cref="Update"/> for each batch, then <see cref="Value"/>.
/// </summary>
/// <param name="name">The heading of its column.</param>
public abstract class Metric(string name)
{
    /// <summary>The heading of its column.</summary>
    public string Name { get; } = name;

    /// <summary>The number over all batches since <see cref="Reset"/>; NaN where there was none.</summary>
    public abstract double Value { get; }

    /// <summary>Starts again.</summary>
    public abstract void Reset();

    /// <summary>Takes a batch in.</summary>
    /// <param name="output">What the model gave, such as logits <c>[N, classes]</c>.</param>
    /// <param name="target">What is true, such as classes <c>[N]</c> (Int64).</param>
    public abstract void Update(Tensor output, Tensor target);
}

/// <summary>A metric that is a mean over items: batches count by their number of items.</summary>
/// <param name="name">The heading of its column.</param>
public abstract class MeanMetric(string name) : Metric(name)
{
    double sum;
    long count;

    /// <inheritdoc/>
    public override double Value => count == 0 ? double.NaN : sum / count;

    /// <inheritdoc/>
    public override void Reset() => (sum, count) = (0, 0);

    /// <inheritdoc/>
    public override void Update(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        if (output.Rank == 0 || target.Rank == 0 || output.Shape[0] != target.Shape[0])
            throw new ShapeException($"{Name}: batch sizes differ: got output {output.Shape} and target {target.Shape}, expected one target an item. Hint: the first dimension of both is the batch.");
        sum += Sum(output, target);
        count += output.Shape[0];
    }

    /// <summary>The sum over the items of a batch.</summary>
    protected abstract double Sum(Tensor output, Tensor target);
}
