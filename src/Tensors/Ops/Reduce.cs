using System.Runtime.CompilerServices;

namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Σ x over the given dimensions (default all), which are dropped or kept with size 1.</summary>
    public Tensor Sum(Dims dims = default, bool keepDim = false)
        => Drop(new SumToOp(Kept(dims, out bool[] named)).Apply(this), named, keepDim);

    /// <summary>Mean over the given dimensions (default all); NaN of nothing.</summary>
    public Tensor Mean(Dims dims = default, bool keepDim = false) => Sum(dims, keepDim) * (1f / Reduced(dims));

    /// <summary>Variance Σ (x - mean)² / (n - 1), or / n where not <paramref name="unbiased"/>.</summary>
    public Tensor Var(Dims dims = default, bool unbiased = true, bool keepDim = false)
        => (this - Mean(dims, keepDim: true)).Square().Sum(dims, keepDim) * (1f / Math.Max(0, Reduced(dims) - (unbiased ? 1 : 0)));

    /// <summary>Standard deviation: the root of <see cref="Var"/>.</summary>
    public Tensor Std(Dims dims = default, bool unbiased = true, bool keepDim = false) => Var(dims, unbiased, keepDim).Sqrt();

    /// <summary>The largest over the given dimensions (default all); NaN wins; ties share the gradient evenly.</summary>
    /// <exception cref="ShapeException">There is no element to choose from.</exception>
    public Tensor AMax(Dims dims = default, bool keepDim = false) => Extreme(default(Ops.Max), dims, keepDim);

    /// <summary>The smallest over the given dimensions (default all); NaN wins; ties share the gradient evenly.</summary>
    /// <exception cref="ShapeException">There is no element to choose from.</exception>
    public Tensor AMin(Dims dims = default, bool keepDim = false) => Extreme(default(Ops.Min), dims, keepDim);

    /// <summary>The largest along one dimension and its position (Int64): the first of equals, which alone gets the gradient; NaN wins.</summary>
    public (Tensor Values, Tensor Indices) Max(int dim, bool keepDim = false) => At(dim, ArgExtreme(dim, largest: true), keepDim);

    /// <summary>The smallest along one dimension and its position (Int64): the first of equals, which alone gets the gradient; NaN wins.</summary>
    public (Tensor Values, Tensor Indices) Min(int dim, bool keepDim = false) => At(dim, ArgExtreme(dim, largest: false), keepDim);

    /// <summary>Position (Int64) of the first largest along a dimension, or in the flat row-major order of all elements.</summary>
    public Tensor ArgMax(int? dim = null, bool keepDim = false) => Arg(dim, keepDim, largest: true);

    /// <summary>Position (Int64) of the first smallest along a dimension, or in the flat row-major order of all elements.</summary>
    public Tensor ArgMin(int? dim = null, bool keepDim = false) => Arg(dim, keepDim, largest: false);

    /// <summary>The p-norm (Σ |x|ᵖ)^(1/p) over the given dimensions (default all); p may be infinite.</summary>
    public Tensor Norm(float p = 2, Dims dims = default, bool keepDim = false) => p switch
    {
        1 => Abs().Sum(dims, keepDim),
        2 => Drop(new Norm2Op(Kept(dims, out bool[] named)).Apply(this), named, keepDim),
        float.PositiveInfinity => Abs().AMax(dims, keepDim),
        float.NegativeInfinity => Abs().AMin(dims, keepDim),
        0 => NotEqual(0).To(DType.Float32).Sum(dims, keepDim),
        _ => Abs().Pow(p).Sum(dims, keepDim).Pow(1 / p),
    };

    /// <summary>ln Σ eˣ over the given dimensions (default all), without overflow.</summary>
    public Tensor LogSumExp(Dims dims = default, bool keepDim = false)
        => Drop(new LogSumExpOp(Kept(dims, out bool[] named)).Apply(this), named, keepDim);

    /// <summary>True where any element is not 0.</summary>
    public Tensor Any(Dims dims = default, bool keepDim = false)
        => Drop(Reduce(default(Ops.Any), To(DType.Float32), Kept(dims, out bool[] named)), named, keepDim).To(DType.Bool);

    /// <summary>True where every element is not 0.</summary>
    public Tensor All(Dims dims = default, bool keepDim = false)
        => Drop(Reduce(default(Ops.All), To(DType.Float32), Kept(dims, out bool[] named)), named, keepDim).To(DType.Bool);

    /// <summary>This shape with the named dimensions at size 1.</summary>
    Shape Kept(Dims dims, out bool[] named, [CallerMemberName] string op = "")
    {
        named = dims.Of(Shape, op);
        int[] kept = Shape.ToArray();
        for (int i = 0; i < kept.Length; i++)
            if (named[i]) kept[i] = 1;
        return kept;
    }

    /// <summary>How many elements go into one result.</summary>
    long Reduced(Dims dims, [CallerMemberName] string op = "")
    {
        long n = 1;
        foreach (var (d, named) in dims.Of(Shape, op).Index())
            if (named) n *= Shape[d];
        return n;
    }

    static Tensor Drop(Tensor y, bool[] named, bool keepDim)
        => keepDim ? y : y.Reshape([.. y.Shape.Where((_, d) => !named[d])]);

    static Tensor Reduce<TOp>(TOp op, Tensor x, Shape kept) where TOp : struct, IReduction
    {
        x.RequireFloat(typeof(TOp).Name);
        var y = Empty(kept, DType.Float32, x.Device);
        x.Backend.Reduce(op, x.View, y.View);
        GC.KeepAlive(x);
        return y;
    }

    Tensor Extreme<TOp>(TOp op, Dims dims, bool keepDim, [CallerMemberName] string name = "") where TOp : struct, IReduction
    {
        var kept = Kept(dims, out bool[] named, name);
        if (Count == 0 && kept.Count > 0)
            throw new ShapeException($"{name}: an empty dimension has no extreme: got shape {Shape}, expected sizes of at least 1 along the reduced dimensions.");
        return Drop(new ExtremeOp<TOp>(op, kept, name).Apply(this), named, keepDim);
    }

    Tensor Arg(int? dim, bool keepDim, bool largest, [CallerMemberName] string name = "")
    {
        if (dim is { } d)
        {
            var indices = ArgExtreme(d, largest, name);
            return keepDim ? indices : indices.Squeeze(d);
        }
        var flat = Flatten(0).ArgExtreme(0, largest, name);
        return flat.Reshape(keepDim ? [.. Enumerable.Repeat(1, Rank)] : Shape.Create([]));
    }

    /// <summary>Positions of the first extreme along a dimension, which is kept with size 1.</summary>
    Tensor ArgExtreme(int dim, bool largest, [CallerMemberName] string name = "")
    {
        int axis = Shape.Axis(dim, name);
        if (Shape[axis] == 0)
            throw new ShapeException($"{name}: an empty dimension has no extreme: got shape {Shape}, expected a size of at least 1 for dimension {dim}.");
        return new ArgExtremeOp(axis, largest).Apply(this);
    }

    (Tensor Values, Tensor Indices) At(int dim, Tensor indices, bool keepDim)
    {
        var values = Gather(dim, indices);
        return keepDim ? (values, indices) : (values.Squeeze(dim), indices.Squeeze(dim));
    }

    sealed class ExtremeOp<TOp>(TOp op, Shape kept, string name) : Op where TOp : struct, IReduction
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override string Name => name;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Reduce(op, x[0], kept);

        protected override bool SavesOutput => true;

        // The k elements that equal the extreme get g/k each.
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var hit = Input(0).Equal(Output).To(DType.Float32);
            return hit * (g / hit.SumTo(kept));
        }
    }

    /// <summary>The position of the first extreme along a dimension, Int64: without a gradient.</summary>
    sealed class ArgExtremeOp(int dim, bool largest) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override string Name => largest ? "ArgMax" : "ArgMin";

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var indices = Empty(x[0].Shape.With(dim, 1), DType.Int64, x[0].Device);
            indices.Backend.ArgReduce(x[0].View, indices.View, dim, largest);
            return indices;
        }

        protected override Tensor? Gradient(int i, Tensor g) => null;
    }

    sealed class Norm2Op(Shape kept) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var y = Reduce(default(Ops.SumSquare), x[0], kept);
            y.Backend.Unary(default(Ops.Sqrt), y.View, y.View);
            return y;
        }

        protected override bool SavesOutput => true;

        // y = √Σ x²:  gx = g·x/y, and 0 where y = 0
        protected override Tensor? Gradient(int i, Tensor g) => Where(Output.Equal(0), Scalar(0, g.Device), g / Output) * Input(0);
    }

    sealed class LogSumExpOp(Shape kept) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var max = Reduce(default(Ops.Max), x[0], kept);
            max = Where(max.IsFinite(), max, Scalar(0, max.Device));
            return Reduce(default(Ops.Sum), (x[0] - max).Exp(), kept).Log() + max;
        }

        protected override bool SavesOutput => true;

        // gx = g·softmax(x) = g·e^(x - y), normalised once more: a large y is rounded
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var e = (Input(0) - Output).Exp();
            return e * (g / e.SumTo(kept));
        }
    }
}
