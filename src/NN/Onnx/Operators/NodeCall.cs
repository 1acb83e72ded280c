namespace Tessera.NN;

/// <summary>A node with the tensors it is given: what the function of an operator works on.</summary>
/// <param name="Node">Operator, attributes, names of inputs and outputs.</param>
/// <param name="Inputs">The inputs; null where one is left out.</param>
internal sealed record NodeCall(OnnxNode Node, Tensor?[] Inputs)
{
    public int Opset => Node.Opset;

    /// <summary>Most elements a result may have.</summary>
    public long Limit { get; init; } = OnnxTensors.MaxElements;

    /// <summary>The first input.</summary>
    public Tensor X => this[0];

    /// <summary>An input that must be given.</summary>
    public Tensor this[int i] => Maybe(i) ?? throw Node.Error($"input {i} is missing", $"{Node.Inputs.Length} inputs", "one more");

    /// <summary>An input that may be left out.</summary>
    public Tensor? Maybe(int i) => i < Inputs.Length ? Inputs[i] : null;

    /// <summary>The whole numbers of an input (any shape), or null where it is left out.</summary>
    public int[]? Ints(int i) => Maybe(i) is { } t ? Array.ConvertAll(t.Longs(), x => (int)Math.Clamp(x, int.MinValue, int.MaxValue)) : null;

    /// <summary>The only number of an input, or <paramref name="otherwise"/>.</summary>
    public float Number(int i, float otherwise) => Maybe(i) is { } t ? t.Item() : otherwise;

    /// <summary>Whole numbers that were an attribute before operator set <paramref name="since"/> and are an input from then on.</summary>
    public int[]? Ints(string attribute, int input, int since) => Opset < since ? Node.Ints(attribute) : Ints(input);

    /// <summary>A dimension of X from an attribute, counted from the front.</summary>
    public int Axis(int otherwise = 0, string attribute = "axis") => Axis(Node.Int(attribute, otherwise), X.Rank);

    /// <summary>A dimension of a tensor of some rank, counted from the front.</summary>
    public int Axis(int axis, int rank) => axis >= -rank && axis < rank
        ? axis < 0 ? axis + rank : axis
        : throw Node.Error("axis out of range", axis, $"{-rank}..{rank - 1}");

    /// <summary>Refuses a result that would fill the memory by the file's numbers alone.</summary>
    public Shape Allow(params IEnumerable<long> dims)
    {
        long[] sizes = [.. dims];
        double count = 1;
        foreach (long d in sizes) count *= d;
        return sizes.All(d => d is >= 0 and <= int.MaxValue) && count <= Limit
            ? Array.ConvertAll(sizes, d => (int)d)
            : throw Node.Error("size of the result", $"[{string.Join(", ", sizes)}]", $"sizes of at least 0 and at most {Limit} elements");
    }

    /// <summary>What the operator can do, but not here.</summary>
    public DataException Unsupported(string what, object got, object expected) => Node.Error($"not supported: {what}", got, expected);
}

/// <summary>Whole-number arithmetic on the host: shapes, indices, pads. Our tensors calculate in float32 only.</summary>
internal static class Integers
{
    /// <summary>The elements as 64-bit integers, in logical row-major order.</summary>
    public static long[] Longs(this Tensor t)
    {
        if (t.DType == DType.Int64) return t.ToArray<long>();
        return t.DType.IsFloat() ? Array.ConvertAll(t.ToArray<float>(), x => (long)x) : t.To(DType.Int64).ToArray<long>();
    }

    /// <summary>Integers as a tensor of the given type; too wide ones keep their low bits.</summary>
    public static Tensor ToTensor(this long[] values, Shape shape, DType dtype) => dtype switch
    {
        DType.Int64 => Tensor.From(values, shape),
        DType.Int32 => Tensor.From(Array.ConvertAll(values, x => unchecked((int)x)), shape),
        DType.UInt8 => Tensor.From(Array.ConvertAll(values, x => unchecked((byte)x)), shape),
        DType.Bool => Tensor.From(Array.ConvertAll(values, x => x != 0), shape),
        _ => Tensor.From(Array.ConvertAll(values, x => (float)x), shape),
    };

    /// <summary>f(a) by element.</summary>
    public static Tensor Map(Tensor a, Func<long, long> f) => Array.ConvertAll(a.Longs(), x => f(x)).ToTensor(a.Shape, a.DType);

    /// <summary>f(a, b) by element, broadcast; the result has a's type.</summary>
    public static Tensor Map(Tensor a, Tensor b, Func<long, long, long> f)
    {
        var shape = Shape.Broadcast(a.Shape, b.Shape);
        long[] x = a.Expand(shape).Longs(), y = b.Expand(shape).Longs();
        for (int i = 0; i < x.Length; i++) x[i] = f(x[i], y[i]);
        return x.ToTensor(shape, a.DType);
    }
}
