namespace Tessera.Cpu;

// Activations lie N, H, W, C and weights K, R, S, C/groups. ConvolutionPlan chooses the algorithm.
internal sealed unsafe partial class CpuBackend
{
    public override void Conv2d(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        if (y.Count == 0 || epilogue.Residual is { IsDense: false }) base.Conv2d(x, w, y, window, epilogue);
        else Conv2d(x, w, y, y.Shape[1], window, epilogue);
    }

    public override void Conv2dInto(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        bool depthwise = ConvolutionPlan.Of(ConvolutionPass.Forward, x.Shape, w.Shape, window).Algorithm == ConvolutionAlgorithm.Depthwise;
        if (y.Count > 0 && !depthwise && epilogue is { Residual: null, Moments: null } && IsChannels(y, out int pixel)) Conv2d(x, w, y, pixel, window, epilogue);
        else base.Conv2dInto(x, w, y, window, epilogue);
    }

    /// <summary>True for neighbouring channels of a batch that lies N, H, W, C, whose pixels are <paramref name="pixel"/> floats apart.</summary>
    static bool IsChannels(View y, out int pixel)
    {
        var s = y.Layout.Strides;
        pixel = (int)s[3];
        return s[1] == 1 && s[3] >= y.Shape[1] && s[2] == s[3] * y.Shape[3] && s[0] == s[2] * y.Shape[2];
    }

    void Conv2d(View x, View w, View y, int pixel, Window2d window, in Epilogue epilogue)
    {
        int K = w.Shape[0], Cg = w.Shape[1], taps = window.R * window.S;
        ConvolutionPlan.Show(x.Shape, w.Shape, window);
        var algorithm = ConvolutionPlan.Of(ConvolutionPass.Forward, x.Shape, w.Shape, window).Algorithm;
        if (algorithm == ConvolutionAlgorithm.PlainGemm)
        {
            Gemm(Pixels(x), Flat(w).Permute(1, 0), Pixels(y, pixel), epilogue with { Residual = epilogue.Residual is { } r ? Pixels(r) : null }, w.Storage);
            return;
        }
        if (algorithm is ConvolutionAlgorithm.Winograd or ConvolutionAlgorithm.WinogradSmall)
        {
            var winograd = new WinogradConv
            {
                Source = new Image(x, "Conv2d"),
                Result = new Image(y, "Conv2d") with { C = pixel },
                Tile = algorithm == ConvolutionAlgorithm.Winograd ? 4 : 2,
                N = x.Shape[0],
                Inner = Cg,
                Outer = K,
                Top = window.Top,
                Left = window.Left,
                W = w.Float(),
                WTap = Cg,
                WInner = 1,
                WOuter = 9 * Cg,
                Weights = w.Storage,
                Epilogue = new TileEpilogue(epilogue, y.Float()),
                WantsMoments = epilogue.Moments is not null,
            };
            winograd.Run();
            Combine(winograd.Moments, epilogue);
            return;
        }
        if (algorithm == ConvolutionAlgorithm.Depthwise)
        {
            var depthwise = new Depthwise
            {
                Source = new Image(x, "Conv2d"),
                Result = new Image(y, "Conv2d"),
                N = x.Shape[0],
                Window = window,
                W = w.Float(),
                Epilogue = new TileEpilogue(epilogue, y.Float()),
                WantsMoments = epilogue.Moments is not null,
            };
            depthwise.Run();
            Combine(depthwise.Moments, epilogue);
            return;
        }
        KernelTap* list = stackalloc KernelTap[taps];
        for (int t = 0; t < taps; t++)
            list[t] = new KernelTap((t / window.S * window.DilationH) - window.Top, (t % window.S * window.DilationW) - window.Left, t);
        int Ho = y.Shape[2], Wo = y.Shape[3];
        var job = new Correlation
        {
            Source = new Image(x, "Conv2d"),
            N = x.Shape[0],
            Groups = window.Groups,
            Inner = Cg,
            Outer = K / window.Groups,
            OutH = Ho,
            OutW = Wo,
            StepY = window.StrideH,
            StepX = window.StrideW,
            Out = y.Float(),
            OutN = (nint)Ho * Wo * pixel,
            OutRow = (nint)Wo * pixel,
            OutCol = pixel,
            W = w.Float(),
            WGroup = (nint)(K / window.Groups) * taps * Cg,
            WTap = Cg,
            WInner = 1,
            WOuter = (nint)taps * Cg,
            Weights = w.Storage,
            Epilogue = new TileEpilogue(epilogue, y.Float()),
            WantsMoments = epilogue.Moments is not null,
            Taps = list,
            TapCount = taps,
        };
        job.Run();
        Combine(job.Moments, epilogue);
    }

    static void Combine(ChannelMoments moments, in Epilogue epilogue)
    {
        if (epilogue.Moments is { } m) moments.Combine(m.Float(), m.Float() + m.Layout.Strides[0], (nint)m.Layout.Strides[1]);
    }

    // Input pixel (h, w) is reached by tap r only where h + top - r·dilation is a multiple of the stride: each phase of the stride is a
    // convolution of gy without a stride.
    public override void Conv2dBackwardData(View gy, View w, View gx, Window2d window)
    {
        int K = w.Shape[0], Cg = w.Shape[1], taps = window.R * window.S, C = gx.Shape[1], H = gx.Shape[2], W = gx.Shape[3];
        var algorithm = ConvolutionPlan.Of(ConvolutionPass.BackwardData, gx.Shape, w.Shape, window).Algorithm;
        if (algorithm == ConvolutionAlgorithm.PlainGemm)
        {
            Gemm(Pixels(gy), Flat(w), Pixels(gx));
            return;
        }
        if (algorithm is ConvolutionAlgorithm.Winograd or ConvolutionAlgorithm.WinogradSmall)
        {
            new WinogradConv
            {
                Source = new Image(gy, "Conv2dBackwardData"),
                Result = new Image(gx, "Conv2dBackwardData"),
                Tile = algorithm == ConvolutionAlgorithm.Winograd ? 4 : 2,
                N = gy.Shape[0],
                Inner = K,
                Outer = C,
                Top = 2 - window.Top,
                Left = 2 - window.Left,
                W = w.Float(),
                WTap = C,
                WInner = 9 * C,
                WOuter = 1,
                Turned = true,
                Weights = w.Storage,
            }.Run();
            return;
        }
        if (algorithm == ConvolutionAlgorithm.Depthwise)
        {
            new Depthwise
            {
                Source = new Image(gy, "Conv2dBackwardData"),
                Result = new Image(gx, "Conv2dBackwardData"),
                N = gy.Shape[0],
                Window = window,
                W = w.Float(),
                Backward = true,
            }.Run();
            return;
        }
        KernelTap* list = stackalloc KernelTap[taps];
        for (int py = 0; py < Math.Min(window.StrideH, H); py++)
            for (int px = 0; px < Math.Min(window.StrideW, W); px++)
            {
                int count = 0;
                for (int t = 0; t < taps; t++)
                {
                    int y = py + window.Top - (t / window.S * window.DilationH), x = px + window.Left - (t % window.S * window.DilationW);
                    if (y % window.StrideH == 0 && x % window.StrideW == 0) list[count++] = new KernelTap(y / window.StrideH, x / window.StrideW, t);
                }
                new Correlation
                {
                    Source = new Image(gy, "Conv2dBackwardData"),
                    N = gy.Shape[0],
                    Groups = window.Groups,
                    Inner = K / window.Groups,
                    Outer = Cg,
                    OutH = (H - py + window.StrideH - 1) / window.StrideH,
                    OutW = (W - px + window.StrideW - 1) / window.StrideW,
                    StepY = 1,
                    StepX = 1,
                    Out = gx.Float() + ((((nint)py * W) + px) * C),
                    OutN = (nint)H * W * C,
                    OutRow = (nint)window.StrideH * W * C,
                    OutCol = (nint)window.StrideW * C,
                    W = w.Float(),
                    WGroup = (nint)(K / window.Groups) * taps * Cg,
                    WTap = Cg,
                    WInner = (nint)taps * Cg,
                    WOuter = 1,
                    Taps = list,
                    TapCount = count,
                }.Run();
            }
    }

    public override void Conv2dBackwardWeight(View gy, View x, View gw, Window2d window)
    {
        var algorithm = ConvolutionPlan.Of(ConvolutionPass.BackwardWeight, x.Shape, gw.Shape, window).Algorithm;
        if (algorithm == ConvolutionAlgorithm.PlainGemm) Gemm(Pixels(gy).Permute(1, 0), Pixels(x), Flat(gw));
        else if (algorithm is ConvolutionAlgorithm.Winograd or ConvolutionAlgorithm.WinogradSmall)
            new WinogradWeights
            {
                Gy = new Image(gy, "Conv2dBackwardWeight"),
                X = new Image(x, "Conv2dBackwardWeight"),
                N = gy.Shape[0],
                C = gw.Shape[1],
                K = gw.Shape[0],
                Top = window.Top,
                Left = window.Left,
                Gw = gw.Float(),
            }.Run();
        else if (algorithm == ConvolutionAlgorithm.Depthwise)
            new DepthwiseWeights
            {
                Gy = new Image(gy, "Conv2dBackwardWeight"),
                X = new Image(x, "Conv2dBackwardWeight"),
                N = gy.Shape[0],
                Window = window,
                Gw = gw.Float(),
            }.Run();
        else new WeightGradient(gy, x, gw, window).Run();
    }

    /// <summary>[N·H·W, C] of a dense [N, C, H, W].</summary>
    static View Pixels(View x) => Pixels(x, x.Shape[1]);

    /// <summary>[N·H·W, C] of a [N, C, H, W] whose pixels are <paramref name="pixel"/> floats apart.</summary>
    static View Pixels(View x, int pixel) => x.As(new Layout([x.Shape[0] * x.Shape[2] * x.Shape[3], x.Shape[1]], [pixel, 1], x.Layout.Offset));

    /// <summary>[K, C·R·S] of a dense weight.</summary>
    static View Flat(View w)
    {
        int columns = w.Shape[1] * w.Shape[2] * w.Shape[3];
        return w.As(new Layout([w.Shape[0], columns], [columns, 1], w.Layout.Offset));
    }
}
