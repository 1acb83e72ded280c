using System.Globalization;

namespace Tessera.NN;

/// <summary>The fraction of items whose largest output is at the target; the first of equal outputs counts.</summary>
public sealed class Accuracy() : MeanMetric("accuracy")
{
    /// <inheritdoc/>
    protected override double Sum(Tensor output, Tensor target) => Predictions.Count(output, target, 1);
}

/// <summary>1 - accuracy.</summary>
public sealed class ErrorRate() : MeanMetric("error_rate")
{
    /// <inheritdoc/>
    protected override double Sum(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        return output.Shape[0] - Predictions.Count(output, target, 1);
    }
}

/// <summary>The fraction of items whose target is among the k largest outputs; the first of equal outputs go ahead.</summary>
/// <param name="k">How many outputs count, at least 1.</param>
/// <exception cref="TesseraException"><paramref name="k"/> is below 1.</exception>
public sealed class TopKAccuracy(int k = 5) : MeanMetric(k.ToString("'top_'0'_accuracy'", CultureInfo.InvariantCulture))
{
    readonly int k = k >= 1 ? k : throw new TesseraException(FormattableString.Invariant($"TopKAccuracy: outputs that count: got {k}, expected at least 1. Hint: 5 is usual."));

    /// <inheritdoc/>
    protected override double Sum(Tensor output, Tensor target) => Predictions.Count(output, target, k);
}

/// <summary>The fraction of right answers when each label of an item is asked for by itself: (output &gt; threshold) = target, over all items and labels.</summary>
/// <param name="threshold">What an output must exceed.</param>
/// <param name="sigmoid">Whether outputs are logits.</param>
public sealed class ThresholdAccuracy(double threshold = 0.5, bool sigmoid = true) : MeanMetric("accuracy_thresh")
{
    /// <inheritdoc/>
    protected override double Sum(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        var (p, y) = Predictions.Labels(output, target, sigmoid, Name);
        return (double)p.Zip(y).Count(t => t.First > threshold == t.Second) / p.Length * output.Shape[0];
    }
}
