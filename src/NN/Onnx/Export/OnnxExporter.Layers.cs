namespace Tessera.NN;

// Products, convolutions, pools, normalisations.
internal sealed partial class OnnxExporter
{
    static IEnumerable<(string Name, Func<OnnxCall, string> Write)> Layers =>
    [
        ("Linear", c => c.Node("Gemm", ("transB", 1))),
        ("MatMul", c => c.Node("MatMul")),
        ("Conv2d", Conv2d),
        ("ConvTranspose2d", ConvTranspose2d),
        ("MaxPool2d", MaxPool2d),
        ("AvgPool2d", AvgPool2d),
        ("BatchNorm", BatchNorm),
        (nameof(BatchNorm1d), BatchNormModule),
        (nameof(GraphBatchNorm), BatchNormModule),
        (nameof(NN.LayerNorm), LayerNorm),
        (nameof(NN.Dropout), Dropout),
        (nameof(NN.StochasticDepth), StochasticDepth),
    ];

    // relu(conv(x, w) + b + residual)
    static string Conv2d(OnnxCall c)
    {
        var w = c.Argument<Window2d>("window");
        bool residual = c.Argument<bool>("residual");
        string y = c.Node("Conv", residual ? c.Inputs[..^1] : c.Inputs, [.. Window(w), ("group", w.Groups)]);
        if (residual) y = c.Node("Add", [y, c.Inputs[^1]]);
        return c.Argument<bool>("relu") ? c.Node("Relu", [y]) : y;
    }

    static string ConvTranspose2d(OnnxCall c)
    {
        var w = c.Argument<Window2d>("window");
        int Extra(int dim, int stride, int pads, int reach) => c.OutputShape[dim] - (((c.ShapeOf(0)[dim] - 1) * stride) - pads + reach);
        int[] extra = [Extra(2, w.StrideH, w.Top + w.Bottom, (w.DilationH * (w.R - 1)) + 1), Extra(3, w.StrideW, w.Left + w.Right, (w.DilationW * (w.S - 1)) + 1)];
        return c.Node("ConvTranspose", [.. Window(w), ("group", w.Groups), ("output_padding", extra)]);
    }

    // A window that ends outside, as with ceil_mode, is padded: padding never wins.
    static string MaxPool2d(OnnxCall c)
    {
        var w = c.Argument<Window2d>("window");
        if (IsGlobal(c, w)) return c.Node("GlobalMaxPool");
        int Reach(int dim, int stride, int dilation, int size) => ((c.OutputShape[dim] - 1) * stride) + (dilation * (size - 1)) + 1 - c.ShapeOf(0)[dim];
        int bottom = Math.Max(w.Bottom, Reach(2, w.StrideH, w.DilationH, w.R) - w.Top), right = Math.Max(w.Right, Reach(3, w.StrideW, w.DilationW, w.S) - w.Left);
        return c.Node("MaxPool", Window(w with { Bottom = bottom, Right = right }));
    }

    static string AvgPool2d(OnnxCall c)
    {
        var w = c.Argument<Window2d>("window");
        if (IsGlobal(c, w)) return c.Node("GlobalAveragePool");
        bool ceil = w.OutH(c.ShapeOf(0)[2]) != c.OutputShape[2] || w.OutW(c.ShapeOf(0)[3]) != c.OutputShape[3];
        return c.Node("AveragePool", [.. Window(w).Where(a => a.Item1 != "dilations"), ("ceil_mode", ceil ? 1 : 0), ("count_include_pad", c.Argument<bool>("countPadding") ? 1 : 0)]);
    }

    // One window that is the whole plane: the exported network takes planes of any size there.
    static bool IsGlobal(OnnxCall c, Window2d w) => w.R == c.ShapeOf(0)[2] && w.S == c.ShapeOf(0)[3] && w is { Top: 0, Left: 0, Bottom: 0, Right: 0 } && c.OutputShape[2] == 1 && c.OutputShape[3] == 1;

    static string BatchNorm(OnnxCall c)
    {
        if (c.Argument<bool>("training")) throw c.Error("batch statistics in evaluation", "running statistics");
        string y = Normalized(c, c.Inputs[1], c.Inputs[2], c.Argument<Tensor>("runningMean"), c.Argument<Tensor>("runningVar"), c.Argument<float>("eps"), c.Argument<float>("momentum"));
        if (c.Inputs.Length > 3) y = c.Node("Add", [y, c.Inputs[3]]);
        return c.Argument<bool>("relu") ? c.Node("Relu", [y]) : y;
    }

    static string BatchNormModule(OnnxCall c)
    {
        var norm = (BatchNorm)c.A.Module!;
        return Normalized(c, c.Source.Stored(norm.Weight), c.Source.Stored(norm.Bias), norm.RunningMean, norm.RunningVar, (float)norm.Eps, (float)norm.Momentum);
    }

    // ONNX weighs the old statistics, PyTorch and we the new ones.
    static string Normalized(OnnxCall c, string weight, string bias, Tensor mean, Tensor variance, float eps, float momentum) =>
        c.Node("BatchNormalization", [c.X, weight, bias, c.Source.Statistics(mean), c.Source.Statistics(variance)], ("epsilon", eps), ("momentum", 1 - momentum));

    string Statistics(Tensor t) => state.ContainsKey(t) ? Stored(t) : graph.Constant(t.DType, t.Shape, t.ToBytes());

    static string LayerNorm(OnnxCall c)
    {
        var norm = (LayerNorm)c.A.Module!;
        return c.Node("LayerNormalization", [c.X, c.Source.Stored(norm.Weight), c.Source.Stored(norm.Bias)], ("axis", -norm.Weight.Rank), ("epsilon", (float)norm.Eps));
    }

    // What happens in training only stands under the name of its module, and does nothing: an import makes the module again.
    static string Dropout(OnnxCall c) => c.A.Module is Dropout module
        ? c.Graph.Named(c.Source.NameOf(module), "Dropout", [c.X, c.Number((float)module.P)])
        : throw c.Error("random numbers in evaluation mode", "none, or a Dropout module");

    // ONNX has no such operator.
    static string StochasticDepth(OnnxCall c)
    {
        var module = (StochasticDepth)c.A.Module!;
        string name = c.Graph.Named(c.Source.NameOf(module), "Identity", [c.X]);
        c.Source.depths.Add(name, module.P);
        return name;
    }

    string? NameOf(Module module) => modules.GetValueOrDefault(module) is { Length: > 0 } name ? name : null;

    static IEnumerable<(string, object)> Window(Window2d w) =>
    [
        ("kernel_shape", new[] { w.R, w.S }),
        ("strides", new[] { w.StrideH, w.StrideW }),
        ("pads", new[] { w.Top, w.Left, w.Bottom, w.Right }),
        ("dilations", new[] { w.DilationH, w.DilationW }),
    ];
}
