namespace Tessera.NN;

// Padding: before operator set 11 by attributes, then by inputs.
internal static partial class OnnxOperators
{
    static Tensor Pad(NodeCall c)
    {
        int[] pads = (c.Opset < 11 ? c.Node.Ints("pads") : c.Ints(1)) ?? throw c.Node.Error("pads are missing", "none", "two a dimension");
        int[] axes = (c.Opset < 18 ? null : c.Ints(3)) ?? [.. Enumerable.Range(0, pads.Length / 2)];
        if (pads.Length != 2 * axes.Length || axes.Length > c.X.Rank) throw c.Node.Error("pads", $"{pads.Length} numbers", $"{2 * axes.Length} for rank {c.X.Rank}");
        float value = c.Opset < 11 ? c.Node.Float("value", 0) : c.Number(2, 0);
        string mode = c.Node.String("mode", "constant");
        var y = c.X;
        for (int i = 0; i < axes.Length; i++)
        {
            int axis = c.Axis(axes[i], y.Rank);
            _ = c.Allow(y.Shape.Select((d, k) => k == axis ? (long)d + Math.Max(pads[i], 0) + Math.Max(pads[i + axes.Length], 0) : d));
            y = PadAxis(c, y, axis, pads[i], pads[i + axes.Length], mode, value);
        }
        return y;
    }

    // A negative pad cuts. The other modes are a selection of existing elements.
    static Tensor PadAxis(NodeCall c, Tensor x, int axis, int before, int after, string mode, float value)
    {
        if (before < 0 || after < 0)
        {
            int start = Math.Max(0, -before), length = x.Shape[axis] - start - Math.Max(0, -after);
            if (length < 0) throw c.Node.Error("pads cut more than there is", $"{before}, {after}", $"at most {x.Shape[axis]}");
            x = x.Narrow(axis, start, length);
            (before, after) = (Math.Max(0, before), Math.Max(0, after));
        }
        if (before == 0 && after == 0) return x;
        if (mode != "constant") return Select(x, axis, PadIndices(c, x.Shape[axis], before, after, mode));
        var parts = new List<Tensor> { x };
        if (before > 0) parts.Insert(0, Tensor.Full(x.Shape.With(axis, before), value, x.DType, x.Device));
        if (after > 0) parts.Add(Tensor.Full(x.Shape.With(axis, after), value, x.DType, x.Device));
        return Tensor.Cat([.. parts], axis);
    }

    static long[] PadIndices(NodeCall c, int size, int before, int after, string mode)
    {
        if (size == 0) throw c.Node.Error($"pad mode '{mode}' of an empty dimension", 0, "at least 1 element");
        long[] index = new long[before + size + after];
        for (int i = 0; i < index.Length; i++)
        {
            int k = i - before, period = Math.Max(1, 2 * (size - 1));
            index[i] = mode switch
            {
                "edge" => Math.Clamp(k, 0, size - 1),
                "wrap" => ((k % size) + size) % size,
                "reflect" => size - 1 - Math.Abs(size - 1 - (((k % period) + period) % period)),
                _ => throw c.Unsupported("pad mode", mode, "constant, reflect, edge or wrap"),
            };
        }
        return index;
    }

    /// <summary>The elements of a dimension at the given places.</summary>
    static Tensor Select(Tensor x, int axis, long[] index) => x.IndexSelect(axis, Tensor.From(index, [index.Length], x.Device));
}
