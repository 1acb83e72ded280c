namespace Tessera;

/// <summary>How results relate to the plain sums of their formulas. One seed gives the same bits for every number of threads in either case.</summary>
public static class Determinism
{
    /// <summary>
    /// Convolutions and matrix products are sums of float32 products and nothing else: Winograd's algorithm on the CPU and tensor cores on a GPU, whose
    /// rounding errors are some times larger, are left out. Default: false.
    /// </summary>
    public static bool Exact { get; set; }
}
