namespace Tessera.NN;

// Operators that pick elements by place.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Indexing =>
    [
        One("Gather", 1, Gather),
        One("GatherElements", 11, c => c.X.Gather(c.Axis(), Wrapped(c, c[1], c.X.Shape[c.Axis()]))),
        One("GatherND", 11, GatherNd, "batch_dims"),
        One("ScatterElements", 11, ScatterElements, "reductions other than none and add"),
        new("TopK", 1, TopK),
        One("OneHot", 9, OneHot),
        One("NonZero", 9, c => c.X.NonZero().Transpose(0, 1)),
        One("CumSum", 11, CumSum),
    ];

    /// <summary>Indices as Int64, negative ones counted from the end, all checked.</summary>
    static Tensor Wrapped(NodeCall c, Tensor indices, int size) => Integers.Map(indices.To(DType.Int64), i => i >= -size && i < size
        ? i < 0 ? i + size : i
        : throw c.Node.Error("index out of range", i, $"{-size}..{size - 1}"));

    static Tensor Gather(NodeCall c)
    {
        int axis = c.Axis();
        var indices = Wrapped(c, c[1], c.X.Shape[axis]);
        Shape shape = [.. c.X.Shape.Dims[..axis], .. indices.Shape.Dims, .. c.X.Shape.Dims[(axis + 1)..]];
        _ = c.Allow(shape.Select(d => (long)d));
        return c.X.IndexSelect(axis, indices.Reshape(new Shape((int)indices.Count))).Reshape(shape);
    }

    // indices [..., k] name the first k coordinates of x.
    static Tensor GatherNd(NodeCall c)
    {
        if (c.Node.Int("batch_dims", 0) != 0) throw c.Unsupported("batch_dims", c.Node.Int("batch_dims", 0), 0);
        int k = c[1].Rank > 0 ? c[1].Shape[-1] : 0;
        if (k < 1 || k > c.X.Rank) throw c.Node.Error("last size of the indices", k, $"1..{c.X.Rank}");
        long[] at = c[1].Longs(), flat = new long[at.Length / k];
        for (int i = 0; i < flat.Length; i++)
            for (int j = 0; j < k; j++)
            {
                long index = at[(i * k) + j], size = c.X.Shape[j];
                if (index < -size || index >= size) throw c.Node.Error("index out of range", index, $"{-size}..{size - 1}");
                flat[i] = (flat[i] * size) + (index < 0 ? index + size : index);
            }
        int rows = 1;
        foreach (int d in c.X.Shape.Dims[..k]) rows *= d;
        Shape tail = [.. c.X.Shape.Dims[k..]];
        return Select(c.X.Reshape(rows, (int)tail.Count), 0, flat).Reshape(new Shape([.. c[1].Shape.Dims[..^1], .. tail.Dims]));
    }

    // "none" overwrites: x + (updates - x at the indices).
    static Tensor ScatterElements(NodeCall c)
    {
        int axis = c.Axis();
        var (index, updates) = (Wrapped(c, c[1], c.X.Shape[axis]), c[2]);
        return c.Node.String("reduction", "none") switch
        {
            "none" => Overwrite(c, axis, index, updates),
            "add" => c.X.ScatterAdd(axis, index, updates),
            string other => throw c.Unsupported("reduction", other, "none or add"),
        };
    }

    static Tensor Overwrite(NodeCall c, int axis, Tensor index, Tensor updates)
    {
        var zeros = Tensor.Zeros(c.X.Shape, c.X.Device);
        var hits = zeros.ScatterAdd(axis, index, Tensor.Ones(updates.Shape, c.X.Device));
        if (hits.ToArray<float>().Any(n => n > 1)) throw c.Unsupported("indices that repeat", "a repeated place", "different places");
        var written = zeros.ScatterAdd(axis, index, updates.To(DType.Float32));
        return Tensor.Where(hits.Greater(0), written, c.X.To(DType.Float32)).To(c.X.DType);
    }

    static Tensor[] TopK(NodeCall c)
    {
        int axis = c.Axis(-1);
        int k = c.Opset < 10 ? c.Node.Int("k", 0) : c.Ints(1) is [int n] ? n : throw c.Node.Error("k", "no number", "one number");
        if (k < 0 || k > c.X.Shape[axis]) throw c.Node.Error("k", k, $"0..{c.X.Shape[axis]}");
        var (values, indices) = c.X.To(DType.Float32).Sort(axis, descending: c.Node.Flag("largest", true));
        return [values.Narrow(axis, 0, k).To(c.X.DType), indices.Narrow(axis, 0, k)];
    }

    // A new dimension of size depth, on where it equals the index and off elsewhere.
    static Tensor OneHot(NodeCall c)
    {
        int depth = c.Ints(1) is [int d, ..] && d > 0 ? d : throw c.Node.Error("depth", "none or not positive", "at least 1");
        int axis = c.Axis(c.Node.Int("axis", -1), c.X.Rank + 1);
        var values = c[2];
        if (values.Count != 2) throw c.Node.Error("values", values.Shape, "off and on");
        var index = Array.ConvertAll(c.X.Longs(), i => i < 0 ? i + depth : i).ToTensor(c.X.Shape, DType.Int64);
        int[] along = [.. Enumerable.Repeat(1, c.X.Rank + 1)];
        along[axis] = depth;
        _ = c.Allow(c.X.Shape.Select(s => (long)s).Append(depth));
        var hot = index.Unsqueeze(axis).Equal(Tensor.Arange(depth).Reshape(new Shape(along)));
        var (off, on) = (values.Reshape(2).Select(0, 0), values.Reshape(2).Select(0, 1));
        return Tensor.Where(hot, on.Expand(hot.Shape), off.Expand(hot.Shape));
    }

    static Tensor CumSum(NodeCall c)
    {
        int axis = c.Axis(c.Ints(1) is [int a, ..] ? a : 0, c.X.Rank);
        bool reverse = c.Node.Flag("reverse");
        var x = c.X.To(DType.Float32);
        if (reverse) x = x.Flip(axis);
        var y = x.CumSum(axis);
        if (c.Node.Flag("exclusive")) y -= x;
        return (reverse ? y.Flip(axis) : y).To(c.X.DType);
    }
}
