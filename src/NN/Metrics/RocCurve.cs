namespace Tessera.NN;

/// <summary>
/// How true-positive rate and false-positive rate change as the threshold falls: one point for each different score, from (0, 0) to (1, 1).
/// </summary>
public sealed class RocCurve
{
    RocCurve(double[] fpr, double[] tpr, double[] thresholds, double averagePrecision)
        => (FalsePositiveRate, TruePositiveRate, Thresholds, AveragePrecision) = (fpr, tpr, thresholds, averagePrecision);

    /// <summary>Negatives at or above each threshold over all negatives.</summary>
    public IReadOnlyList<double> FalsePositiveRate { get; }

    /// <summary>Positives at or above each threshold over all positives.</summary>
    public IReadOnlyList<double> TruePositiveRate { get; }

    /// <summary>The thresholds, descending; the first is +∞.</summary>
    public IReadOnlyList<double> Thresholds { get; }

    /// <summary>Σ (Rₙ - Rₙ₋₁)·Pₙ over the thresholds: recall gained, weighted by precision.</summary>
    public double AveragePrecision { get; }

    /// <summary>Area under the curve by trapezoids: the chance that a positive scores above a negative, ties counting half.</summary>
    public double Area
    {
        get
        {
            double area = 0;
            for (int i = 1; i < Thresholds.Count; i++)
                area += (FalsePositiveRate[i] - FalsePositiveRate[i - 1]) * (TruePositiveRate[i] + TruePositiveRate[i - 1]) / 2;
            return area;
        }
    }

    /// <summary>The curve of scores and their truth.</summary>
    /// <exception cref="TesseraException">Only positives, only negatives, lists of different length, or a NaN score.</exception>
    public static RocCurve Of(IReadOnlyList<float> scores, IReadOnlyList<bool> truth)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(truth);
        int positives = truth.Count(t => t), negatives = truth.Count - positives;
        if (scores.Count != truth.Count || positives == 0 || negatives == 0 || scores.Any(float.IsNaN))
            throw new TesseraException(
                $"RocCurve: not defined: got {scores.Count} scores, {positives} positives and {negatives} negatives, "
                    + "expected as many truths as scores, both kinds, and no NaN. Hint: a set of one kind has no curve.");
        List<double> fpr = [0], tpr = [0], thresholds = [double.PositiveInfinity];
        double precisions = 0;
        int tp = 0, fp = 0;
        foreach (var tied in Enumerable.Range(0, scores.Count).GroupBy(i => scores[i]).OrderByDescending(g => g.Key))
        {
            int gained = tied.Count(i => truth[i]);
            (tp, fp) = (tp + gained, fp + tied.Count() - gained);
            precisions += (double)gained / positives * tp / (tp + fp);
            fpr.Add((double)fp / negatives);
            tpr.Add((double)tp / positives);
            thresholds.Add(tied.Key);
        }
        return new RocCurve([.. fpr], [.. tpr], [.. thresholds], precisions);
    }

    /// <summary>Mean area over the classes, each against all others.</summary>
    /// <param name="probabilities"><c>[items, classes]</c>, row-major.</param>
    /// <param name="target">The class of each item.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="TesseraException">A class that never occurs.</exception>
    public static double OneVersusRest(IReadOnlyList<float> probabilities, IReadOnlyList<int> target, int classes) =>
        Enumerable.Range(0, classes).Average(c => Of(Column(probabilities, classes, c, target.Count), [.. target.Select(y => y == c)]).Area);

    /// <summary>Mean area over the pairs of classes, each on the items of those two only, averaged over both directions (Hand &amp; Till, 2001).</summary>
    /// <param name="probabilities"><c>[items, classes]</c>, row-major.</param>
    /// <param name="target">The class of each item.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="TesseraException">A class that never occurs.</exception>
    public static double OneVersusOne(IReadOnlyList<float> probabilities, IReadOnlyList<int> target, int classes)
    {
        double Area(int a, int b)
        {
            int[] items = [.. Enumerable.Range(0, target.Count).Where(i => target[i] == a || target[i] == b)];
            return Of([.. items.Select(i => probabilities[(i * classes) + a])], [.. items.Select(i => target[i] == a)]).Area;
        }
        return (from a in Enumerable.Range(0, classes) from b in Enumerable.Range(0, classes) where a != b select Area(a, b)).Average();
    }

    static float[] Column(IReadOnlyList<float> x, int columns, int c, int rows) => [.. Enumerable.Range(0, rows).Select(i => x[(i * columns) + c])];
}
