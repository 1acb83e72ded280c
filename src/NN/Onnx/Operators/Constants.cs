namespace Tessera.NN;

// Operators whose result is made of numbers in the file.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Constants =>
    [
        One("Constant", 1, Constant, "strings and sparse tensors"),
        One("ConstantOfShape", 9, ConstantOfShape),
        One("Range", 11, Range),
        One("EyeLike", 9, EyeLike),
    ];

    static Tensor Constant(NodeCall c)
    {
        var n = c.Node;
        if (n.Tensor("value") is { } t) return Decode(c, t);
        if (n.Has("value_float")) return Tensor.Scalar(n.Float("value_float", 0));
        if (n.Floats("value_floats") is { } floats) return Tensor.From(floats, [floats.Length]);
        if (n.Has("value_int")) return new[] { n.Long("value_int", 0) }.ToTensor([], DType.Int64);
        if (n.Longs("value_ints") is { } longs) return longs.ToTensor([longs.Length], DType.Int64);
        throw c.Unsupported("kind of constant", "none of the known attributes", "value, value_float(s) or value_int(s)");
    }

    static Tensor ConstantOfShape(NodeCall c)
    {
        var shape = c.Allow(c.X.Longs());
        using var value = c.Node.Tensor("value") is { } t ? Decode(c, t) : Tensor.Scalar(0);
        if (value.Count != 1) throw c.Node.Error("value", value.Shape, "one element");
        return Tensor.Full(shape, value.DType.IsFloat() ? value.Item() : value.Longs()[0], value.DType);
    }

    static Tensor Range(NodeCall c)
    {
        double start, limit, delta;
        bool floats = c.X.DType.IsFloat();
        (start, limit, delta) = floats ? (c[0].Item(), c[1].Item(), c[2].Item()) : (c[0].Longs()[0], c[1].Longs()[0], c[2].Longs()[0]);
        double steps = delta == 0 ? double.NaN : Math.Max(0, Math.Ceiling((limit - start) / delta));
        int n = steps <= c.Limit ? (int)steps : throw c.Node.Error("range", $"{start}, {limit}, {delta}", $"at most {c.Limit} numbers");
        if (floats) return Tensor.From(Enumerable.Range(0, n).Select(i => (float)(start + (i * delta))).ToArray(), [n]);
        return Enumerable.Range(0, n).Select(i => (long)start + (i * (long)delta)).ToArray().ToTensor([n], c.X.DType);
    }

    static Tensor EyeLike(NodeCall c)
    {
        if (c.X.Rank != 2) throw c.Node.Error("rank of the input", c.X.Rank, 2);
        var dtype = c.Node.Has("dtype") ? OnnxTensors.Kept(c.Node.Int("dtype", 1)) ?? throw c.Unsupported("element type", c.Node.Int("dtype", 1), "a number type") : c.X.DType;
        long[] y = new long[c.X.Count];
        for (long i = 0, k = c.Node.Int("k", 0); i < c.X.Shape[0]; i++)
            if (i + k >= 0 && i + k < c.X.Shape[1]) y[(i * c.X.Shape[1]) + i + k] = 1;
        return y.ToTensor(c.X.Shape, dtype);
    }

    static Tensor Decode(NodeCall c, TensorProto t)
    {
        try
        {
            return OnnxTensors.Decode(t, new OnnxSource("", null), "value");
        }
        catch (DataException e)
        {
            throw c.Node.Error("the stored constant cannot be read", e.Message, "a tensor");
        }
    }
}
