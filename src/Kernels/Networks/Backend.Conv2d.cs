namespace Tessera;

// The composed convolution: every window is copied out as a row of a matrix ("im2col"), the rest is matrix products.
public abstract partial class Backend
{
    /// <summary>y [N, K, H', W'] ← epilogue(Σ x [N, C, H, W] · w [K, C/groups, R, S]); all dense.</summary>
    public virtual void Conv2d(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        if (y.Count > 0) Products(x, w, y, window);
        Finish(y, epilogue, 1);
    }

    /// <summary>
    /// The same into a y that need not be dense, such as some channels of a batch (without residual and moments): kernels that can, write them
    /// in place.
    /// </summary>
    public virtual void Conv2dInto(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        if (y.IsDense)
        {
            Conv2d(x, w, y, window, epilogue);
            return;
        }
        using var dense = new Temporary(y);
        Conv2d(x, w, dense.View, window, epilogue);
        Copy(dense.View, y);
    }

    void Products(View x, View w, View y, Window2d window)
    {
        using var windows = Windows(x, y.Shape[2], y.Shape[3], window, 0);
        for (int g = 0; g < window.Groups; g++)
            Gemm(GroupRows(windows.View, g), GroupWeight(w, window, g).Permute(1, 0), GroupPixels(y, window, g));
    }

    /// <summary>gx ← gradient of the convolution's input: the transposed convolution of gy with w; all dense.</summary>
    public virtual void Conv2dBackwardData(View gy, View w, View gx, Window2d window)
    {
        using var windows = new Temporary(gx.Storage.Device, Layout.RowMajor(WindowsShape(gx.Shape, gy.Shape[2], gy.Shape[3], window)));
        for (int g = 0; g < window.Groups; g++)
            Gemm(GroupPixels(gy, window, g), GroupWeight(w, window, g), GroupRows(windows.View, g));
        AddWindows(windows.View, gx, window);
    }

    /// <summary>gw ← gradient of the convolution's weight: the correlation of x with gy; all dense.</summary>
    public virtual void Conv2dBackwardWeight(View gy, View x, View gw, Window2d window)
    {
        using var windows = Windows(x, gy.Shape[2], gy.Shape[3], window, 0);
        for (int g = 0; g < window.Groups; g++)
            Gemm(GroupPixels(gy, window, g).Permute(1, 0), GroupRows(windows.View, g), GroupWeight(gw, window, g));
    }

    /// <summary>A copy [N, H', W', groups, R, S, C/groups] of all windows of x, with <paramref name="padding"/> where they reach over the border.</summary>
    Temporary Windows(View x, int outH, int outW, Window2d p, double padding)
    {
        using var padded = new Temporary(x.Storage.Device, Layout.ChannelsLast(PaddedShape(x.Shape, outH, outW, p)));
        Fill(padded.View, padding);
        Copy(x, Inside(padded.View, x.Shape, p));
        var result = new Temporary(x.Storage.Device, Layout.RowMajor(WindowsShape(x.Shape, outH, outW, p)));
        Copy(WindowsOf(padded.View, result.View.Shape, p), result.View);
        return result;
    }

    /// <summary>gx ← the windows [N, H', W', groups, R, S, C/groups] added where they came from.</summary>
    void AddWindows(View windows, View gx, Window2d p)
    {
        using var padded = new Temporary(gx.Storage.Device, Layout.ChannelsLast(PaddedShape(gx.Shape, windows.Shape[1], windows.Shape[2], p)));
        Fill(padded.View, 0);
        var targets = WindowsOf(padded.View, windows.Shape, p);
        for (int r = 0; r < p.R; r++)
            for (int s = 0; s < p.S; s++)
            {
                View to = targets.Slice(4, r, 1).Slice(5, s, 1);
                Binary(new Ops.Add(), to, windows.Slice(4, r, 1).Slice(5, s, 1), to);
            }
        Copy(Inside(padded.View, gx.Shape, p), gx);
    }

    // Windows may reach beyond the stated padding (pools in ceiling mode).
    static Shape PaddedShape(Shape x, int outH, int outW, Window2d p) =>
    [
        x[0], x[1],
        Math.Max(x[2] + p.Top, ((outH - 1) * p.StrideH) + (p.DilationH * (p.R - 1)) + 1),
        Math.Max(x[3] + p.Left, ((outW - 1) * p.StrideW) + (p.DilationW * (p.S - 1)) + 1),
    ];

    static View Inside(View padded, Shape x, Window2d p) => padded.Slice(2, p.Top, x[2]).Slice(3, p.Left, x[3]);

    static Shape WindowsShape(Shape x, int outH, int outW, Window2d p) => [x[0], outH, outW, p.Groups, p.R, p.S, x[1] / p.Groups];

    static View WindowsOf(View padded, Shape shape, Window2d p)
    {
        var s = padded.Layout.Strides;
        return padded.As(new Layout(shape, [s[0], s[2] * p.StrideH, s[3] * p.StrideW, shape[6] * s[1], s[2] * p.DilationH, s[3] * p.DilationW, s[1]], padded.Layout.Offset));
    }

    /// <summary>[N·H'·W', R·S·C/groups].</summary>
    static View GroupRows(View windows, int g)
    {
        Shape w = windows.Shape;
        int inner = w[4] * w[5] * w[6];
        return windows.As(new Layout([w[0] * w[1] * w[2], inner], [(long)inner * w[3], 1], windows.Layout.Offset + ((long)g * inner)));
    }

    /// <summary>[K/groups, R·S·C/groups]: the order in which a dense weight lies in memory.</summary>
    static View GroupWeight(View w, Window2d p, int g)
    {
        int k = w.Shape[0] / p.Groups, inner = w.Shape[1] * p.R * p.S;
        return w.As(new Layout([k, inner], [inner, 1], w.Layout.Offset + ((long)g * k * inner)));
    }

    /// <summary>[N·H'·W', K/groups].</summary>
    static View GroupPixels(View y, Window2d p, int g)
    {
        int k = y.Shape[1] / p.Groups;
        return y.As(new Layout([y.Shape[0] * y.Shape[2] * y.Shape[3], k], [y.Shape[1], 1], y.Layout.Offset + (g * k)));
    }
}
