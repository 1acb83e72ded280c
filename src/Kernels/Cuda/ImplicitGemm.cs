using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>
/// A convolution as a matrix product whose left factor is never written out: <c>y[pixel, k] = Σ x[pixel of the tap, c] · w[k, tap, c]</c>. A row is a
/// pixel (n, i, j) of y, a column one of its channels, and the sum runs over taps (r, s) and channels c of x. Pixel (n, i, j) and tap (r, s) meet at
/// row <c>i·MulH + OffH + r·StepH</c> and column <c>j·MulW + OffW + s·StepW</c> of x, or nowhere. Passed to the kernels of conv2d as it lies
/// here; the kernels of the weight gradient read y and write w.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ImplicitGemm
{
    /// <summary>Addresses; 0 where there is no bias or residual. The residual lies as y does.</summary>
    public nint X, W, Y, Bias, Residual;

    /// <summary>Pixels of y; its channels in a group; taps times channels of x in a group.</summary>
    public int Rows, Outer, Sum;

    /// <summary>Channels of x in a group, and the window.</summary>
    public int Inner, R, S;

    /// <summary>Rows and columns of x; elements from pixel to pixel.</summary>
    public int H, Wide, XPixel;

    /// <summary>Rows and columns of y.</summary>
    public int OutH, OutW;

    /// <summary>From a row of y and a tap to the row of x.</summary>
    public int MulH, OffH, StepH;

    /// <summary>From a column of y and a tap to the column of x.</summary>
    public int MulW, OffW, StepW;

    /// <summary>Elements of y from image to image, row to row, pixel to pixel.</summary>
    public int YImage, YRow, YPixel;

    /// <summary>1 where negative results become zero.</summary>
    public int Relu;

    /// <summary>1 where the channels of y, bias and residual can be accessed four at a time.</summary>
    public int Vectors;

    /// <summary>By OutH·OutW, OutW, Inner and S.</summary>
    public FastDivision ByPlane, ByRow, ByInner, ByS;

    /// <summary>Into how many pieces the sum is cut, and the length of each but the last, a multiple of 16.</summary>
    public int Pieces, Length;

    /// <summary>Elements of y from one piece's results to the next.</summary>
    public long PieceStep;

    /// <summary>y [N, K, H', W'] from x [N, C, H, W] and w [K, C/groups, R, S], all dense.</summary>
    public static ImplicitGemm Of(View x, View w, View y, Window2d window, in Epilogue epilogue = default) => new ImplicitGemm
    {
        Bias = epilogue.Bias is { } b ? b.Address : 0,
        Residual = epilogue.Residual is { } r ? r.Address : 0,
        Relu = epilogue.Relu ? 1 : 0,
        R = window.R,
        S = window.S,
        MulH = window.StrideH,
        OffH = -window.Top,
        StepH = window.DilationH,
        MulW = window.StrideW,
        OffW = -window.Left,
        StepW = window.DilationW,
    }.With(x, w.Address, y.As(new Layout(y.Shape, Layout.ChannelsLast(y.Shape).Strides, y.Layout.Offset)), window.Groups); // a dimension of size 1 may have any stride

    /// <summary>One phase of the gradient of x: gx from gy and the turned taps of the phase, as y from x and w.</summary>
    public static ImplicitGemm Backward(View gy, View turned, View gx, Phase rows, Phase columns, int groups) => new ImplicitGemm
    {
        R = rows.Taps,
        S = columns.Taps,
        MulH = 1,
        OffH = rows.Source,
        StepH = -rows.SourceStep,
        MulW = 1,
        OffW = columns.Source,
        StepW = -columns.SourceStep,
    }.With(gy, turned.Address, gx, groups);

    ImplicitGemm With(View x, nint w, View y, int groups)
    {
        Shape shape = y.Shape;
        var strides = y.Layout.Strides;
        long rows = (long)shape[0] * shape[2] * shape[3];
        if (rows > int.MaxValue || x.Count / x.Shape[0] > int.MaxValue || strides[0] > int.MaxValue)
            throw new ShapeException($"Conv2d: too large for one kernel: got {x.Shape} and {shape}, expected fewer than 2^31 pixels and elements of an image. Hint: work in smaller batches.");
        (X, W, Y) = (x.Address, w, y.Address);
        (Rows, Outer, Inner) = ((int)rows, shape[1] / groups, x.Shape[1] / groups);
        Sum = R * S * Inner;
        (XPixel, H, Wide) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        (OutH, OutW) = (shape[2], shape[3]);
        (YImage, YRow, YPixel) = ((int)strides[0], (int)strides[2], (int)strides[3]);
        Vectors = Outer % 4 == 0 && YPixel % 4 == 0 && (Y | Bias | Residual) % 16 == 0 ? 1 : 0;
        (ByPlane, ByRow, ByInner, ByS) = (new(OutH * OutW), new(OutW), new(Inner), new(S));
        (Pieces, Length) = (1, Sum);
        return this;
    }

    /// <summary>The same with the sum in pieces, and the results of each in a dense block of <paramref name="parts"/>, without bias, residual and ReLU.</summary>
    public readonly ImplicitGemm InPieces(int pieces, int length, View parts)
    {
        int channels = parts.Shape[2];
        return this with
        {
            Y = parts.Address,
            Bias = 0,
            Residual = 0,
            Relu = 0,
            Vectors = 1,
            Pieces = pieces,
            Length = length,
            PieceStep = (long)Rows * channels,
            YImage = OutH * OutW * channels,
            YRow = OutW * channels,
            YPixel = channels,
        };
    }
}

/// <summary>
/// Division by a number that the host knows: <c>n / d = (mulhi(n, Factor) + n) >> Shift</c> for 0 ≤ n &lt; 2³¹ (Granlund and Montgomery, 1994).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct FastDivision
{
    /// <summary>⌈2³² (2^Shift - d) / d⌉ and ⌈log₂ d⌉.</summary>
    public readonly uint Factor, Shift;

    /// <summary>By <paramref name="divisor"/> ≥ 1; by 1 where there is nothing to divide.</summary>
    public FastDivision(int divisor)
    {
        ulong d = (ulong)Math.Max(1, divisor);
        while (1ul << (int)Shift < d) Shift++;
        Factor = (uint)(((1ul << 32) * ((1ul << (int)Shift) - d) / d) + 1);
    }
}

/// <summary>
/// Along one dimension, the pixels <c>First, First + stride, ..</c> of a convolution's input and the taps that reach them: the others fall between two pixels of the result.
/// Pixel i of the phase and tap t of the phase (<c>FirstTap + t·TapStep</c> of the window) meet at pixel <c>i + Source - t·SourceStep</c> of the result.
/// </summary>
internal readonly record struct Phase(int First, int Count, int FirstTap, int TapStep, int Taps, int Source, int SourceStep)
{
    /// <summary>All taps of a window.</summary>
    public static Phase Whole(int taps) => new(0, 0, 0, 1, taps, 0, 0);

    /// <summary>The phases of a dimension of <paramref name="size"/> pixels under a window of <paramref name="taps"/> taps.</summary>
    public static IEnumerable<Phase> Of(int size, int taps, int stride, int dilation, int padding)
    {
        int tapStep = stride / (int)System.Numerics.BigInteger.GreatestCommonDivisor(stride, dilation);
        for (int first = 0; first < Math.Min(stride, size); first++)
        {
            int tap = 0;
            while (tap < taps && (first + padding - (tap * dilation)) % stride != 0) tap++;
            yield return new(first, (size - first + stride - 1) / stride, tap, tapStep, tap < taps ? (taps - tap + tapStep - 1) / tapStep : 0,
                (first + padding - (tap * dilation)) / stride, tapStep * dilation / stride);
        }
    }
}
