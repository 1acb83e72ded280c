namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>
    /// Matrix product <c>[..., M, K] × [..., K, N] → [..., M, N]</c>; batch dimensions broadcast, a vector counts as a row (left) or a column (right).
    /// </summary>
    /// <exception cref="ShapeException">The inner sizes differ.</exception>
    public Tensor MatMul(Tensor other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var a = Rank == 1 ? Unsqueeze(0) : this;
        var b = other.Rank == 1 ? other.Unsqueeze(1) : other;
        if (Rank == 0 || other.Rank == 0 || a.Shape[-1] != b.Shape[-2])
            throw new ShapeException($"MatMul: inner sizes differ: got {Shape} and {other.Shape}, expected [..., M, K] and [..., K, N]. Hint: Transpose() one of them.");
        var y = new MatMulOp().Apply(a, b);
        if (other.Rank == 1) y = y.Squeeze(-1);
        if (Rank == 1) y = y.Squeeze(other.Rank == 1 ? -1 : -2);
        return y;
    }

    /// <summary>y = x·Wᵀ + b for x <c>[..., in]</c>, W <c>[out, in]</c> and b <c>[out]</c>.</summary>
    /// <exception cref="ShapeException">The sizes do not fit.</exception>
    public Tensor Linear(Tensor w, Tensor? b = null)
    {
        ArgumentNullException.ThrowIfNull(w);
        if (Rank == 0 || w.Rank != 2 || Shape[-1] != w.Shape[1])
            throw new ShapeException($"Linear: got x {Shape} and weight {w.Shape}, expected [..., in] and [out, in].");
        if (b is not null && b.Shape != new Shape(w.Shape[0]))
            throw new ShapeException($"Linear: bias: got shape {b.Shape}, expected [{w.Shape[0]}] for weight {w.Shape}.");
        int rows = 1;
        foreach (int d in Shape.Dims[..^1]) rows *= d;
        var x = Reshape(rows, Shape[-1]);
        var y = b is null ? new LinearOp().Apply(x, w) : new LinearOp().Apply(x, w, b);
        return y.Reshape([.. Shape.Dims[..^1], w.Shape[0]]);
    }

    sealed class LinearOp : ProductOp
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, w) = Factors(x[0], x[1]);
            var y = Empty([a.Shape[0], w.Shape[0]], Rounding, a.Device);
            View columns = w.View.Permute(1, 0);
            if (a.Is16Bit) y.Backend.Gemm16(a.View, columns, y.View, new Epilogue(x.Length > 2 ? x[2].Widened().View : null));
            else if (x.Length > 2) y.Backend.Linear(a.View, columns, x[2].View, y.View);
            else y.Backend.Gemm(a.View, columns, y.View);
            return y;
        }

        // Y = X·Wᵀ + b:  dX = G·W,  dW = Gᵀ·X,  db = Σ rows of G
        protected override Tensor? Gradient(int i, Tensor g) => i switch
        {
            0 => Product(Rounded(g), Factor(1), Name, InputType(0)),
            1 => Product(Rounded(g).Transpose(), Factor(0), Name, InputType(1)),
            _ => g.Widened().Sum(0),
        };
    }

    sealed class MatMulOp : ProductOp
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, b) = Factors(x[0], x[1], isWeight: false);
            return Product(a, b, Name, Rounding);
        }

        // Y = A·B:  dA = G·Bᵀ,  dB = Aᵀ·G
        protected override Tensor? Gradient(int i, Tensor g)
        {
            // What was broadcast is summed afterwards, in float32.
            var type = InputShape(0).Dims[..^2].SequenceEqual(InputShape(1).Dims[..^2]) ? InputType(i) : DType.Float32;
            return i == 0 ? Product(Rounded(g), Factor(1).Transpose(), Name, type) : Product(Factor(0).Transpose(), Rounded(g), Name, type);
        }
    }
}
