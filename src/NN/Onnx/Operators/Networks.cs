namespace Tessera.NN;

// Layers: products, convolutions, pools, normalisations.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Networks =>
    [
        One("MatMul", 1, c => c[0].MatMul(c[1])),
        One("Gemm", 7, Gemm),
        One("Conv", 1, Conv, "3-d"),
        One("ConvTranspose", 1, ConvTranspose, "3-d"),
        new("MaxPool", 1, MaxPool, "3-d"),
        One("AveragePool", 1, AveragePool, "3-d, dilations"),
        One("GlobalAveragePool", 1, c => c.X.Mean(Spatial(c), keepDim: true)),
        One("GlobalMaxPool", 1, c => c.X.AMax(Spatial(c), keepDim: true)),
        new("BatchNormalization", 7, BatchNormalization, "spatial=0"),
        One("InstanceNormalization", 6, InstanceNormalization),
        new("LayerNormalization", 17, LayerNormalization),
        One("GroupNormalization", 18, GroupNormalization),
        One("LRN", 1, LocalResponseNormalization),
        new("Dropout", 7, Dropout),
    ];

    static int[] Spatial(NodeCall c) => c.X.Rank > 2 ? [.. Enumerable.Range(2, c.X.Rank - 2)] : throw c.Node.Error("rank of the input", c.X.Rank, "at least 3");

    // y = alpha·A·B + beta·C
    static Tensor Gemm(NodeCall c)
    {
        var (a, b) = (c[0], c[1]);
        if (a.Rank != 2 || b.Rank != 2) throw c.Node.Error("ranks", $"{a.Rank} and {b.Rank}", "2 and 2");
        if (c.Node.Flag("transA")) a = a.Transpose();
        if (c.Node.Flag("transB")) b = b.Transpose();
        float alpha = c.Node.Float("alpha", 1), beta = c.Node.Float("beta", 1);
        var y = a.MatMul(b);
        if (alpha != 1) y *= alpha;
        return c.Maybe(2) is not { } bias || beta == 0 ? y : y + (beta == 1 ? bias : bias * beta);
    }

    static Tensor Conv(NodeCall c)
    {
        var (x, w) = (c.X, c[1]);
        if (x.Rank == 3 && w.Rank == 3) return Conv(c with { Inputs = [x.Unsqueeze(2), w.Unsqueeze(2), c.Maybe(2)] }).Squeeze(2);
        if (x.Rank != 4 || w.Rank != 4) throw c.Unsupported("rank of the input", x.Rank, "3 or 4");
        var window = OnnxWindow.Of(c.Node, w.Shape[2], w.Shape[3], x.Shape[2], x.Shape[3]);
        _ = c.Allow(x.Shape[0], w.Shape[0], window.OutH(x.Shape[2]), window.OutW(x.Shape[3]));
        return x.Conv2d(w, c.Maybe(2), window);
    }

    // The full transposed convolution, cut by the pads; output_padding, or an output_shape beyond the full size, adds zeros behind.
    static Tensor ConvTranspose(NodeCall c)
    {
        var (x, w) = (c.X, c[1]);
        if (x.Rank == 3 && w.Rank == 3) return ConvTranspose(c with { Inputs = [x.Unsqueeze(2), w.Unsqueeze(2), c.Maybe(2)] }).Squeeze(2);
        if (x.Rank != 4 || w.Rank != 4) throw c.Unsupported("rank of the input", x.Rank, "3 or 4");
        var k = OnnxWindow.Of(c.Node, w.Shape[2], w.Shape[3], x.Shape[2], x.Shape[3], transposed: true);
        int[] extra = OnnxWindow.Two(c.Node, "output_padding", 0), size = OnnxWindow.Two(c.Node, "output_shape", 0);
        if (extra.Concat(size).Any(n => n < 0)) throw c.Node.Error("output_padding and output_shape", $"[{string.Join(", ", extra.Concat(size))}]", "numbers of at least 0");
        long h = (k.StrideH * (x.Shape[2] - 1L)) + (k.DilationH * (k.R - 1L)) + 1 + extra[0], width = (k.StrideW * (x.Shape[3] - 1L)) + (k.DilationW * (k.S - 1L)) + 1 + extra[1];
        _ = c.Allow(x.Shape[0], w.Shape[1] * (long)k.Groups, Math.Max(h, size[0]), Math.Max(width, size[1]));
        (extra[0], extra[1]) = (extra[0] + (int)Math.Max(0, size[0] - h), extra[1] + (int)Math.Max(0, size[1] - width));
        (h, width) = (Math.Max(h, size[0]), Math.Max(width, size[1]));
        if (k.Top + k.Bottom > h || k.Left + k.Right > width) throw c.Node.Error("pads", $"{k.Top + k.Bottom}, {k.Left + k.Right}", $"at most {h}, {width}");
        var full = x.ConvTranspose2d(w, null, (k.StrideH, k.StrideW), (0, 0), (0, 0), (k.DilationH, k.DilationW), k.Groups);
        if (extra[0] > 0 || extra[1] > 0) full = full.Pad(0, extra[1], 0, extra[0]);
        var y = full.Narrow(2, k.Top, (int)h - k.Top - k.Bottom).Narrow(3, k.Left, (int)width - k.Left - k.Right);
        return c.Maybe(2) is { } bias ? y + bias.Reshape(1, -1, 1, 1) : y.Contiguous();
    }

    // Outputs: y and, where asked for, the places of the maxima in x as a flat array (rows first, or with storage_order 1 columns first).
    static Tensor[] MaxPool(NodeCall c)
    {
        if (c.X.Rank == 3) return [.. MaxPool(c with { Inputs = [c.X.Unsqueeze(2)] }).Select(t => t.Squeeze(2))];
        var k = PoolWindow(c);
        var x = c.X.To(DType.Float32);
        bool even = k.Top == k.Bottom && k.Left == k.Right && 2 * k.Top <= k.R && 2 * k.Left <= k.S;
        if (!even)
        {
            if (c.Node.Wants(1)) throw c.Unsupported("Indices with uneven padding", $"{k.Top}, {k.Left}, {k.Bottom}, {k.Right}", "even padding");
            x = x.Pad(k.Left, k.Right, k.Top, k.Bottom, PadMode.Constant, float.NegativeInfinity);
            k = k with { Top = 0, Bottom = 0, Left = 0, Right = 0 };
        }
        (Pair size, Pair stride, Pair padding, Pair dilation, bool ceil) = ((k.R, k.S), (k.StrideH, k.StrideW), (k.Top, k.Left), (k.DilationH, k.DilationW), c.Node.Flag("ceil_mode"));
        if (!c.Node.Wants(1)) return [x.MaxPool2d(size, stride, padding, dilation, ceil).To(c.X.DType)];
        var (y, places) = x.MaxPool2dWithIndices(size, stride, padding, dilation, ceil);
        return [y.To(c.X.DType), FlatPlaces(c, places)];
    }

    static Tensor FlatPlaces(NodeCall c, Tensor places)
    {
        long[] at = places.ToArray<long>();
        long h = c.X.Shape[2], w = c.X.Shape[3], plane = places.Shape[2] * (long)places.Shape[3];
        for (long i = 0; i < at.Length; i++)
            at[i] = (i / plane * h * w) + (c.Node.Flag("storage_order") ? (at[i] % w * h) + (at[i] / w) : at[i]);
        return at.ToTensor(places.Shape, DType.Int64);
    }

    // With uneven padding: the mean over the padded input, divided by the share of the window that is not padding.
    static Tensor AveragePool(NodeCall c)
    {
        if (c.X.Rank == 3) return AveragePool(c with { Inputs = [c.X.Unsqueeze(2)] }).Squeeze(2);
        var k = PoolWindow(c);
        if (k.DilationH != 1 || k.DilationW != 1) throw c.Unsupported("dilations", $"{k.DilationH}, {k.DilationW}", 1);
        bool count = c.Node.Flag("count_include_pad"), ceil = c.Node.Flag("ceil_mode");
        if (k.Top == k.Bottom && k.Left == k.Right && 2 * k.Top <= k.R && 2 * k.Left <= k.S)
            return c.X.AvgPool2d((k.R, k.S), (k.StrideH, k.StrideW), (k.Top, k.Left), ceil, count);
        var y = Mean(c.X);
        return count ? y : y / Mean(Tensor.Ones([1, 1, c.X.Shape[2], c.X.Shape[3]], c.X.Device));

        Tensor Mean(Tensor x) => x.Pad(k.Left, k.Right, k.Top, k.Bottom).AvgPool2d((k.R, k.S), (k.StrideH, k.StrideW), (0, 0), ceil, true);
    }

    static Window2d PoolWindow(NodeCall c)
    {
        if (c.X.Rank != 4) throw c.Unsupported("rank of the input", c.X.Rank, "3 or 4");
        int[] kernel = c.Node.Ints("kernel_shape") ?? throw c.Node.Error("kernel_shape is missing", "none", "two sizes");
        if (kernel.Length == 1) kernel = [1, kernel[0]];
        if (kernel.Length != 2) throw c.Unsupported("kernel_shape", $"{kernel.Length} sizes", 2);
        var k = OnnxWindow.Of(c.Node, kernel[0], kernel[1], c.X.Shape[2], c.X.Shape[3]);
        _ = c.Allow(c.X.Shape[0], c.X.Shape[1], (long)c.X.Shape[2] + k.Top + k.Bottom, (long)c.X.Shape[3] + k.Left + k.Right);
        return k;
    }

    // Outputs: y, and in training the running mean and variance: running·momentum + batch·(1 - momentum), the batch's variance being biased.
    static Tensor[] BatchNormalization(NodeCall c)
    {
        if (!c.Node.Flag("spatial", true)) throw c.Unsupported("spatial", 0, 1);
        float eps = c.Node.Float("epsilon", 1e-5f), momentum = c.Node.Float("momentum", 0.9f);
        var (mean, var) = (c[3], c[4]);
        if (!(c.Opset < 14 ? c.Node.Wants(1) : c.Node.Flag("training_mode")))
            return [c.X.BatchNorm(c[1], c[2], mean, var, training: false, 0, eps)];
        int[] dims = [.. Enumerable.Range(0, c.X.Rank).Where(i => i != 1)];
        var (batchMean, batchVar) = (c.X.Mean(dims), c.X.Var(dims, unbiased: false));
        var y = c.X.BatchNorm(c[1], c[2], null, null, training: true, 0, eps);
        return [y, (mean * momentum) + (batchMean * (1 - momentum)), (var * momentum) + (batchVar * (1 - momentum)), batchMean, batchVar];
    }

    static Tensor InstanceNormalization(NodeCall c)
    {
        int[] dims = Spatial(c), channels = [.. Enumerable.Repeat(1, c.X.Rank)];
        channels[1] = c.X.Shape[1];
        return (Standard(c.X, dims, c.Node.Float("epsilon", 1e-5f)).Y * c[1].Reshape(new Shape(channels))) + c[2].Reshape(new Shape(channels));
    }

    // Outputs: y, mean, 1/deviation.
    static Tensor[] LayerNormalization(NodeCall c)
    {
        int axis = c.Axis(-1);
        var (y, mean, inverse) = Standard(c.X, [.. Enumerable.Range(axis, c.X.Rank - axis)], c.Node.Float("epsilon", 1e-5f));
        y *= c[1];
        return [c.Maybe(2) is { } b ? y + b : y, mean, inverse];
    }

    // Scale and bias are one a group before operator set 21, one a channel since.
    static Tensor GroupNormalization(NodeCall c)
    {
        int groups = c.Node.Int("num_groups", 0), channels = c.X.Rank > 2 ? c.X.Shape[1] : 0;
        if (groups < 1 || channels % groups != 0 || channels == 0) throw c.Node.Error("num_groups", groups, $"a divisor of {channels} channels");
        int each = channels / groups;
        var x = c.X.Reshape(c.X.Shape[0], groups, -1);
        var y = Standard(x, [2], c.Node.Float("epsilon", 1e-5f)).Y.Reshape(c.X.Shape);
        return (y * PerChannel(c[1])) + PerChannel(c[2]);

        Tensor PerChannel(Tensor t)
        {
            var one = t.Count == groups && each > 1 ? t.Reshape(groups, 1).Expand([groups, each]) : t;
            return one.Reshape(new Shape([channels, .. Enumerable.Repeat(1, c.X.Rank - 2)]));
        }
    }

    /// <summary>(x - mean) / √(var + eps) over some dimensions.</summary>
    static (Tensor Y, Tensor Mean, Tensor Inverse) Standard(Tensor x, int[] dims, float eps)
    {
        var mean = x.Mean(dims, keepDim: true);
        var centred = x - mean;
        var inverse = (centred.Square().Mean(dims, keepDim: true) + eps).Rsqrt();
        return (centred * inverse, mean, inverse);
    }

    // y = x / (bias + alpha/size · Σ x² over `size` neighbouring channels)^beta
    static Tensor LocalResponseNormalization(NodeCall c)
    {
        int size = c.Node.Int("size", 0), channels = c.X.Rank > 1 ? c.X.Shape[1] : 0;
        if (size < 1) throw c.Node.Error("size", size, "at least 1");
        var square = c.X.Square();
        var sum = square;
        for (int d = -Math.Min((size - 1) / 2, channels); d <= Math.Min(size / 2, channels); d++)
        {
            if (d == 0 || Math.Abs(d) >= channels) continue;
            var zeros = Tensor.Zeros(c.X.Shape.With(1, Math.Abs(d)), c.X.Device);
            sum += d > 0 ? Tensor.Cat([square.Narrow(1, d, channels - d), zeros], 1) : Tensor.Cat([zeros, square.Narrow(1, 0, channels + d)], 1);
        }
        return c.X / ((sum * (c.Node.Float("alpha", 1e-4f) / size)) + c.Node.Float("bias", 1)).Pow(c.Node.Float("beta", 0.75f));
    }

    // Ratio and training are attributes before operator set 12 (never training), inputs since. Outputs: y, mask.
    static Tensor[] Dropout(NodeCall c)
    {
        float p = c.Opset < 12 ? c.Node.Float("ratio", 0.5f) : c.Number(1, 0.5f);
        bool training = c.Opset >= 12 && c.Number(2, 0) != 0 && p > 0;
        if (!training) return [c.X, Tensor.Full(c.X.Shape, 1, DType.Bool)];
        var keep = Tensor.Uniform(c.X.Shape, Generator.Default.Next()).GreaterEqual(p);
        return [c.X.Dropout(p, keep), keep];
    }
}
