using System.Globalization;

namespace Tessera.NN;

/// <summary>What a search for a learning rate found.</summary>
/// <param name="Lrs">The rate of the last layer group, a batch.</param>
/// <param name="Losses">The smoothed loss, a batch.</param>
/// <param name="EndedEarly">Whether the loss grew before all batches were tried.</param>
public sealed record LearningRateCurve(IReadOnlyList<double> Lrs, IReadOnlyList<double> Losses, bool EndedEarly)
{
    /// <summary>
    /// Rates to train with, computed without the first <paramref name="skipStart"/> and the last <paramref name="skipEnd"/> batches.
    /// </summary>
    /// <param name="skipStart">Batches left out at the start.</param>
    /// <param name="skipEnd">Batches left out at the end, where the loss explodes.</param>
    /// <param name="smooth">As in <see cref="Part"/>.</param>
    /// <exception cref="TesseraException">Fewer than two batches are left.</exception>
    public LearningRateSuggestion Suggest(int skipStart = 10, int skipEnd = 5, double smooth = 0)
    {
        var (lrs, losses, _) = Part(skipStart, skipEnd, smooth);
        var all = Enumerable.Range(0, lrs.Count);
        return new(lrs[all.MinBy(i => Slope(losses, i))], lrs[all.MinBy(i => losses[i])] / 10, lrs[Valley(losses)]);
    }

    /// <summary>
    /// The curve without the first <paramref name="skipStart"/> and the last <paramref name="skipEnd"/> batches, and without losses that are not numbers,
    /// smoothed: z minimises Σ(lᵢ - zᵢ)² + λ·Σ(zᵢ₋₁ - 2zᵢ + zᵢ₊₁)², the spline of discrete points (Whittaker, On a New Method of Graduation, 1923).
    /// </summary>
    /// <param name="skipStart">Batches left out at the start.</param>
    /// <param name="skipEnd">Batches left out at the end.</param>
    /// <param name="smooth">λ, at least 0: 0 leaves the losses, 10 smooths over a few batches, 1000 over dozens.</param>
    /// <exception cref="TesseraException">Fewer than two batches are left, or a negative number.</exception>
    public LearningRateCurve Part(int skipStart = 10, int skipEnd = 5, double smooth = 0)
    {
        if (skipStart < 0 || skipEnd < 0 || smooth is not (>= 0 and < double.PositiveInfinity))
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"LearningRateCurve: got skipStart {skipStart}, skipEnd {skipEnd} and smooth {smooth}, expected at least 0. "
                    + $"Hint: 10, 5 and 0 are usual."));
        int[] kept = [.. Enumerable.Range(skipStart, Math.Max(0, Losses.Count - skipStart - skipEnd)).Where(i => double.IsFinite(Losses[i]))];
        if (kept.Length < 2)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"LearningRateCurve: too few batches: got {Losses.Count}, expected at least {skipStart + skipEnd + 2} with finite losses. "
                    + $"Hint: skip fewer, or search over more batches."));
        double[] losses = [.. kept.Select(i => Losses[i])];
        return new([.. kept.Select(i => Lrs[i])], smooth > 0 ? SmoothingSpline.Of(losses, smooth) : losses, EndedEarly);
    }

    /// <summary>What was tried, and whether it ended early.</summary>
    public override string ToString() => Lrs.Count == 0 ? "No learning rate was tried." : string.Create(CultureInfo.InvariantCulture,
        $"Tried learning rates from {Lrs[0]:0.00E+00} to {Lrs[^1]:0.00E+00} in {Lrs.Count} batches"
            + $"{(EndedEarly ? ", then the loss had grown too far: where its end hides the rest, plot with a larger skipEnd" : "")}.");

    /// <summary>From batch to batch, by central differences; one-sided at the ends.</summary>
    static double Slope(IReadOnlyList<double> l, int i) =>
        i == 0 ? l[1] - l[0] : i == l.Count - 1 ? l[i] - l[i - 1] : (l[i + 1] - l[i - 1]) / 2;

    /// <summary>
    /// The middle of the longest valley, as in fastai: of the longest subsequence of falling losses, n long and ending at e, a third and half a third of n behind e - n.
    /// </summary>
    static int Valley(IReadOnlyList<double> l)
    {
        int[] length = [.. Enumerable.Repeat(1, l.Count)]; // of the longest one that ends here
        for (int i = 1; i < l.Count; i++)
            for (int j = 0; j < i; j++)
                if (l[i] < l[j]) length[i] = Math.Max(length[i], length[j] + 1);
        int end = Array.IndexOf(length, length.Max());
        double third = length[end] / 3.0;
        return Math.Max(0, end - length[end] + (int)third + (int)(third / 2));
    }
}

/// <summary>Learning rates that a search suggests: as the largest rate of a fit call, take one between them.</summary>
/// <param name="Steepest">Where the loss falls fastest from batch to batch.</param>
/// <param name="TenthOfLeast">A tenth of the rate where the loss is least.</param>
/// <param name="Valley">In the middle of the longest run of falling losses.</param>
public sealed record LearningRateSuggestion(double Steepest, double TenthOfLeast, double Valley)
{
    /// <summary>A line each.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"Min numerical gradient: {Steepest:0.00E+00}\nMin loss divided by 10: {TenthOfLeast:0.00E+00}\nValley: {Valley:0.00E+00}");
}
