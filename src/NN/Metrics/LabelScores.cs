namespace Tessera.NN;

/// <summary>Scores of problems where an item may have any number of labels. Matrices are <c>[items, labels]</c>, row-major.</summary>
public static class LabelScores
{
    /// <summary>F_β over the counts of all items and labels together; 0 where undefined.</summary>
    public static double FBetaMicro(IReadOnlyList<bool> predicted, IReadOnlyList<bool> actual, double beta = 1)
    {
        ArgumentNullException.ThrowIfNull(predicted);
        ArgumentNullException.ThrowIfNull(actual);
        return FBeta(Enumerable.Range(0, predicted.Count), predicted, actual, beta);
    }

    /// <summary>Mean of F_β over the labels; 0 for a label where undefined.</summary>
    public static double FBetaMacro(IReadOnlyList<bool> predicted, IReadOnlyList<bool> actual, int labels, double beta = 1) =>
        Enumerable.Range(0, labels).Average(l => FBeta(Enumerable.Range(0, predicted.Count / labels).Select(i => (i * labels) + l), predicted, actual, beta));

    /// <summary>Mean of F_β over the items; 0 for an item where undefined.</summary>
    public static double FBetaPerItem(IReadOnlyList<bool> predicted, IReadOnlyList<bool> actual, int labels, double beta = 1) =>
        Enumerable.Range(0, predicted.Count / labels).Average(i => FBeta(Enumerable.Range(i * labels, labels), predicted, actual, beta));

    /// <summary>Mean over the labels of the area under the ROC curve.</summary>
    /// <exception cref="TesseraException">A label that is always or never true.</exception>
    public static double RocAucMacro(IReadOnlyList<float> scores, IReadOnlyList<bool> actual, int labels) =>
        Enumerable.Range(0, labels).Average(l =>
        {
            int[] at = [.. Enumerable.Range(0, scores.Count / labels).Select(i => (i * labels) + l)];
            return RocCurve.Of([.. at.Select(i => scores[i])], [.. at.Select(i => actual[i])]).Area;
        });

    static double FBeta(IEnumerable<int> at, IReadOnlyList<bool> predicted, IReadOnlyList<bool> actual, double beta)
    {
        int tp = 0, p = 0, a = 0;
        foreach (int i in at)
        {
            if (predicted[i]) p++;
            if (actual[i]) a++;
            if (predicted[i] && actual[i]) tp++;
        }
        double denominator = (beta * beta * a) + p;
        return denominator == 0 ? 0 : (1 + (beta * beta)) * tp / denominator;
    }
}

/// <summary>Mean over the items of F_β of their labels, those above a threshold; 0 for an item without labels.</summary>
/// <param name="threshold">What a probability must exceed.</param>
/// <param name="beta">How much more recall counts than precision.</param>
/// <param name="sigmoid">Whether outputs are logits.</param>
public sealed class LabelFBeta(double threshold = 0.2, double beta = 2, bool sigmoid = true) : MeanMetric("fbeta")
{
    /// <inheritdoc/>
    protected override double Sum(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        var (p, y) = Predictions.Labels(output, target, sigmoid, Name);
        return LabelScores.FBetaPerItem(Array.ConvertAll(p, x => x > threshold), y, output.Shape[1], beta) * output.Shape[0];
    }
}
