namespace Tessera.NN;

/// <summary>A metric read off the confusion matrix of all batches.</summary>
/// <param name="name">The heading of its column.</param>
/// <param name="of">The number.</param>
public sealed class ConfusionMetric(string name, Func<ConfusionMatrix, double> of) : Metric(name)
{
    readonly Func<ConfusionMatrix, double> of = of;

    /// <summary>The counts so far; null before the first batch.</summary>
    public ConfusionMatrix? Matrix { get; private set; }

    /// <inheritdoc/>
    public override double Value => Matrix is null ? double.NaN : of(Matrix);

    /// <inheritdoc/>
    public override void Reset() => Matrix = null;

    /// <inheritdoc/>
    public override void Update(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        int[] predicted = Predictions.Classes(output), actual = Predictions.Targets(target);
        Matrix ??= new ConfusionMatrix(output.Shape[1]);
        foreach (var (p, a) in predicted.Zip(actual)) Matrix.Add(p, a);
    }
}
