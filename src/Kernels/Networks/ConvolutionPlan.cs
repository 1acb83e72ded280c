namespace Tessera;

/// <summary>How a convolution is computed on the CPU.</summary>
public enum ConvolutionAlgorithm
{
    /// <summary>Chosen by the shape.</summary>
    Auto,

    /// <summary>An implicit matrix product of pixels and taps.</summary>
    Direct,

    /// <summary>Winograd's F(4x4, 3x3): tiles of 4x4 results with 36 products in place of 144.</summary>
    Winograd,

    /// <summary>A matrix product of all pixels and the weight.</summary>
    PlainGemm,

    /// <summary>One kernel a channel, by whole vectors of channels.</summary>
    Depthwise,

    /// <summary>Winograd's F(2x2, 3x3): tiles of 2x2 results with 16 products in place of 36, for maps of few pixels; not for the gradient of w.</summary>
    WinogradSmall,
}

/// <summary>The three computations of a convolution.</summary>
public enum ConvolutionPass
{
    /// <summary>y from x and w.</summary>
    Forward,

    /// <summary>The gradient of x.</summary>
    BackwardData,

    /// <summary>The gradient of w.</summary>
    BackwardWeight,
}

/// <summary>The algorithm of a convolution on the CPU, which depends on its shape only unless it is forced.</summary>
/// <param name="Algorithm">The algorithm, never <see cref="ConvolutionAlgorithm.Auto"/>.</param>
/// <param name="Reason">Why, in words.</param>
public readonly record struct ConvolutionPlan(ConvolutionAlgorithm Algorithm, string Reason)
{
    const int LeastChannels = 16, ManyChannels = 256, LeastTiles = 16;
    const double MostCost = 0.7; // products of whole tiles, relative to those of a direct sum

    static ConvolutionAlgorithm? forced;

    [ThreadStatic]
    static Action<Shape, Shape, Window2d>? watcher;

    /// <summary>
    /// The algorithm for every convolution that allows it; the others keep the choice by shape. <see cref="Determinism.Exact"/> forbids Winograd all the same.
    /// Default: <c>TESSERA_CONVOLUTION</c> (auto, direct, winograd, plaingemm, depthwise, winogradsmall), or Auto.
    /// </summary>
    /// <exception cref="TesseraException">The variable names no algorithm.</exception>
    public static ConvolutionAlgorithm Forced
    {
        get => forced ??= FromEnvironment();
        set => forced = value;
    }

    /// <summary>The plan of a convolution of x <c>[N, C, H, W]</c> with w <c>[K, C/groups, R, S]</c>.</summary>
    public static ConvolutionPlan Of(ConvolutionPass pass, Shape x, Shape w, Window2d window)
    {
        var (h, wide) = pass == ConvolutionPass.BackwardData ? (x[2], x[3]) : (window.OutH(x[2]), window.OutW(x[3]));
        bool plain = window is { R: 1, S: 1, StrideH: 1, StrideW: 1, Top: 0, Left: 0, Bottom: 0, Right: 0, Groups: 1 };
        bool depthwise = window.Groups > 1 && window.Groups == x[1] && window.Groups == w[0];
        bool tiles = window is { R: 3, S: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1 } && (long)x[0] * h * wide > 0 && !Determinism.Exact;
        if (Forced switch
        {
            ConvolutionAlgorithm.Direct => true,
            ConvolutionAlgorithm.Winograd => tiles,
            ConvolutionAlgorithm.WinogradSmall => tiles && pass != ConvolutionPass.BackwardWeight,
            ConvolutionAlgorithm.PlainGemm => plain,
            ConvolutionAlgorithm.Depthwise => depthwise,
            _ => false,
        }) return new(Forced, "forced");
        if (plain) return new(ConvolutionAlgorithm.PlainGemm, "a 1x1 kernel without stride");
        if (depthwise) return new(ConvolutionAlgorithm.Depthwise, "one kernel a channel");
        return tiles ? ByTiles(pass, x[0], Math.Min(x[1], w[0]), h, wide) : new(ConvolutionAlgorithm.Direct, Determinism.Exact ? "exact sums are asked for" : "not a 3x3 kernel of stride 1");
    }

    static ConvolutionPlan ByTiles(ConvolutionPass pass, int n, int channels, int h, int w)
    {
        Cpu.Winograd.Grid grid = new(4, n, h, w), small = new(2, n, h, w);
        if (channels < LeastChannels) return new(ConvolutionAlgorithm.Direct, "fewer than 16 channels");
        if (grid.Count >= LeastTiles)
            return grid.Cost >= MostCost ? new(ConvolutionAlgorithm.Direct, "tiles of 4x4 results would be badly filled") : new(ConvolutionAlgorithm.Winograd, "3x3, stride 1, enough tiles and channels");
        // So few pixels use each of the 36 transformed weights a handful of times: 16 are less to read.
        return pass != ConvolutionPass.BackwardWeight && channels >= ManyChannels && small.Count >= LeastTiles && small.Cost < MostCost
            ? new(ConvolutionAlgorithm.WinogradSmall, "3x3, stride 1, many channels of few pixels")
            : new(ConvolutionAlgorithm.Direct, "fewer than 16 tiles of 4x4 results");
    }

    /// <summary>Shows the shapes of x and w and the window of each convolution that this thread starts to <paramref name="see"/>, until disposed.</summary>
    public static IDisposable Watch(Action<Shape, Shape, Window2d> see)
    {
        ArgumentNullException.ThrowIfNull(see);
        var before = watcher;
        watcher = before + see;
        return new Watching(before);
    }

    internal static void Show(Shape x, Shape w, Window2d window) => watcher?.Invoke(x, w, window);

    static ConvolutionAlgorithm FromEnvironment()
    {
        string? text = Environment.GetEnvironmentVariable("TESSERA_CONVOLUTION");
        if (string.IsNullOrWhiteSpace(text)) return ConvolutionAlgorithm.Auto;
        return Enum.TryParse<ConvolutionAlgorithm>(text, ignoreCase: true, out var algorithm) && Enum.IsDefined(algorithm)
            ? algorithm
            : throw new TesseraException($"TESSERA_CONVOLUTION: not an algorithm: got '{text}', expected auto, direct, winograd, plaingemm, depthwise or winogradsmall.");
    }

    sealed class Watching(Action<Shape, Shape, Window2d>? before) : IDisposable
    {
        public void Dispose() => watcher = before;
    }
}
