namespace Tessera.NN;

/// <summary>The metrics by name; each call gives a new one.</summary>
public static class Metrics
{
    /// <summary>The fraction of right classes.</summary>
    public static Metric Accuracy => new Accuracy();

    /// <summary>1 - accuracy.</summary>
    public static Metric ErrorRate => new ErrorRate();

    /// <summary>The fraction of items whose class is among the k largest outputs.</summary>
    public static Metric TopK(int k = 5) => new TopKAccuracy(k);

    /// <summary>Precision over the classes.</summary>
    public static Metric Precision(Average average = Average.Macro) => new ConfusionMetric("precision", m => m.Precision(average));

    /// <summary>Recall over the classes.</summary>
    public static Metric Recall(Average average = Average.Macro) => new ConfusionMetric("recall", m => m.Recall(average));

    /// <summary>F_β over the classes.</summary>
    public static Metric FBeta(double beta = 1, Average average = Average.Macro) => new ConfusionMetric("fbeta", m => m.FBeta(beta, average));

    /// <summary>Cohen's κ.</summary>
    public static Metric Kappa => new ConfusionMetric("kappa", m => m.Kappa());

    /// <summary>Matthews' correlation.</summary>
    public static Metric Matthews => new ConfusionMetric("matthews", m => m.Matthews());

    /// <summary>The items with the largest (or smallest) losses, in order; of equal losses the earlier item first; NaN counts as largest.</summary>
    /// <param name="losses">The loss of each item.</param>
    /// <param name="k">How many; all where null.</param>
    /// <param name="largest">Whether the largest come first.</param>
    /// <exception cref="TesseraException"><paramref name="k"/> is negative.</exception>
    public static IReadOnlyList<(int Item, float Loss)> TopLosses(IReadOnlyList<float> losses, int? k = null, bool largest = true)
    {
        ArgumentNullException.ThrowIfNull(losses);
        if (k < 0) throw new TesseraException(FormattableString.Invariant($"TopLosses: number of items: got {k}, expected at least 0, or null for all. Hint: 9 fill a plot."));
        var items = losses.Select((loss, item) => (Item: item, Loss: loss));
        float Key((int Item, float Loss) x) => float.IsNaN(x.Loss) ? float.PositiveInfinity : x.Loss;
        return [.. (largest ? items.OrderByDescending(Key) : items.OrderBy(Key)).Take(k ?? losses.Count)];
    }
}
