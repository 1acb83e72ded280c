namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Running sums along a dimension, inclusive.</summary>
    public Tensor CumSum(int dim) => new CumSumOp(Shape.Axis(dim)).Apply(this);

    /// <summary>Running products along a dimension, inclusive; zeros have their true gradient.</summary>
    public Tensor CumProd(int dim) => new CumProdOp(Shape.Axis(dim)).Apply(this);

    /// <summary>Π x over the given dimensions (default all); zeros have their true gradient.</summary>
    public Tensor Prod(Dims dims = default, bool keepDim = false)
    {
        Kept(dims, out bool[] named);
        var y = this;
        for (int d = 0; d < named.Length; d++)
            if (named[d]) y = new ProdOp(d).Apply(y);
        return Drop(y, named, keepDim);
    }

    static Tensor Scan<TOp>(TOp op, Tensor x, int dim) where TOp : struct, IReduction
    {
        x.RequireFloat(typeof(TOp).Name);
        var y = Empty(x.Shape, DType.Float32, x.Device);
        x.Backend.Scan(op, x.View, y.View, dim);
        return y;
    }

    /// <summary>Product of the elements before each along a dimension: 1, x₀, x₀x₁, ...</summary>
    static Tensor ProductBefore(Tensor x, int dim)
    {
        int n = x.Shape[dim];
        return n == 0 ? x : Cat([Ones(x.Shape.With(dim, 1), x.Device), Scan(default(Ops.Prod), x.Narrow(dim, 0, n - 1), dim)], dim);
    }

    sealed class CumSumOp(int dim) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Scan(default(Ops.Sum), x[0], dim);

        protected override bool Saves(int i) => false;

        // yⱼ = Σ_{i≤j} xᵢ:  gxᵢ = Σ_{j≥i} gⱼ
        protected override Tensor? Gradient(int i, Tensor g) => g.Flip(dim).CumSum(dim).Flip(dim);
    }

    sealed class CumProdOp(int dim) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Scan(default(Ops.Prod), x[0], dim);

        // gxᵢ = (Π_{k<i} xₖ)·sᵢ  with  sᵢ = gᵢ + xᵢ₊₁·sᵢ₊₁: no division, so zeros are no exception
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var x = Input(0);
            var s = new Tensor[x.Shape[dim]];
            for (int k = s.Length - 1; k >= 0; k--)
            {
                s[k] = g.Narrow(dim, k, 1);
                if (k + 1 < s.Length) s[k] += x.Narrow(dim, k + 1, 1) * s[k + 1];
            }
            return s.Length == 0 ? g : ProductBefore(x, dim) * Cat(s, dim);
        }
    }

    sealed class ProdOp(int dim) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Reduce(default(Ops.Prod), x[0], x[0].Shape.With(dim, 1));

        // gxᵢ = g · Π_{k<i} xₖ · Π_{k>i} xₖ
        protected override Tensor? Gradient(int i, Tensor g)
            => g * ProductBefore(Input(0), dim) * ProductBefore(Input(0).Flip(dim), dim).Flip(dim);
    }
}
