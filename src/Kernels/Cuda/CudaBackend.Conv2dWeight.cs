namespace Tessera.Cuda;

/// <content>The gradient of a convolution's weight: a matrix product over pixels, see <see cref="ImplicitGemm"/>.</content>
internal sealed unsafe partial class CudaBackend
{
    // Blocks that a gradient is cut into, where there are as many slices of pixels, and the least pixels of a slice: one number for all devices, so that all
    // give the same bits.
    const int WeightBlocks = 528, LeastSlice = 64;

    public override void Conv2dBackwardWeight(View gy, View x, View gw, Window2d window)
    {
        ExpectFloat("Conv2dBackwardWeight", gy, x, gw);
        if (gw.Count == 0 || TryDnn(ConvolutionPass.BackwardWeight, x, gw, gy, window)) return;
        if (gy.Count == 0)
        {
            Fill(gw, 0);
            return;
        }
        if (IsProduct(window))
        {
            Gemm(Pixels(gy).Permute(1, 0), Pixels(x), Flat(gw));
            return;
        }
        if (Conv2dVersion == Conv2dVersion.Plain)
        {
            var plain = ImplicitGemm.Of(x, gw, gy, window);
            Launch("conv2d_plain.ptx", "conv2d_weight_plain", new Dim3(BlocksFor((long)plain.Outer * plain.Sum), 1, window.Groups), BlockSize, [KernelArgument.Struct(ref plain)]);
            return;
        }
        if (IsDepthwise(x.Shape, gw.Shape, window))
        {
            DepthwiseWeight(gy, x, gw, window);
            return;
        }
        using var pixels = new Quads(this, x, window.Groups);
        using var gradient = new Quads(this, gy, window.Groups);
        int K = gw.Shape[0] / window.Groups, paddedK = gradient.View.Shape[1] / window.Groups, C = pixels.View.Shape[1] / window.Groups;
        if (paddedK == K && C == gw.Shape[1] && gw.Address % 16 == 0)
        {
            CorrelateWeight(ImplicitGemm.Of(pixels.View, gw, gradient.View, window), window.Groups, gw);
            return;
        }
        using var padded = new Temporary(gw.Storage.Device, Layout.ChannelsLast([window.Groups * paddedK, C, window.R, window.S]));
        CorrelateWeight(ImplicitGemm.Of(pixels.View, padded.View, gradient.View, window), window.Groups, padded.View);
        for (int g = 0; g < window.Groups; g++) Copy(padded.View.Slice(0, g * paddedK, K).Slice(1, 0, gw.Shape[1]), gw.Slice(0, g * K, K));
    }

    /// <summary>gw ← the gradient of the weight, from x and y = gy of <paramref name="conv"/>, by slices of pixels that depend on the shapes only; x and gy float32, or both halves.</summary>
    void CorrelateWeight(ImplicitGemm conv, int groups, View gw, DType factors = DType.Float32)
    {
        bool halves = factors != DType.Float32;
        int step = halves ? 32 : 16;
        int tilesK = (conv.Outer + 63) / 64, tiles = tilesK * ((conv.Sum + 127) / 128);
        int slices = Math.Clamp(WeightBlocks / (tiles * groups), 1, Math.Min((conv.Rows + LeastSlice - 1) / LeastSlice, ushort.MaxValue));
        int slice = (((conv.Rows + slices - 1) / slices) + step - 1) & ~(step - 1);
        slices = (conv.Rows + slice - 1) / slice;
        var version = Conv2dVersion;
        var kernel = halves ? HalfWeight(factors)
            : version == Conv2dVersion.Tiled ? Kernels.Get("conv2d_weight.ptx", "conv2d_weight")
            : version is Conv2dVersion.Tf32x3 or Conv2dVersion.Tf32x3Wide ? Kernels.Get("conv2d_weight_tf32x3.sm80.ptx", "conv2d_weight_tf32x3")
            : Kernels.Get("conv2d_weight_tf32.sm80.ptx", "conv2d_weight_tf32");
        var (grid, threads) = (new Dim3(tiles, slices, groups), version == Conv2dVersion.Tiled && !halves ? 128 : 256);
        if (slices == 1)
        {
            Launch(kernel, grid, threads, [KernelArgument.Struct(ref conv), gw, slice, tilesK]);
            return;
        }
        using var parts = new Temporary(gw.Storage.Device, Layout.RowMajor([slices, groups * conv.Outer, conv.Sum]));
        Launch(kernel, grid, threads, [KernelArgument.Struct(ref conv), parts.View, slice, tilesK]);
        Launch("conv2d_weight.ptx", "conv2d_weight_sum", BlocksFor(gw.Count / 4), BlockSize, [gw, parts.View, gw.Count, slices]);
    }

    /// <summary>The kernel for x and gy of 16 bits.</summary>
    Kernel HalfWeight(DType factors)
    {
        const string file = "conv2d_weight_half.sm80.ptx";
        return Kernels.Get(factors == DType.Float16 ? file : "bf16:" + file, "conv2d_weight_half", factors, static f => HalfText.Factors(PtxLibrary.Text(file), f));
    }
}
