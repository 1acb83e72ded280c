using System.Runtime.InteropServices;

namespace Tessera;

// The composed pools work on a copy of all windows, [N, H', W', 1, R, S, C]. Windows may reach beyond the stated padding: the size of y counts.
public abstract partial class Backend
{
    /// <summary>y [N, C, H', W'] ← window maxima of x; indices (Int32, shape of y, or none) ← h·W + w of each first maximum; NaN wins. All dense.</summary>
    public virtual void MaxPool2d(View x, View y, View? indices, Window2d window)
    {
        if (y.Count == 0) return;
        Shape s = y.Shape;
        using var copied = Windows(x, s[2], s[3], window, double.NegativeInfinity);
        int taps = window.R * window.S;
        View windows = copied.View.Reshape([s[0], s[2] * s[3], taps, s[1]]);
        Reduce(new Ops.Max(), windows, Rows(y, window: true));
        if (indices is not { } positions) return;
        using var best = new Temporary(x.Storage.Device, Layout.RowMajor([s[0], s[2] * s[3], 1, s[1]]), DType.Int64);
        ArgReduce(windows, best.View, 2, largest: true);
        using var table = new Temporary(x.Storage.Device, Layout.RowMajor([1, s[2] * s[3], taps, 1]), DType.Int64);
        Upload(MemoryMarshal.AsBytes(Pixels(x.Shape, s[2], s[3], window).AsSpan()), table.View.Storage);
        using var wide = new Temporary(x.Storage.Device, Layout.Dense(s), DType.Int64);
        Gather(table.View.BroadcastTo(windows.Shape), best.View, Rows(wide.View, window: true), 2);
        Copy(wide.View, positions);
    }

    /// <summary>gx [N, C, H, W] ← gy sent to the recorded maxima of the same windows, summed where windows overlap. All dense.</summary>
    public virtual void MaxPool2dBackward(View gy, View indices, View gx, Window2d window)
    {
        Fill(gx, 0);
        using var wide = new Temporary(gx.Storage.Device, Layout.Dense(gy.Shape), DType.Int64);
        Copy(indices, wide.View);
        ScatterAdd(Rows(gx, window: false), Rows(wide.View, window: false), Rows(gy, window: false), 1);
    }

    /// <summary>y ← window means of x; padding counts as zeros in the divisor only with <paramref name="countPadding"/>.</summary>
    public virtual void AvgPool2d(View x, View y, Window2d window, bool countPadding)
    {
        if (y.Count == 0) return;
        Shape s = y.Shape;
        using var windows = Windows(x, s[2], s[3], window, 0);
        using var divisors = Divisors(x, y, window, countPadding);
        Reduce(new Ops.Sum(), windows.View.Reshape([s[0], s[2] * s[3], window.R * window.S, s[1]]), Rows(y, window: true));
        Binary(new Ops.Div(), y, divisors.View.BroadcastTo(s), y);
    }

    /// <summary>gx ← gradient of <see cref="AvgPool2d"/>.</summary>
    public virtual void AvgPool2dBackward(View gy, View gx, Window2d window, bool countPadding)
    {
        Shape s = gy.Shape;
        using var shares = new Temporary(gy);
        using var divisors = Divisors(gx, gy, window, countPadding);
        if (gy.Count > 0) Binary(new Ops.Div(), gy, divisors.View.BroadcastTo(s), shares.View);
        var t = shares.View.Layout.Strides;
        AddWindows(shares.View.As(new Layout([s[0], s[2], s[3], 1, window.R, window.S, s[1]], [t[0], t[2], t[3], 0, 0, 0, t[1]])), gx, window);
    }

    /// <summary>A dense [N, C, H, W] as [N, H·W, C], or with a window dimension of size 1 as [N, H·W, 1, C].</summary>
    private protected static View Rows(View x, bool window)
    {
        Shape s = x.Shape;
        int pixels = s[2] * s[3], c = s[1];
        return x.As(window
            ? new Layout([s[0], pixels, 1, c], [(long)pixels * c, c, c, 1], x.Layout.Offset)
            : new Layout([s[0], pixels, c], [(long)pixels * c, c, 1], x.Layout.Offset));
    }

    // Which pixel each tap of each window reads; on the padding, the nearest pixel of the window.
    static long[] Pixels(Shape x, int outH, int outW, Window2d p)
    {
        long[] table = new long[outH * outW * p.R * p.S];
        for (int i = 0, at = 0; i < outH; i++)
            for (int j = 0; j < outW; j++)
                for (int r = 0; r < p.R; r++)
                    for (int s = 0; s < p.S; s++)
                    {
                        int h = Math.Clamp((i * p.StrideH) - p.Top + (r * p.DilationH), 0, x[2] - 1), w = Math.Clamp((j * p.StrideW) - p.Left + (s * p.DilationW), 0, x[3] - 1);
                        table[at++] = ((long)h * x[3]) + w;
                    }
        return table;
    }

    Temporary Divisors(View x, View y, Window2d p, bool countPadding)
    {
        float[] values = new float[y.Shape[2] * y.Shape[3]];
        for (int i = 0; i < values.Length; i++)
        {
            int h = Taps(i / y.Shape[3], p.R, p.StrideH, p.DilationH, p.Top, p.Bottom, x.Shape[2], countPadding);
            values[i] = Math.Max(1, h * Taps(i % y.Shape[3], p.S, p.StrideW, p.DilationW, p.Left, p.Right, x.Shape[3], countPadding));
        }
        var result = new Temporary(x.Storage.Device, Layout.Dense([1, 1, y.Shape[2], y.Shape[3]]));
        Upload(MemoryMarshal.AsBytes(values.AsSpan()), result.View.Storage);
        return result;
    }

    static int Taps(int at, int taps, int stride, int dilation, int before, int after, int size, bool countPadding)
    {
        int count = 0;
        for (int t = 0; t < taps; t++)
        {
            int position = (at * stride) - before + (t * dilation);
            if (countPadding ? position < size + after : (uint)position < (uint)size) count++;
        }
        return count;
    }
}
