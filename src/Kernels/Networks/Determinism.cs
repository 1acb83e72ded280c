namespace Tessera;

/// <summary>How results relate to the plain sums of their formulas. One seed gives the same bits for every number of threads in either case.</summary>
public static class Determinism
{
    /// <summary>Convolutions are sums of their products and nothing else: Winograd's algorithm, whose rounding errors are some five times larger, is left out. Default: false.</summary>
    public static bool Exact { get; set; }
}
