namespace Tessera.Cuda;

/// <content>Convolutions with one filter a channel: four channels a thread, weights as <c>[R, S, C]</c>.</content>
internal sealed unsafe partial class CudaBackend
{
    // Threads of a weight gradient, where there are as many slices of pixels: half of what an H100 holds.
    const int DepthwiseThreads = 1 << 17;

    static bool IsDepthwise(Shape x, Shape w, Window2d window) => window.Groups > 1 && window.Groups == x[1] && window.Groups == w[0];

    void Depthwise(ImplicitGemm conv)
    {
        int quads = conv.XPixel / 4;
        long items = (long)conv.Rows * quads;
        if (items > int.MaxValue)
            throw new ShapeException($"Conv2d: too many results for one kernel: got {conv.Rows} pixels of {conv.Outer} channels, expected at most 2^31 - 1 groups of four. "
                + "Hint: work in smaller batches.");
        conv.ByInner = new(quads);
        Launch("depthwise.ptx", "depthwise", BlocksFor(items), BlockSize, [KernelArgument.Struct(ref conv)]);
    }

    void DepthwiseWeight(View gy, View x, View gw, Window2d window)
    {
        using var pixels = new Quads(this, x, 1);
        using var gradient = new Quads(this, gy, 1);
        var conv = ImplicitGemm.Of(pixels.View, gw, gradient.View, window with { Groups = 1 });
        int channels = conv.XPixel, taps = window.R * window.S, threads = taps * channels / 4;
        int slices = Math.Clamp(DepthwiseThreads / threads, 1, Math.Min((conv.Rows + LeastSlice - 1) / LeastSlice, ushort.MaxValue));
        int slice = (conv.Rows + slices - 1) / slices;
        slices = (conv.Rows + slice - 1) / slice;
        conv.ByInner = new(channels / 4);
        using var parts = new Temporary(gw.Storage.Device, Layout.RowMajor([slices, taps, channels]));
        Launch("depthwise.ptx", "depthwise_weight", new Dim3(BlocksFor(threads), slices), BlockSize, [KernelArgument.Struct(ref conv), parts.View, slice]);
        // The sum may overwrite the first part: each thread has read its elements of it.
        if (slices > 1) Launch("conv2d_weight.ptx", "conv2d_weight_sum", BlocksFor(threads), BlockSize, [parts.View, parts.View, 4L * threads, slices]);
        Copy(parts.View.As(new Layout(gw.Shape, [1, channels, window.S * channels, channels])), gw);
    }

    /// <summary>The taps of a phase as <c>[r, s, C]</c>, C rounded up to a multiple of four by zeros.</summary>
    Temporary ChannelTaps(View w, Window2d window, Phase rows, Phase columns)
    {
        int C = w.Shape[0];
        var taps = new Layout([rows.Taps, columns.Taps, C], [rows.TapStep * window.S, columns.TapStep, window.R * window.S], w.Layout.Offset + (rows.FirstTap * window.S) + columns.FirstTap);
        var result = new Temporary(w.Storage.Device, Layout.RowMajor([rows.Taps, columns.Taps, Quads.RoundUp(C)]));
        if (C % 4 != 0) Fill(result.View, 0);
        Copy(w.As(taps), result.View.Slice(2, 0, C));
        return result;
    }
}
