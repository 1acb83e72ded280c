namespace Tessera.NN;

/// <summary>
/// The learning-rate finder's plan: rates grow geometrically batch by batch, and it ends when the smoothed loss exceeds four times its
/// smallest value, is NaN, or after all batches.
/// </summary>
/// <param name="start">The first rates; 1e-7 by default.</param>
/// <param name="end">The rates after the last batch; 10 by default.</param>
/// <param name="batches">How many batches to try, at least 1.</param>
/// <param name="stopsOnDivergence">Whether a growing or NaN loss ends it.</param>
public sealed class LearningRateSearch(LearningRate? start = null, LearningRate? end = null, int batches = 100, bool stopsOnDivergence = true)
{
    readonly LearningRate start = start ?? 1e-7, end = end ?? 10.0;
    double best = double.NaN;

    /// <summary>How many batches to try.</summary>
    public int Batches { get; } = batches > 0 ? batches : throw new TesseraException($"LearningRateSearch: batches: got {batches}, expected at least 1. Hint: 100 is usual.");

    /// <summary>The rates of <paramref name="groups"/> groups for batch <paramref name="k"/>: start · (end/start)^(k/batches).</summary>
    public double[] Lr(int k, int groups) =>
        [.. start.ForGroups(groups).Zip(end.ForGroups(groups), (a, b) => new ExponentialSchedule(a, b).At((double)k / Batches))];

    /// <summary>Takes in the smoothed loss after batch <paramref name="k"/>, once a batch in their order; true where the search ends.</summary>
    public bool EndsAfter(int k, double smoothed)
    {
        if (k == 0 || smoothed < best) best = smoothed;
        return k + 1 >= Batches || (stopsOnDivergence && (double.IsNaN(smoothed) || smoothed > 4 * best));
    }
}
