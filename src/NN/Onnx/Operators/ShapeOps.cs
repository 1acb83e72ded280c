namespace Tessera.NN;

// Operators that move or name elements and leave their values alone.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> ShapeOps =>
    [
        One("Shape", 1, ShapeOf),
        One("Size", 1, c => new[] { c.X.Count }.ToTensor([], DType.Int64)),
        One("Reshape", 5, Reshape),
        One("Flatten", 1, Flatten),
        One("Squeeze", 1, Squeeze),
        One("Unsqueeze", 1, Unsqueeze),
        One("Transpose", 1, c => c.X.Permute(c.Node.Ints("perm") ?? [.. Enumerable.Range(0, c.X.Rank).Reverse()])),
        One("Concat", 4, c => c.Inputs.Length == 1 ? c.X : Tensor.Cat([.. Enumerable.Range(0, c.Inputs.Length).Select(i => c[i])], c.Axis())),
        new("Split", 2, Split),
        One("Expand", 8, Expand),
        One("Tile", 6, Tile),
        One("Pad", 2, Pad),
        One("Slice", 1, Slice),
        One("DepthToSpace", 1, DepthToSpace),
        One("SpaceToDepth", 1, SpaceToDepth),
        One("Trilu", 14, c => c.Node.Flag("upper", true) ? c.X.Triu((int)c.Number(1, 0)) : c.X.Tril((int)c.Number(1, 0))),
    ];

    static Tensor ShapeOf(NodeCall c)
    {
        int n = c.X.Rank;
        int start = Clamp(c.Node.Int("start", 0)), end = Clamp(c.Node.Int("end", n));
        long[] sizes = start < end ? [.. c.X.Shape.ToArray()[start..end].Select(d => (long)d)] : [];
        return sizes.ToTensor([sizes.Length], DType.Int64);

        int Clamp(int i) => Math.Clamp(i < 0 ? i + n : i, 0, n);
    }

    // 0 keeps a size (unless allowzero), -1 is inferred.
    static Tensor Reshape(NodeCall c)
    {
        int[] shape = c.Ints(1) ?? throw c.Node.Error("shape is missing", "1 input", 2);
        for (int i = 0; i < shape.Length; i++)
            if (shape[i] == 0 && !c.Node.Flag("allowzero"))
                shape[i] = i < c.X.Rank ? c.X.Shape[i] : throw c.Node.Error("a size of 0 keeps the input's, which has none there", $"[{string.Join(", ", shape)}]", $"at most {c.X.Rank} sizes");
        int unknown = Array.IndexOf(shape, -1);
        long known = 1;
        foreach (int d in shape) known *= d == -1 ? 1 : d;
        if (unknown >= 0 && known > 0 && c.X.Count % known == 0) shape[unknown] = (int)(c.X.Count / known);
        else if (unknown >= 0 && c.X.Count == 0) shape[unknown] = 0;
        if (shape.Any(d => d < 0) || new Shape(shape).Count != c.X.Count)
            throw c.Node.Error("shape does not fit", $"[{string.Join(", ", shape)}] for {c.X.Shape}", $"{c.X.Count} elements");
        return c.X.Reshape(new Shape(shape));
    }

    static Tensor Flatten(NodeCall c)
    {
        int axis = c.Node.Int("axis", 1);
        if (axis < -c.X.Rank || axis > c.X.Rank) throw c.Node.Error("axis out of range", axis, $"{-c.X.Rank}..{c.X.Rank}");
        return Flat(c.X, axis < 0 ? axis + c.X.Rank : axis);
    }

    /// <summary>The matrix of the dimensions before <paramref name="axis"/> and from it on.</summary>
    static Tensor Flat(Tensor x, int axis)
    {
        int rows = 1, columns = 1;
        for (int i = 0; i < x.Rank; i++)
            if (i < axis) rows *= x.Shape[i];
            else columns *= x.Shape[i];
        return x.Reshape(rows, columns);
    }

    static Tensor Squeeze(NodeCall c)
    {
        var axes = c.Ints("axes", 1, 13)?.Select(a => c.Axis(a, c.X.Rank)).ToHashSet();
        var dims = new List<int>();
        for (int i = 0; i < c.X.Rank; i++)
            if (axes is null ? c.X.Shape[i] != 1 : !axes.Contains(i)) dims.Add(c.X.Shape[i]);
            else if (c.X.Shape[i] != 1) throw c.Node.Error("squeezed dimension", c.X.Shape, $"size 1 at {i}");
        return c.X.Reshape(new Shape([.. dims]));
    }

    static Tensor Unsqueeze(NodeCall c)
    {
        int[] axes = c.Ints("axes", 1, 13) ?? throw c.Node.Error("axes are missing", "none", "a list");
        int rank = c.X.Rank + axes.Length;
        var at = axes.Select(a => c.Axis(a, rank)).ToHashSet();
        if (at.Count != axes.Length) throw c.Node.Error("axes repeat", $"[{string.Join(", ", axes)}]", "different ones");
        int next = 0;
        return c.X.Reshape(new Shape([.. Enumerable.Range(0, rank).Select(i => at.Contains(i) ? 1 : c.X.Shape[next++])]));
    }

    static Tensor[] Split(NodeCall c)
    {
        int axis = c.Axis(), size = c.X.Shape[axis], n = c.Node.Int("num_outputs", c.Node.Outputs.Length);
        int each = n > 0 ? (size + n - 1) / n : throw c.Node.Error("number of parts", n, "at least 1");
        int[] sizes = c.Ints("split", 1, 13) ?? [.. Enumerable.Range(0, n).Select(i => Math.Clamp(size - (i * each), 0, each))];
        if (sizes.Any(s => s < 0) || sizes.Sum(s => (long)s) != size) throw c.Node.Error("parts", $"[{string.Join(", ", sizes)}]", $"sizes that sum to {size}");
        var parts = new Tensor[sizes.Length];
        for (int i = 0, start = 0; i < parts.Length; start += sizes[i++]) parts[i] = c.X.Narrow(axis, start, sizes[i]);
        return parts;
    }

    static Tensor Expand(NodeCall c)
    {
        int[] sizes = c.Ints(1) ?? throw c.Node.Error("shape is missing", "1 input", 2);
        return c.X.Expand(Shape.Broadcast(c.X.Shape, c.Allow(sizes.Select(d => (long)d)), "Expand"));
    }

    static Tensor Tile(NodeCall c)
    {
        int[] repeats = c.Ints(1) ?? throw c.Node.Error("repeats are missing", "1 input", 2);
        if (repeats.Length != c.X.Rank) throw c.Node.Error("repeats", $"{repeats.Length} numbers", $"{c.X.Rank}");
        _ = c.Allow(repeats.Select((r, i) => (long)r * c.X.Shape[i]));
        var y = c.X;
        for (int i = 0; i < repeats.Length; i++)
            if (repeats[i] != 1) y = repeats[i] == 0 ? y.Narrow(i, 0, 0) : Tensor.Cat([.. Enumerable.Repeat(y, repeats[i])], i);
        return y;
    }

    // Negative indices count from the end and bounds are clamped, as in Python; a negative step runs backwards.
    static Tensor Slice(NodeCall c)
    {
        int[] starts = c.Ints("starts", 1, 10) ?? throw c.Node.Error("starts are missing", "none", "a list");
        int[] ends = c.Ints("ends", 2, 10) ?? throw c.Node.Error("ends are missing", "none", "a list");
        int[] axes = c.Ints("axes", 3, 10) ?? [.. Enumerable.Range(0, starts.Length)];
        int[] steps = (c.Opset < 10 ? null : c.Ints(4)) ?? [.. Enumerable.Repeat(1, starts.Length)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
            throw c.Node.Error("starts, ends, axes and steps", $"{starts.Length}, {ends.Length}, {axes.Length} and {steps.Length} numbers", "equally many");
        var y = c.X;
        for (int i = 0; i < starts.Length; i++) y = Slice(c, y, c.Axis(axes[i], y.Rank), starts[i], ends[i], steps[i]);
        return y;
    }

    static Tensor Slice(NodeCall c, Tensor x, int axis, long start, long end, long step)
    {
        long size = x.Shape[axis];
        if (step == 0) throw c.Node.Error("step", 0, "another number");
        if (start < 0) start += size;
        if (end < 0) end += size;
        start = step > 0 ? Math.Clamp(start, 0, size) : Math.Clamp(start, 0, size - 1);
        end = step > 0 ? Math.Clamp(end, 0, size) : Math.Clamp(end, -1, size - 1);
        long length = Math.Max(0, step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step);
        if (size == 0 || length == 0) return x.Narrow(axis, 0, 0);
        return step > 0
            ? x.Narrow(axis, (int)start, (int)length, (int)step)
            : x.Flip(axis).Narrow(axis, (int)(size - 1 - start), (int)length, (int)-step);
    }

    // x [N, C, H, W] -> [N, C/b², H·b, W·b]
    static Tensor DepthToSpace(NodeCall c)
    {
        var (n, ch, h, w) = Sizes4(c);
        int b = c.Node.Int("blocksize", 0);
        if (b < 1 || ch % ((long)b * b) != 0) throw c.Node.Error("blocksize", b, $"a number whose square divides {ch}");
        var y = c.Node.String("mode", "DCR") == "DCR"
            ? c.X.Reshape(n, b, b, ch / (b * b), h, w).Permute(0, 3, 4, 1, 5, 2)
            : c.X.Reshape(n, ch / (b * b), b, b, h, w).Permute(0, 1, 4, 2, 5, 3);
        return y.Reshape(n, ch / (b * b), h * b, w * b);
    }

    static Tensor SpaceToDepth(NodeCall c)
    {
        var (n, ch, h, w) = Sizes4(c);
        int b = c.Node.Int("blocksize", 0);
        if (b < 1 || h % b != 0 || w % b != 0) throw c.Node.Error("blocksize", b, $"a number that divides {h} and {w}");
        return c.X.Reshape(n, ch, h / b, b, w / b, b).Permute(0, 3, 5, 1, 2, 4).Reshape(n, ch * b * b, h / b, w / b);
    }

    static (int N, int C, int H, int W) Sizes4(NodeCall c) => c.X.Rank == 4
        ? (c.X.Shape[0], c.X.Shape[1], c.X.Shape[2], c.X.Shape[3])
        : throw c.Node.Error("rank of the input", c.X.Rank, 4);
}
