namespace Tessera.NN;

/// <summary>What a search for a learning rate found.</summary>
/// <param name="Lrs">The rate of the last layer group, a batch.</param>
/// <param name="Losses">The smoothed loss, a batch.</param>
/// <param name="EndedEarly">Whether the loss grew before all batches were tried.</param>
public sealed record LearningRateCurve(IReadOnlyList<double> Lrs, IReadOnlyList<double> Losses, bool EndedEarly)
{
    /// <summary>
    /// The rate where the loss falls fastest from batch to batch (central differences over the batches), and a tenth of the rate where it is least. Computed
    /// without the first <paramref name="skipStart"/> and the last <paramref name="skipEnd"/> batches.
    /// </summary>
    /// <exception cref="TesseraException">Fewer than two batches are left.</exception>
    public (double Steepest, double TenthOfLeast) Suggest(int skipStart = 10, int skipEnd = 5)
    {
        int n = Losses.Count - skipStart - skipEnd;
        if (n < 2)
            throw new TesseraException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Suggest: too few batches: got {Losses.Count}, expected at least {skipStart + skipEnd + 2}. Hint: skip fewer, or search over more batches."));
        double[] l = [.. Losses.Skip(skipStart).Take(n).Select(x => double.IsNaN(x) ? double.MaxValue : x)];
        int steepest = Enumerable.Range(0, n).MinBy(i => Slope(l, i)), least = Enumerable.Range(0, n).MinBy(i => l[i]);
        return (Lrs[skipStart + steepest], Lrs[skipStart + least] / 10);
    }

    static double Slope(double[] l, int i) =>
        i == 0 ? l[1] - l[0] : i == l.Length - 1 ? l[i] - l[i - 1] : (l[i + 1] - l[i - 1]) / 2;
}
