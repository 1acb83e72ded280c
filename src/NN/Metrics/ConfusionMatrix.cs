namespace Tessera.NN;

/// <summary>How a number per class becomes one number.</summary>
public enum Average
{
    /// <summary>Mean over the classes that occur in targets or predictions.</summary>
    Macro,

    /// <summary>From the counts of all classes together; for single labels this is the accuracy.</summary>
    Micro,

    /// <summary>Mean over the classes weighted by how often they are true.</summary>
    Weighted,
}

/// <summary>
/// How often class i was taken for class j, and what follows from the counts: precision, recall, F-scores, Cohen's κ, Matthews' correlation.
/// </summary>
public sealed class ConfusionMatrix
{
    readonly long[,] counts;

    /// <summary>A matrix of zeros.</summary>
    /// <param name="classes">Number of classes.</param>
    public ConfusionMatrix(int classes)
    {
        if (classes < 1) throw new TesseraException($"ConfusionMatrix: classes: got {classes}, expected at least 1. Hint: data.Classes.Count.");
        counts = new long[classes, classes];
    }

    /// <summary>A matrix from the classes of items.</summary>
    public ConfusionMatrix(IEnumerable<int> predicted, IEnumerable<int> actual, int classes) : this(classes)
    {
        foreach (var (p, a) in predicted.Zip(actual)) Add(p, a);
    }

    /// <summary>Number of classes.</summary>
    public int Classes => counts.GetLength(0);

    /// <summary>How often items of class <paramref name="actual"/> were predicted as <paramref name="predicted"/>.</summary>
    public long this[int actual, int predicted] => counts[actual, predicted];

    /// <summary>Number of items.</summary>
    public long Total => counts.Cast<long>().Sum();

    /// <summary>Counts one item.</summary>
    /// <exception cref="TesseraException">A class out of range.</exception>
    public void Add(int predicted, int actual)
    {
        if ((uint)predicted >= (uint)Classes || (uint)actual >= (uint)Classes)
            throw new TesseraException($"ConfusionMatrix: no such class: got predicted {predicted} and actual {actual}, expected 0..{Classes - 1}. Hint: labels are indices into the classes.");
        counts[actual, predicted]++;
    }

    /// <summary>Items on the diagonal over all items; NaN without items.</summary>
    public double Accuracy => (double)Range.Sum(i => counts[i, i]) / Total;

    /// <summary>The pairs of different classes confused at least <paramref name="min"/> times, most often first, then in the order of the rows.</summary>
    /// <exception cref="TesseraException"><paramref name="min"/> is below 1.</exception>
    public IReadOnlyList<(int Actual, int Predicted, long Count)> MostConfused(int min = 1) => min < 1
        ? throw new TesseraException(FormattableString.Invariant($"MostConfused: least count: got {min}, expected at least 1. Hint: 1 lists every confusion."))
        : [.. from i in Range from j in Range where i != j && counts[i, j] >= min orderby counts[i, j] descending select (i, j, counts[i, j])];

    /// <summary>True positives over predicted ones, per class; 0 where nothing was predicted.</summary>
    public double[] PrecisionPerClass() => [.. Range.Select(c => Ratio(counts[c, c], Predicted(c)))];

    /// <summary>True positives over actual ones, per class; 0 where the class never occurs.</summary>
    public double[] RecallPerClass() => [.. Range.Select(c => Ratio(counts[c, c], Actual(c)))];

    /// <summary>F_β = (1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP), per class; 0 where undefined.</summary>
    public double[] FBetaPerClass(double beta = 1) =>
        [.. Range.Select(c => Ratio((1 + (beta * beta)) * counts[c, c], (beta * beta * Actual(c)) + Predicted(c)))];

    /// <summary>Precision in one number.</summary>
    public double Precision(Average average = Average.Macro) => Mean(PrecisionPerClass(), average);

    /// <summary>Recall in one number.</summary>
    public double Recall(Average average = Average.Macro) => Mean(RecallPerClass(), average);

    /// <summary>F_β in one number.</summary>
    public double FBeta(double beta = 1, Average average = Average.Macro) => Mean(FBetaPerClass(beta), average);

    /// <summary>Cohen's κ = (pₒ - pₑ)/(1 - pₑ): agreement beyond what the class frequencies give by chance.</summary>
    public double Kappa()
    {
        double n = Total, expected = Range.Sum(c => Actual(c) * (double)Predicted(c)) / (n * n);
        return (Accuracy - expected) / (1 - expected);
    }

    /// <summary>Matthews' correlation of many classes (Gorodkin, 2004): (c·n - Σ pₖtₖ) / √((n² - Σ pₖ²)(n² - Σ tₖ²)); 0 where undefined.</summary>
    public double Matthews()
    {
        double n = Total, right = Range.Sum(c => counts[c, c]);
        double pt = Range.Sum(c => Predicted(c) * (double)Actual(c));
        double pp = Range.Sum(c => Predicted(c) * (double)Predicted(c)), tt = Range.Sum(c => Actual(c) * (double)Actual(c));
        return Ratio((right * n) - pt, Math.Sqrt(((n * n) - pp) * ((n * n) - tt)));
    }

    IEnumerable<int> Range => Enumerable.Range(0, Classes);

    long Actual(int c) => Range.Sum(j => counts[c, j]);

    long Predicted(int c) => Range.Sum(i => counts[i, c]);

    double Mean(double[] perClass, Average average) => average switch
    {
        Average.Micro => Accuracy,
        Average.Weighted => Range.Sum(c => perClass[c] * Actual(c)) / Total,
        _ => Range.Where(c => Actual(c) + Predicted(c) > 0).Average(c => perClass[c]),
    };

    static double Ratio(double a, double b) => b == 0 ? 0 : a / b;
}
