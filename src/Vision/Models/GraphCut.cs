using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Where the graph of a classifier is cut for transfer learning.</summary>
static class GraphCut
{
    static readonly string[] learned = ["Conv", "Gemm", "MatMul"];

    /// <summary>
    /// The value before the last pool. Where no learned layer follows the pool and a 1×1 convolution stands right before it (SqueezeNet), the classes are
    /// that convolution's channels: the value before it. A trunk that ends in its pool looks alike; its channels are a multiple of 16, which classes of
    /// ImageNet (1000) and most others are not; a dropout before or a softmax behind settles it.
    /// </summary>
    /// <exception cref="DataException">There is no pool.</exception>
    public static string Of(OnnxModel model)
    {
        var pool = model.Nodes.LastOrDefault(n => IsPool(model, n) && !IsInside(model, n))
            ?? throw new DataException($"{model.File}: no pool in the graph: expected an image classifier. Hint: name the value that holds the feature maps as cut.");
        string value = pool.Inputs[0];
        if (Behind(model, pool).Any(n => learned.Contains(n.Op, StringComparer.Ordinal))) return value;
        var node = Maker(model, value);
        while (node is { Op: "Relu" or "Dropout", Inputs.Length: > 0 }) node = Maker(model, node.Inputs[0]);
        if (node is not { Op: "Conv", Inputs.Length: > 1 } conv || !model.HasInitializer(conv.Inputs[1])) return value;
        var shape = model.Initializer(conv.Inputs[1]).Shape;
        bool dropout = Maker(model, conv.Inputs[0]) is { Op: "Dropout" }, softmax = Behind(model, pool).Any(n => n.Op is "Softmax" or "LogSoftmax");
        bool classifies = shape is { Rank: 4 } && shape[2] == 1 && shape[3] == 1 && (dropout || softmax || shape[0] % 16 != 0);
        if (!classifies) return value;
        var before = Maker(model, conv.Inputs[0]);
        return before is { Op: "Dropout", Inputs.Length: > 0 } ? before.Inputs[0] : conv.Inputs[0];
    }

    // Means over height and width are a pool, those over channels part of a norm.
    static bool IsPool(OnnxModel model, OnnxNode node) => node.Inputs.Length > 0 && IsPoolWithInput(model, node);

    static bool IsPoolWithInput(OnnxModel model, OnnxNode node) => node.Op is "GlobalAveragePool" or "GlobalMaxPool" or "AveragePool" or "MaxPool"
        || (node.Op == "ReduceMean" && (node.Ints("axes")?.Length ?? (node.Inputs.Length > 1 && model.HasInitializer(node.Inputs[1]) ? (int)model.Initializer(node.Inputs[1]).Count : 2)) == 2);

    // The means of a squeeze-and-excitation block, whose factors come back to the value they are the means of.
    static bool IsInside(OnnxModel model, OnnxNode pool) => Behind(model, pool).Any(n => n.Op == "Mul" && n.Inputs.Contains(pool.Inputs[0], StringComparer.Ordinal));

    static OnnxNode? Maker(OnnxModel model, string value) => model.Nodes.FirstOrDefault(n => n.Outputs.Contains(value, StringComparer.Ordinal));

    // All nodes whose results depend on a node's.
    static IEnumerable<OnnxNode> Behind(OnnxModel model, OnnxNode start)
    {
        var reached = start.Outputs.ToHashSet(StringComparer.Ordinal);
        foreach (var node in model.Nodes)
        {
            if (node == start || !node.Inputs.Any(reached.Contains)) continue;
            reached.UnionWith(node.Outputs.Where(o => o.Length > 0));
            yield return node;
        }
    }
}
