namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>y[i, j, k] = x[i, index[i, j, k], k] for dimension 1: one element for each entry of the index (Int64), whose shape the result has.</summary>
    /// <exception cref="ShapeException">Ranks differ, the index is larger than x in another dimension, or an index is outside 0..size-1.</exception>
    public Tensor Gather(int dim, Tensor index) => new GatherOp(Shape.Axis(dim)).Apply(this, index);

    /// <summary>A copy with the source's elements added at the index along a dimension: y[i, index[i, j, k], k] += source[i, j, k] for dimension 1.</summary>
    /// <exception cref="ShapeException">Shapes do not fit, or an index is outside 0..size-1.</exception>
    public Tensor ScatterAdd(int dim, Tensor index, Tensor source) => new ScatterAddOp(Shape.Axis(dim)).Apply(this, index, source);

    /// <summary>The slices of a dimension at the positions of a 1-d index (Int64).</summary>
    public Tensor IndexSelect(int dim, Tensor index)
    {
        int axis = Shape.Axis(dim);
        return Gather(axis, Along(axis, index, Shape.With(axis, checked((int)index.Count)), "IndexSelect"));
    }

    /// <summary>A copy with the source's slices added at the positions of a 1-d index (Int64) of a dimension.</summary>
    public Tensor IndexAdd(int dim, Tensor index, Tensor source)
    {
        int axis = Shape.Axis(dim);
        return ScatterAdd(axis, Along(axis, index, source.Shape, "IndexAdd"), source);
    }

    /// <summary>
    /// The rows of this table <c>[V, D]</c> at the positions of an index (Int64) of any shape: <c>[..., D]</c>. Row <paramref name="paddingIndex"/>
    /// gets no gradient.
    /// </summary>
    public Tensor Embedding(Tensor index, int? paddingIndex = null)
    {
        if (Rank != 2) throw new ShapeException($"Embedding: table: got shape {Shape}, expected [V, D].");
        var y = IndexSelect(0, index.Flatten(0)).Reshape([.. index.Shape, Shape[1]]);
        return paddingIndex is { } p ? Where(index.Unsqueeze(-1).Equal(p), y.Detach(), y) : y;
    }

    /// <summary>Class numbers (Int64) as rows of 0 and 1 (Float32): <c>[...] → [..., classes]</c>.</summary>
    /// <exception cref="ShapeException">A number is outside 0..classes-1.</exception>
    public Tensor OneHot(int classes)
    {
        RequireClasses(classes, ignoreIndex: null, "OneHot");
        return Unsqueeze(-1).Equal(Arange(classes, Device)).To(DType.Float32);
    }

    /// <summary>Positions of the elements that are not 0, row by row in row-major order: Int64 <c>[n, rank]</c>.</summary>
    public Tensor NonZero()
    {
        bool[] hit = NotEqual(0).ToArray<bool>();
        List<long> found = [];
        for (int i = 0; i < hit.Length; i++)
        {
            if (!hit[i]) continue;
            long step = Count, rest = i;
            foreach (int n in Shape.Dims)
            {
                step /= n;
                found.Add(rest / step);
                rest %= step;
            }
        }
        return From(found.ToArray(), [Rank == 0 ? hit.Count(h => h) : found.Count / Rank, Rank], Device);
    }

    /// <summary>A 1-d index seen along one dimension of a shape and repeated along the others.</summary>
    static Tensor Along(int axis, Tensor index, Shape shape, string op)
    {
        if (index.Rank != 1 || axis >= shape.Rank || shape[axis] != index.Count)
            throw new ShapeException($"{op}: index: got shape {index.Shape}, expected [n] with one entry for each slice of dimension {axis} of {shape}.");
        int[] sizes = [.. Enumerable.Repeat(1, shape.Rank)];
        sizes[axis] = shape[axis];
        return index.Reshape(sizes).Expand(shape);
    }

    static void RequireIndex(Tensor x, Tensor index, int dim, string op)
    {
        if (index.DType != DType.Int64)
            throw new DTypeException($"{op}: index: got {index.DType}, expected Int64. Hint: cast with To(DType.Int64).");
        bool fits = index.Rank == x.Rank;
        for (int d = 0; fits && d < x.Rank; d++) fits = d == dim || index.Shape[d] <= x.Shape[d];
        if (!fits)
            throw new ShapeException($"{op}: index: got shape {index.Shape}, expected rank {x.Rank} and sizes within {x.Shape} apart from dimension {dim}.");
    }

    /// <summary>The part of x that an index of this shape can reach: all of dimension <paramref name="dim"/>, the leading part of the others.</summary>
    static View Reach(View x, Shape index, int dim = -1)
    {
        for (int d = 0; d < index.Rank; d++)
            if (d != dim && x.Shape[d] != index[d]) x = x.Slice(d, 0, index[d]);
        return x;
    }

    sealed class GatherOp(int dim) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            RequireIndex(x[0], x[1], dim, Name);
            var y = Empty(x[1].Shape, x[0].DType, x[0].Device);
            x[0].Backend.Gather(Reach(x[0].View, y.Shape, dim), x[1].View, y.View, dim);
            return y;
        }

        protected override bool Saves(int i) => i == 1;

        protected override Tensor? Gradient(int i, Tensor g) => Zeros(InputShape(0), g.Device).ScatterAdd(dim, Input(1), g.Widened());
    }

    sealed class ScatterAddOp(int dim) : Op
    {
        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (target, index, source) = (x[0], x[1], x[2]);
            target.RequireFloat(Name);
            source.RequireFloat(Name);
            RequireIndex(target, index, dim, Name);
            RequireIndex(source, index, -1, Name);
            var y = target.Clone();
            y.Backend.ScatterAdd(Reach(y.View, index.Shape, dim), index.View, Reach(source.View, index.Shape), dim);
            return y;
        }

        protected override bool Saves(int i) => i == 1;

        protected override Tensor? Gradient(int i, Tensor g)
        {
            if (i == 0) return g;
            var reached = g.Gather(dim, Input(1));
            return reached.Shape == InputShape(2) ? reached : ZeroExtended(reached, InputShape(2));
        }

        static Tensor ZeroExtended(Tensor x, Shape shape)
        {
            var y = Zeros(shape, x.Device);
            x.Backend.Copy(x.View, Reach(y.View, x.Shape));
            return y;
        }
    }
}
