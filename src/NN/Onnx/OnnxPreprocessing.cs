namespace Tessera.NN;

/// <summary>What a graph does to its input before the first layer that learns.</summary>
static class OnnxPreprocessing
{
    static readonly HashSet<string> arithmetic = new(["Sub", "Add", "Mul", "Div"], StringComparer.Ordinal);

    /// <summary>Operators that pass pixels on, changed, moved or cut.</summary>
    static readonly HashSet<string> passing = new(
        [.. arithmetic, "Cast", "Clip", "Concat", "Gather", "Identity", "Neg", "Pad", "Pow", "Reshape", "Resize", "Slice", "Split", "Sqrt",
            "Squeeze", "Transpose", "Unsqueeze", "Upsample"], StringComparer.Ordinal);

    /// <summary>The operators that scale or shift pixels on their way to the first convolution, in the order of the graph; none where it gets the input as it is.</summary>
    public static IReadOnlyList<string> Of(OnnxModel model)
    {
        if (model.Inputs is not [{ Name: var input }]) return [];
        HashSet<string> pixels = new([input], StringComparer.Ordinal);
        List<string> found = [];
        bool reaches = false;
        foreach (var node in model.Nodes.Where(n => n.Inputs.Any(pixels.Contains)))
        {
            reaches |= node.Op == "Conv";
            if (!passing.Contains(node.Op)) continue;
            pixels.UnionWith(node.Outputs);
            if (arithmetic.Contains(node.Op)) found.Add(node.Op);
        }
        return reaches ? [.. found.Distinct(StringComparer.Ordinal)] : [];
    }
}
