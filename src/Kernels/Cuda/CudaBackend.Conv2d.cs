namespace Tessera.Cuda;

/// <content>Convolutions: see <see cref="ImplicitGemm"/>. Activations lie N, H, W, C and weights K, R, S, C/groups.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void Conv2d(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        ExpectFloat("Conv2d", x, w, y);
        if (x.Count == 0 || y.Count == 0 || epilogue is { Residual.IsDense: false } or { Bias.IsDense: false })
        {
            base.Conv2d(x, w, y, window, epilogue);
            return;
        }
        ConvolutionPlan.Show(x.Shape, w.Shape, window);
        Correlate(ImplicitGemm.Of(x, w, y, window, epilogue), window.Groups);
        if (epilogue.Moments is { } moments) Moments(y, moments, 1);
    }

    // Each phase of the stride is a convolution of gy, without a stride, by the taps that reach it.
    public override void Conv2dBackwardData(View gy, View w, View gx, Window2d window)
    {
        ExpectFloat("Conv2dBackwardData", gy, w, gx);
        if (gx.Count == 0) return;
        foreach (var rows in Phase.Of(gx.Shape[2], window.R, window.StrideH, window.DilationH, window.Top))
            foreach (var columns in Phase.Of(gx.Shape[3], window.S, window.StrideW, window.DilationW, window.Left))
            {
                View pixels = gx.Slice(2, rows.First, rows.Count, window.StrideH).Slice(3, columns.First, columns.Count, window.StrideW);
                if (gy.Count == 0 || rows.Taps == 0 || columns.Taps == 0)
                {
                    Fill(pixels, 0);
                    continue;
                }
                using var turned = Turned(w, window, rows, columns);
                Correlate(ImplicitGemm.Backward(gy, turned.View, pixels, rows, columns), window.Groups);
            }
    }

    public override void Conv2dBackwardWeight(View gy, View x, View gw, Window2d window)
    {
        ExpectFloat("Conv2dBackwardWeight", gy, x, gw);
        if (gw.Count == 0) return;
        if (gy.Count == 0)
        {
            Fill(gw, 0);
            return;
        }
        var conv = ImplicitGemm.Of(x, gw, gy, window);
        Launch("conv2d_plain.ptx", "conv2d_weight_plain", new Dim3(BlocksFor((long)conv.Outer * conv.Sum), 1, window.Groups), BlockSize, [KernelArgument.Struct(ref conv)]);
    }

    void Correlate(ImplicitGemm conv, int groups)
        => Launch("conv2d_plain.ptx", "conv2d_plain", new Dim3(BlocksFor((long)conv.Rows * conv.Outer), 1, groups), BlockSize, [KernelArgument.Struct(ref conv)]);

    /// <summary>The taps of a phase with input and output channels exchanged: <c>[groups, C/groups, r, s, K/groups]</c>.</summary>
    Temporary Turned(View w, Window2d window, Phase rows, Phase columns)
    {
        int groups = window.Groups, K = w.Shape[0] / groups, C = w.Shape[1];
        long row = (long)window.S * C, filter = window.R * row;
        var taps = new Layout([groups, C, rows.Taps, columns.Taps, K], [K * filter, 1, rows.TapStep * row, columns.TapStep * C, filter], w.Layout.Offset + (rows.FirstTap * row) + (columns.FirstTap * C));
        var turned = new Temporary(w.Storage.Device, Layout.RowMajor(taps.Shape));
        Copy(w.As(taps), turned.View);
        return turned;
    }
}
