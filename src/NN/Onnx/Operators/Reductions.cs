namespace Tessera.NN;

// Reductions and softmax.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Reductions =>
    [
        One("ReduceSum", 1, c => Reduce(c, (x, d) => x.Sum(d, keepDim: true), since: 13)),
        One("ReduceMean", 1, c => Reduce(c, (x, d) => x.Mean(d, keepDim: true))),
        One("ReduceMax", 1, c => Reduce(c, (x, d) => x.AMax(d, keepDim: true))),
        One("ReduceMin", 1, c => Reduce(c, (x, d) => x.AMin(d, keepDim: true))),
        One("ReduceProd", 1, c => Reduce(c, (x, d) => d.Aggregate(x, (y, i) => y.Prod(i, keepDim: true)))),
        One("ReduceL1", 1, c => Reduce(c, (x, d) => x.Abs().Sum(d, keepDim: true))),
        One("ReduceL2", 1, c => Reduce(c, (x, d) => x.Square().Sum(d, keepDim: true).Sqrt())),
        One("ReduceLogSum", 1, c => Reduce(c, (x, d) => x.Sum(d, keepDim: true).Log())),
        One("ReduceLogSumExp", 1, c => Reduce(c, (x, d) => x.LogSumExp(d, keepDim: true))),
        One("ReduceSumSquare", 1, c => Reduce(c, (x, d) => x.Square().Sum(d, keepDim: true))),
        One("ArgMax", 1, c => ArgReduce(c, (x, d) => x.ArgMax(d, keepDim: true))),
        One("ArgMin", 1, c => ArgReduce(c, (x, d) => x.ArgMin(d, keepDim: true))),
        One("Softmax", 1, c => Along(c, (x, d) => x.Softmax(d))),
        One("LogSoftmax", 1, c => Along(c, (x, d) => x.LogSoftmax(d))),
        One("Hardmax", 1, c => Along(c, (x, d) => x.ArgMax(d, keepDim: true).Equal(ArangeAlong(x, d)).To(DType.Float32))),
    ];

    // Axes are an attribute before operator set `since` and an input from then on.
    static Tensor Reduce(NodeCall c, Func<Tensor, int[], Tensor> reduce, int since = 18)
    {
        int[] axes = [.. (c.Ints("axes", 1, since) ?? []).Select(a => c.Axis(a, c.X.Rank)).Distinct().Order()];
        if (axes.Length == 0 && c.Node.Flag("noop_with_empty_axes")) return c.X;
        int[] dims = axes.Length > 0 ? axes : [.. Enumerable.Range(0, c.X.Rank)];
        var y = dims.Length == 0 ? c.X : reduce(c.X.To(DType.Float32), dims).To(c.X.DType);
        return Keep(c, y, dims);
    }

    static Tensor ArgReduce(NodeCall c, Func<Tensor, int, Tensor> reduce)
    {
        int axis = c.Axis();
        bool last = c.Node.Flag("select_last_index");
        var x = c.X.To(DType.Float32);
        var y = reduce(last ? x.Flip(axis) : x, axis);
        return Keep(c, last ? Integers.Map(y, i => c.X.Shape[axis] - 1 - i) : y, [axis]);
    }

    static Tensor Keep(NodeCall c, Tensor y, int[] dims) => c.Node.Flag("keepdims", true)
        ? y
        : y.Reshape(new Shape([.. Enumerable.Range(0, c.X.Rank).Where(i => !dims.Contains(i)).Select(i => c.X.Shape[i])]));

    // Before operator set 13 the dimensions from axis on count as one.
    static Tensor Along(NodeCall c, Func<Tensor, int, Tensor> f)
    {
        if (c.Opset >= 13) return f(c.X, c.Axis(-1));
        return f(Flat(c.X, c.Axis(1)), 1).Reshape(c.X.Shape);
    }

    static Tensor ArangeAlong(Tensor x, int dim)
    {
        int[] shape = [.. Enumerable.Repeat(1, x.Rank)];
        shape[dim] = x.Shape[dim];
        return Tensor.Arange(x.Shape[dim], x.Device).Reshape(new Shape(shape));
    }
}
