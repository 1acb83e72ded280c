namespace Tessera.Cuda;

/// <summary>The versions of the convolution, from plain to fast.</summary>
internal enum Conv2dVersion
{
    /// <summary>One thread a result: conv2d_plain.ptx.</summary>
    Plain,

    /// <summary>Tiles of 128 pixels and 64 channels in shared memory, float32 multiply-adds: conv2d.ptx. Results and data gradients are Plain's, bit by bit.</summary>
    Tiled,

    /// <summary>Tensor cores, each operand split into two tf32 numbers: float32 in, float32 accuracy. For compute capability 8.0 and later.</summary>
    Tf32x3,

    /// <summary>
    /// Tensor cores with operands rounded to tf32 (11 bits); results of more than 64 channels by tiles of 128. Only where <see cref="Precision.AllowTf32"/> is set.
    /// </summary>
    Tf32,

    /// <summary>The same by tiles of 64 channels throughout, for comparison.</summary>
    Tf32Narrow,

    /// <summary>Tf32x3 with results of more than 64 channels by tiles of 128.</summary>
    Tf32x3Wide,
}

/// <content>Convolutions: see <see cref="ImplicitGemm"/>. Activations lie N, H, W, C and weights K, R, S, C/groups.</content>
internal sealed unsafe partial class CudaBackend
{
    // Tiles and pieces of the sum together: two blocks for each of an H100's multiprocessors; one number for all devices, so that all give the same bits.
    // A piece of less would not be worth writing and reading its results.
    const int ConvBlocks = 264, LeastPiece = 256;

    // Dynamic shared memory of conv2d_tf32_wide.
    const int WideConvShared = 100352;

    /// <summary>The version all convolutions use, for tests and benchmarks; the device decides where it is null.</summary>
    public Conv2dVersion? OnlyConv2d { get; set; }

    Conv2dVersion Conv2dVersion => OnlyConv2d
        ?? (Driver.Architecture < 80 || Determinism.Exact ? Conv2dVersion.Tiled
        : Precision.AllowTf32 || operandsAreHalves ? Conv2dVersion.Tf32
        : Driver.PrefersTensorCores ? Conv2dVersion.Tf32x3 : Conv2dVersion.Tiled);

    public override void Conv2d(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        ExpectFloat("Conv2d", x, w, y);
        if (x.Count == 0 || y.Count == 0 || epilogue is { Residual.IsDense: false } or { Bias.IsDense: false })
        {
            base.Conv2d(x, w, y, window, epilogue);
            return;
        }
        if (TryDnn(ConvolutionPass.Forward, x, w, y, window))
        {
            Finish(y, epilogue, 1);
            return;
        }
        ConvolutionPlan.Show(x.Shape, w.Shape, window);
        if (IsProduct(window))
        {
            Gemm(Pixels(x), Flat(w).Permute(1, 0), Pixels(y), epilogue with { Residual = epilogue.Residual is { } residual ? Pixels(residual) : null, Moments = null });
        }
        else if (Conv2dVersion != Conv2dVersion.Plain && IsDepthwise(x.Shape, w.Shape, window))
        {
            using var pixels = new Quads(this, x, 1);
            using var filters = ChannelTaps(w, window, Phase.Whole(window.R), Phase.Whole(window.S));
            Depthwise(ImplicitGemm.Of(pixels.View, filters.View, y, window with { Groups = 1 }, epilogue));
        }
        else
        {
            using var pixels = new Quads(this, x, window.Groups);
            using var filters = new Quads(this, w, 1);
            Correlate(ImplicitGemm.Of(pixels.View, filters.View, y, window, epilogue), window.Groups, y.Storage.Device);
        }
        if (epilogue.Moments is { } moments) Moments(y, moments, 1);
    }

    // Each phase of the stride is a convolution of gy, without a stride, by the taps that reach it.
    public override void Conv2dBackwardData(View gy, View w, View gx, Window2d window)
    {
        ExpectFloat("Conv2dBackwardData", gy, w, gx);
        if (gx.Count == 0 || TryDnn(ConvolutionPass.BackwardData, gx, w, gy, window)) return;
        if (gy.Count == 0)
        {
            Fill(gx, 0);
            return;
        }
        if (IsProduct(window))
        {
            Gemm(Pixels(gy), Flat(w), Pixels(gx));
            return;
        }
        bool depthwise = Conv2dVersion != Conv2dVersion.Plain && IsDepthwise(gx.Shape, w.Shape, window);
        using var gradient = new Quads(this, gy, depthwise ? 1 : window.Groups);
        BackwardPhases(gradient.View, w, gx, window, depthwise);
    }

    /// <summary>The gradient of the input, phase by phase; gy and w both float32, or both halves that <see cref="MultipliesHalves"/>: then gx may be of 16 bits, too.</summary>
    void BackwardPhases(View gy, View w, View gx, Window2d window, bool depthwise = false)
    {
        int groups = depthwise ? 1 : window.Groups;
        foreach (var rows in Phase.Of(gx.Shape[2], window.R, window.StrideH, window.DilationH, window.Top))
            foreach (var columns in Phase.Of(gx.Shape[3], window.S, window.StrideW, window.DilationW, window.Left))
            {
                View pixels = gx.Slice(2, rows.First, rows.Count, window.StrideH).Slice(3, columns.First, columns.Count, window.StrideW);
                if (rows.Taps == 0 || columns.Taps == 0)
                {
                    Fill(pixels, 0);
                    continue;
                }
                using var turned = depthwise ? ChannelTaps(w, window, rows, columns) : Turned(w, window, rows, columns);
                var conv = ImplicitGemm.Backward(InPairs(gy), turned.View, pixels, rows, columns, groups);
                if (depthwise) Depthwise(conv);
                else Correlate(conv, groups, gx.Storage.Device, w.DType, gx.DType);
            }
    }

    /// <summary>True where a convolution is a matrix product of all pixels and the weight.</summary>
    bool IsProduct(Window2d window) => OnlyConv2d is null && window is { R: 1, S: 1, StrideH: 1, StrideW: 1, Top: 0, Left: 0, Bottom: 0, Right: 0, Groups: 1 };

    /// <summary>[N·H·W, C] of a dense [N, C, H, W].</summary>
    static View Pixels(View x) => x.As(new Layout([x.Shape[0] * x.Shape[2] * x.Shape[3], x.Shape[1]], [x.Shape[1], 1], x.Layout.Offset));

    /// <summary>[K, C] of a dense weight [K, C, 1, 1].</summary>
    static View Flat(View w) => w.As(new Layout([w.Shape[0], w.Shape[1]], [w.Shape[1], 1], w.Layout.Offset));

    /// <summary>y of a convolution, float32 or, with such factors, of 16 bits. Factors of 16 bits lie in pairs, which the kernels take for one number: see <see cref="KernelOfHalves"/>.</summary>
    void Correlate(ImplicitGemm conv, int groups, Device device, DType factors = DType.Float32, DType result = DType.Float32)
    {
        var version = factors == DType.Float32 ? Conv2dVersion : Conv2dVersion.Tf32;
        if (version == Conv2dVersion.Plain)
        {
            Launch("conv2d_plain.ptx", "conv2d_plain", new Dim3(BlocksFor((long)conv.Rows * conv.Outer), 1, groups), BlockSize, [KernelArgument.Struct(ref conv)]);
            return;
        }
        bool split = version is Conv2dVersion.Tf32x3 or Conv2dVersion.Tf32x3Wide, wide = conv.Outer > 64 && (version is Conv2dVersion.Tf32 or Conv2dVersion.Tf32x3Wide);
        var tiles = new Dim3((conv.Rows + 127) / 128, wide ? (conv.Outer + 127) / 128 : (conv.Outer + 63) / 64, groups);
        if (version == Conv2dVersion.Tiled)
        {
            Launch("conv2d.ptx", "conv2d", tiles, 128, [KernelArgument.Struct(ref conv)]);
            return;
        }
        var (file, entry) = (split, wide) switch
        {
            (true, true) => ("conv2d_tf32x3_wide.sm80.ptx", "conv2d_tf32x3_wide"),
            (true, false) => ("conv2d_tf32x3.sm80.ptx", "conv2d_tf32x3"),
            (false, true) => ("conv2d_tf32_wide.sm80.ptx", "conv2d_tf32_wide"),
            _ => ("conv2d_tf32.sm80.ptx", "conv2d_tf32"),
        };
        var (threads, shared) = (wide && !split ? 128 : 256, wide ? WideConvShared : 0);
        int pieces = conv.Outer % 4 != 0 ? 1 : (int)Math.Clamp(ConvBlocks / ((long)tiles.X * tiles.Y * groups), 1, Math.Max(1, conv.Sum / LeastPiece));
        int length = (((conv.Sum + pieces - 1) / pieces) + 15) & ~15;
        pieces = (conv.Sum + length - 1) / length;
        var kernel = factors == DType.Float32 ? Kernels.Get(file, entry) : KernelOfHalves(file, entry, factors, pieces == 1 ? result : DType.Float32);
        if (wide) Check(Driver.FuncSetAttribute(kernel.Function, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, shared), "cuFuncSetAttribute");
        if (pieces == 1) Launch(kernel, tiles, threads, [KernelArgument.Struct(ref conv)], shared);
        else
        {
            using var parts = new Temporary(device, Layout.RowMajor([pieces, conv.Rows, conv.Outer * groups]));
            var part = conv.InPieces(pieces, length, parts.View);
            Launch(kernel, tiles with { Z = groups * pieces }, threads, [KernelArgument.Struct(ref part)], shared);
            AddPieces(conv, parts.View, pieces, groups, result);
        }
    }

    /// <summary>The sum of the pieces' results in a fixed order.</summary>
    void AddPieces(ImplicitGemm conv, View parts, int pieces, int groups, DType result)
    {
        const string file = "conv2d_combine.ptx", entry = "conv2d_combine";
        conv.Outer *= groups;
        (conv.Pieces, conv.ByInner) = (pieces, new(conv.Outer / 4));
        var kernel = result == DType.Float32 ? Kernels.Get(file, entry) : Kernels.Get($"{result}:{file}", entry, (file, result), static k => HalfText.Convolution(PtxLibrary.Text(k.file), k.result));
        Launch(kernel, BlocksFor((long)conv.Rows * conv.Outer / 4), BlockSize, [KernelArgument.Struct(ref conv), parts]);
    }

    /// <summary>The taps of a phase with input and output channels exchanged: <c>[groups, C/groups, r, s, K/groups]</c>, K/groups rounded up to a multiple of four by zeros.</summary>
    Temporary Turned(View w, Window2d window, Phase rows, Phase columns)
    {
        int groups = window.Groups, K = w.Shape[0] / groups, C = w.Shape[1];
        long row = (long)window.S * C, filter = window.R * row;
        var taps = new Layout([groups, C, rows.Taps, columns.Taps, K], [K * filter, 1, rows.TapStep * row, columns.TapStep * C, filter],
            w.Layout.Offset + (rows.FirstTap * row) + (columns.FirstTap * C));
        var turned = new Temporary(w.Storage.Device, Layout.RowMajor([groups, C, rows.Taps, columns.Taps, Quads.RoundUp(K)]), w.DType);
        if (K % 4 != 0) Fill(turned.View, 0);
        Copy(w.As(taps), turned.View.Slice(4, 0, K));
        return turned;
    }
}
