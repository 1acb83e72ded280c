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

    sealed class LinearOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, w) = (x[0], x[1]);
            a.RequireFloat(Name);
            w.RequireFloat(Name);
            var y = Empty([a.Shape[0], w.Shape[0]], DType.Float32, a.Device);
            if (x.Length > 2) y.Backend.Copy(x[2].View.BroadcastTo(y.Shape), y.View);
            y.Backend.Gemm(a.View, w.View.Permute(1, 0), y.View, beta: x.Length > 2 ? 1 : 0);
            return y;
        }

        protected override bool Saves(int i) => i < 2 && Needs(1 - i);

        // Y = X·Wᵀ + b:  dX = G·W,  dW = Gᵀ·X,  db = Σ rows of G
        protected override Tensor? Gradient(int i, Tensor g) => i switch
        {
            0 => g.MatMul(Input(1)),
            1 => g.Transpose().MatMul(Input(0)),
            _ => g.Sum(0),
        };
    }

    sealed class MatMulOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, b) = (x[0], x[1]);
            a.RequireFloat(Name);
            b.RequireFloat(Name);
            var batch = Shape.Broadcast(new Shape(a.Shape.Dims[..^2]), new Shape(b.Shape.Dims[..^2]), Name);
            Shape shape = [.. batch.Dims, a.Shape[-2], b.Shape[-1]];
            var y = Empty(shape, DType.Float32, a.Device);
            a.Backend.Gemm(
                a.View.BroadcastTo([.. batch.Dims, a.Shape[-2], a.Shape[-1]]),
                b.View.BroadcastTo([.. batch.Dims, b.Shape[-2], b.Shape[-1]]),
                y.View);
            return y;
        }

        protected override bool Saves(int i) => Needs(1 - i);

        // Y = A·B:  dA = G·Bᵀ,  dB = Aᵀ·G
        protected override Tensor? Gradient(int i, Tensor g) => i == 0 ? g.MatMul(Input(1).Transpose()) : Input(0).Transpose().MatMul(g);
    }
}
