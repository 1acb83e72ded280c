namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Tensors joined along a dimension; their other sizes and their element types agree.</summary>
    /// <exception cref="ShapeException">Other sizes differ, or there is no tensor.</exception>
    public static Tensor Cat(IReadOnlyList<Tensor> tensors, int dim = 0)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.Count == 0) throw new ShapeException("Cat: got no tensors, expected at least one.");
        return new CatOp(tensors[0].Shape.Axis(dim)).Apply([.. tensors]);
    }

    /// <summary>Tensors of one shape joined along a new dimension.</summary>
    public static Tensor Stack(IReadOnlyList<Tensor> tensors, int dim = 0)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.Count == 0) throw new ShapeException("Stack: got no tensors, expected at least one.");
        int at = dim < 0 ? dim + tensors[0].Rank + 1 : dim;
        return Cat([.. tensors.Select(t => t.Unsqueeze(at))], at);
    }

    /// <summary>Views of <paramref name="size"/> slices each along a dimension; the last may have fewer.</summary>
    public Tensor[] Split(int size, int dim = 0)
    {
        int n = Shape[Shape.Axis(dim)];
        if (size <= 0) throw new ShapeException($"Split: got size {size}, expected at least 1.");
        List<int> sizes = [];
        for (int start = 0; start < n || sizes.Count == 0; start += size) sizes.Add(Math.Min(size, n - start));
        return Split([.. sizes], dim);
    }

    /// <summary>Views of the given numbers of slices along a dimension.</summary>
    /// <exception cref="ShapeException">The sizes do not add up.</exception>
    public Tensor[] Split(int[] sizes, int dim = 0)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        int axis = Shape.Axis(dim);
        if (sizes.Sum() != Shape[axis])
            throw new ShapeException($"Split: got sizes [{string.Join(", ", sizes)}], expected a sum of {Shape[axis]} for dimension {dim} of shape {Shape}.");
        var parts = new Tensor[sizes.Length];
        for (int i = 0, start = 0; i < sizes.Length; start += sizes[i++]) parts[i] = Narrow(axis, start, sizes[i]);
        return parts;
    }

    /// <summary>The order along the given dimensions reversed.</summary>
    public Tensor Flip(params int[] dims)
    {
        var y = this;
        foreach (int d in dims) y = new FlipOp(Shape.Axis(d)).Apply(y);
        return y;
    }

    /// <summary>Shifted along a dimension; what leaves at the end comes in at the start.</summary>
    public Tensor Roll(int shift, int dim)
    {
        int axis = Shape.Axis(dim), n = Shape[axis];
        if (n == 0) return this;
        int k = ((shift % n) + n) % n;
        return k == 0 ? this : Cat([Narrow(axis, n - k, k), Narrow(axis, 0, n - k)], axis);
    }

    /// <summary>Shifted along several dimensions.</summary>
    public Tensor Roll(int[] shifts, int[] dims)
    {
        ArgumentNullException.ThrowIfNull(shifts);
        ArgumentNullException.ThrowIfNull(dims);
        if (shifts.Length != dims.Length) throw new ShapeException($"Roll: got {shifts.Length} shifts for {dims.Length} dimensions, expected one each.");
        return shifts.Zip(dims).Aggregate(this, (y, s) => y.Roll(s.First, s.Second));
    }

    /// <summary>Copies side by side: <paramref name="times"/>[i] of them along dimension i, counted from the right; further leading entries add dimensions.</summary>
    public Tensor Repeat(params int[] times)
    {
        if (times.Length < Rank || times.Any(t => t < 0))
            throw new ShapeException($"Repeat: got [{string.Join(", ", times)}], expected at least {Rank} numbers of at least 0 for shape {Shape}.");
        var y = Reshape([.. Enumerable.Repeat(1, times.Length - Rank), .. Shape]);
        for (int d = 0; d < times.Length; d++)
            if (times[d] != 1) y = times[d] == 0 ? y.Narrow(d, 0, 0) : Cat([.. Enumerable.Repeat(y, times[d])], d);
        return y;
    }

    sealed class CatOp(int dim) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        readonly List<(int Start, int Length)> ranges = [];

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            int total = 0;
            foreach (var t in x)
            {
                if (t.Rank != x[0].Rank || t.Shape.With(dim, 0) != x[0].Shape.With(dim, 0))
                    throw new ShapeException($"Cat: other sizes differ: got {x[0].Shape} and {t.Shape}, expected equal sizes apart from dimension {dim}.");
                if (t.DType != x[0].DType)
                    throw new DTypeException($"Cat: element types differ: got {x[0].DType} and {t.DType}, expected one type. Hint: cast one of them with To({x[0].DType}).");
                ranges.Add((total, t.Shape[dim]));
                total += t.Shape[dim];
            }
            var y = Empty(x[0].Shape.With(dim, total), x[0].DType, x[0].Device);
            for (int i = 0; i < x.Length; i++)
                y.Backend.Copy(x[i].View, y.View.Slice(dim, ranges[i].Start, ranges[i].Length));
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.Narrow(dim, ranges[i].Start, ranges[i].Length);
    }

    sealed class FlipOp(int dim) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            int n = x[0].Shape[dim];
            var y = Empty(x[0].Shape, x[0].DType, x[0].Device);
            if (n > 0) y.Backend.Copy(x[0].View.Slice(dim, n - 1, n, -1), y.View);
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.Flip(dim);
    }
}
