using System.Globalization;

namespace Tessera.NN;

/// <summary>A module made from a node, and its name.</summary>
internal sealed record GraphLayer(string Name, Module Module);

/// <summary>Which nodes become modules, and how. A node whose weights are computed, or that asks for what the module cannot do, stays a node.</summary>
internal static class GraphLayers
{
    static readonly string[] suffixes = ["weight", "bias", "running_mean", "running_var"];

    /// <summary>True for operators whose stored tensors are learned.</summary>
    public static bool Learns(string op) => op is "Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "Add" or "Sub" or "Mul" or "Div" or "PRelu"
        or "InstanceNormalization" or "LayerNormalization" or "GroupNormalization";

    /// <summary>The node as a module, or null.</summary>
    public static GraphLayer? Make(OnnxNode node, string?[] inputs, Func<string, Tensor?> constant)
    {
        if (inputs.Length == 0 || inputs[0] is null || constant(inputs[0]!) is not null) return null;
        var w = Array.ConvertAll(inputs, name => name is null ? null : constant(name));
        if (node.Op != "Dropout" && inputs.Skip(1).Any(name => name is not null && constant(name) is not { DType: DType.Float32 })) return null;
        Module? module = node.Op switch
        {
            "Conv" => Conv(node, w.ElementAtOrDefault(1), w.ElementAtOrDefault(2)),
            "Gemm" => Gemm(node, w.ElementAtOrDefault(1), w.ElementAtOrDefault(2)),
            "BatchNormalization" => BatchNorm(node, w),
            "Dropout" => Dropout(node, w, inputs),
            _ => null,
        };
        return module is null ? null : new GraphLayer(NameOf(node, inputs), module);
    }

    // The common beginning of x.weight, x.bias, ...; else the name of the weight; else the node's.
    static string NameOf(OnnxNode node, string?[] inputs)
    {
        if (inputs.Length < 2 || inputs[1] is not { } weight || node.Op == "Dropout") return node.Name;
        string stem = weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^".weight".Length] : "";
        bool all = stem.Length > 0 && inputs.Skip(1).Index().All(i => i.Item is null || i.Item == $"{stem}.{suffixes[Math.Min(i.Index, 3)]}");
        return all ? stem : weight;
    }

    /// <summary>A convolution with stored weights, or null where the module cannot do what the node asks for.</summary>
    public static Conv2d? Conv(OnnxNode node, Tensor? w, Tensor? b)
    {
        if (w is not { Rank: 4 } || node.String("auto_pad", "NOTSET") is not ("NOTSET" or "VALID" or "")) return null;
        var k = OnnxWindow.Of(node, w.Shape[2], w.Shape[3], 1, 1);
        if (k.Top != k.Bottom || k.Left != k.Right || w.Shape[0] % k.Groups != 0 || w.Shape[0] == 0 || w.Shape[1] == 0) return null;
        if (b is not null && b.Shape != [w.Shape[0]]) throw node.Error("bias", b.Shape, $"[{w.Shape[0]}]");
        var conv = new Conv2d(checked(w.Shape[1] * k.Groups), w.Shape[0], (k.R, k.S), (k.StrideH, k.StrideW), (k.Top, k.Left), (k.DilationH, k.DilationW), k.Groups, b is not null);
        conv.Weight.CopyFrom(w);
        if (b is not null) conv.Bias!.CopyFrom(b);
        return conv;
    }

    static Linear? Gemm(OnnxNode node, Tensor? w, Tensor? b)
    {
        if (w is not { Rank: 2 } || w.Count == 0 || node.Flag("transA") || node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1) return null;
        if (!node.Flag("transB")) w = w.Transpose();
        if (b is not null && b.Shape != [w.Shape[0]]) return null;
        var linear = new Linear(w.Shape[1], w.Shape[0], b is not null);
        linear.Weight.CopyFrom(w);
        if (b is not null) linear.Bias!.CopyFrom(b);
        return linear;
    }

    // Also of a file exported in training mode: the module's own mode decides which statistics it uses.
    static GraphBatchNorm? BatchNorm(OnnxNode node, Tensor?[] w)
    {
        if (w.Length < 5 || w[1] is not { Rank: 1, Count: > 0 } weight || w.Skip(2).Any(t => t is null || t.Shape != weight.Shape) || !node.Flag("spatial", true)) return null;
        var norm = new GraphBatchNorm((int)weight.Count, node.Float("epsilon", 1e-5f), 1 - node.Float("momentum", 0.9f));
        norm.Weight.CopyFrom(weight);
        norm.Bias.CopyFrom(w[2]!);
        norm.RunningMean.CopyFrom(w[3]!);
        norm.RunningVar.CopyFrom(w[4]!);
        return norm;
    }

    /// <summary>0.1 for the float next to 0.1.</summary>
    static double AsWritten(float p) => double.Parse(p.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    // A file for inference holds dropout switched off; the module drops again when it is trained.
    static Dropout? Dropout(OnnxNode node, Tensor?[] w, string?[] inputs)
    {
        if (inputs.Skip(1).Zip(w.Skip(1)).Any(i => i.First is not null && i.Second is null)) return null;
        float p = node.Opset < 12 ? node.Float("ratio", 0.5f) : w.ElementAtOrDefault(1)?.Item() ?? 0.5f;
        return w.ElementAtOrDefault(2) is { } training && training.Longs()[0] != 0 || p is not (>= 0 and < 1) ? null : new Dropout(AsWritten(p));
    }
}

/// <summary>A batch norm for any rank: a node does not say which it gets.</summary>
internal sealed class GraphBatchNorm(int channels, double eps, double momentum) : BatchNorm(channels, eps, momentum)
{
    private protected override bool Takes(int rank) => rank >= 2;

    private protected override string Expected => "[N, C, ...]";
}
