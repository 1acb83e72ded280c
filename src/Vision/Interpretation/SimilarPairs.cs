namespace Tessera.Vision;

/// <summary>Two items that look alike.</summary>
/// <param name="First">Index of the earlier item.</param>
/// <param name="Second">Index of the later one.</param>
/// <param name="Cosine">Cosine of their standardised features, at most 1.</param>
readonly record struct SimilarPair(int First, int Second, float Cosine) : IComparable<SimilarPair>
{
    /// <summary>Less alike first; of equals the later pair.</summary>
    public int CompareTo(SimilarPair other) => (Cosine, -First, -Second).CompareTo((other.Cosine, -other.First, -other.Second));
}

/// <summary>Search for items whose features point the same way.</summary>
static class SimilarPairs
{
    const int Rows = 512;

    /// <summary>
    /// The pairs of largest cosine, largest first. Each feature is standardised over the items before, so that what all have in common does not
    /// count. All pairs are looked at, by matrix products of <see cref="Rows"/> items with those behind them.
    /// </summary>
    /// <param name="features"><c>[N, F]</c>.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="least">The least cosine.</param>
    public static IReadOnlyList<SimilarPair> Of(Tensor features, int count, double least)
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        var best = new PriorityQueue<SimilarPair, SimilarPair>();
        var unit = Directions(features);
        int n = unit.Shape[0];
        for (int from = 0; from < n; from += Rows)
        {
            using var block = Scope.Begin();
            int rows = Math.Min(Rows, n - from);
            float[] cosines = unit.Narrow(0, from, rows).Linear(unit.Narrow(0, from, n - from)).ToArray<float>(); // [rows, n - from]
            for (int i = 0; i < rows; i++)
                for (int j = i + 1; j < n - from; j++)
                    if (cosines[(i * (n - from)) + j] is var cosine && cosine >= least) Add(new SimilarPair(from + i, from + j, cosine));
        }
        return [.. best.UnorderedItems.Select(p => p.Element).OrderDescending()];

        void Add(SimilarPair pair)
        {
            if (best.Count < count) best.Enqueue(pair, pair);
            else best.EnqueueDequeue(pair, pair);
        }
    }

    /// <summary>Rows of length 1: (x - mean)/std by column, divided by the row's norm; 0 where a row is the mean.</summary>
    static Tensor Directions(Tensor x)
    {
        var centred = x - x.Mean(0, keepDim: true);
        var scaled = centred * (centred.Square().Mean(0, keepDim: true) + 1e-12f).Rsqrt();
        return scaled * (scaled.Square().Sum(1, keepDim: true) + 1e-12f).Rsqrt();
    }
}
