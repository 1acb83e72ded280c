namespace Tessera.NN;

internal sealed partial class OnnxExporter
{
    /// <summary>By value: the sums written so far, for the means made of them.</summary>
    readonly Dictionary<string, (string X, int[] Axes, long Count)> sums = new(StringComparer.Ordinal);

    static IEnumerable<(string Name, Func<OnnxCall, string> Write)> Reductions =>
    [
        ("Sum", Sum),
        ("AMax", c => Reduced(c, "ReduceMax")),
        ("AMin", c => Reduced(c, "ReduceMin")),
        ("Norm2", c => Reduced(c, "ReduceL2")),
        ("LogSumExp", c => Reduced(c, "ReduceLogSumExp")),
        ("Prod", c => Reduced(c, "ReduceProd")),
        ("ArgMax", c => c.Node("ArgMax", ("axis", c.Argument<int>("dim")), ("keepdims", 1))),
        ("ArgMin", c => c.Node("ArgMin", ("axis", c.Argument<int>("dim")), ("keepdims", 1))),
        ("CumSum", c => c.Node("CumSum", [c.X, c.Integers(c.Argument<int>("dim"))])),
    ];

    // In operator set 17 the axes of a sum are an input, those of the other reductions an attribute.
    static string Sum(OnnxCall c)
    {
        if (c.Reduced is not { Length: > 0 } axes) return c.X;
        string y = c.Node("ReduceSum", [c.X, c.Integers(axes.Select(d => (long)d))], ("keepdims", 1));
        c.Source.sums[y] = (c.X, axes, c.ShapeOf(0).Count / c.OutputShape.Count);
        return y;
    }

    static string Reduced(OnnxCall c, string op) => c.Reduced is { Length: > 0 } axes ? c.Node(op, ("axes", axes), ("keepdims", 1)) : c.Node(op, ("axes", Array.Empty<int>()), ("keepdims", 1));
}
