namespace Tessera.NN;

// Operations that move elements. A size that differs between the two runs is the batch's.
internal sealed partial class OnnxExporter
{
    static IEnumerable<(string Name, Func<OnnxCall, string> Write)> Shapes =>
    [
        ("Reshape", Reshape),
        ("Permute", c => c.Node("Transpose", ("perm", c.Argument<int[]>("dims").Select(d => d < 0 ? d + c.OutputShape.Rank : d).ToArray()))),
        ("Expand", c => c.Source.Expand(c.X, Target(c))),
        ("Slice", Slice),
        ("Flip", c => c.Node("Slice", [c.X, c.Integers(-1), c.Integers(long.MinValue), c.Integers(c.Argument<int>("dim")), c.Integers(-1)])),
        ("Cat", c => c.Node("Concat", ("axis", c.Argument<int>("dim")))),
        ("Gather", c => c.Node("GatherElements", ("axis", c.Argument<int>("dim")))),
        ("Pad", Pad),
    ];

    // 0 takes the input's size at this place; -1 is inferred.
    static string Reshape(OnnxCall c)
    {
        Shape from = c.ShapeOf(0), to = c.OutputShape, fromB = c.B.Inputs[0].Shape, toB = c.B.Output.Shape;
        if (from == to && fromB == toB) return c.X;
        long[] sizes = [.. Enumerable.Range(0, to.Rank).Select(i => to[i] == toB[i] ? to[i] : i < from.Rank && from[i] == to[i] && fromB[i] == toB[i] ? 0 : -1L)];
        if (sizes.Count(s => s == -1) > 1) throw c.Error($"several sizes of {to} depend on the batch size", "at most one");
        return from.Rank > 2 && to.Rank == 2 && sizes[0] == 0 ? c.Node("Flatten", ("axis", 1)) : c.Node("Reshape", [c.X, c.Integers(sizes)]);
    }

    // -1 where a dimension is repeated for each item of the batch, 1 where it keeps the input's size.
    static long[] Target(OnnxCall c)
    {
        Shape from = c.ShapeOf(0), to = c.OutputShape, toB = c.B.Output.Shape;
        int lead = to.Rank - from.Rank;
        return [.. Enumerable.Range(0, to.Rank).Select(
            i => to[i] == toB[i] ? to[i] : i >= lead && from[i - lead] == to[i] ? 1 : to[i] == c.Source.a.Input.Shape[0] ? -1L
            : throw c.Error($"size {to[i]} depends on the batch size", "the batch size itself"))];
    }

    static string Slice(OnnxCall c)
    {
        int dim = c.Argument<int>("dim"), step = c.Argument<int>("step"), start = c.Argument<int>("start");
        bool whole = start == 0 && step == 1 && c.ShapeOf(0) == c.OutputShape && c.B.Inputs[0].Shape == c.B.Output.Shape;
        if (whole) return c.X;
        int length = c.Argument<int>("length");
        long last = start + ((long)step * (length - 1)), end = step > 0 ? last + 1 : last > 0 ? last - 1 : long.MinValue;
        return c.Node("Slice", [c.X, c.Integers(start), c.Integers(end), c.Integers(dim), c.Integers(step)]);
    }

    static string Pad(OnnxCall c)
    {
        long[] pads = new long[2 * c.OutputShape.Rank];
        int n = c.OutputShape.Rank;
        (pads[n - 2], pads[n - 1], pads[(2 * n) - 2], pads[(2 * n) - 1]) = (c.Argument<int>("top"), c.Argument<int>("left"), c.Argument<int>("bottom"), c.Argument<int>("right"));
        return c.Node("Pad", [c.X, c.Integers(pads), c.Number(c.Argument<float>("value"))], ("mode", "constant"));
    }
}
