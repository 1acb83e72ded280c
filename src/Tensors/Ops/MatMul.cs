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

    sealed class MatMulOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, b) = (x[0], x[1]);
            var batch = Shape.Broadcast(new Shape(a.Shape.Dims[..^2]), new Shape(b.Shape.Dims[..^2]), Name);
            Shape shape = [.. batch.Dims, a.Shape[-2], b.Shape[-1]];
            var y = Empty(shape, DType.Float32, a.Device);
            a.Backend.Gemm(
                a.View.BroadcastTo([.. batch.Dims, a.Shape[-2], a.Shape[-1]]),
                b.View.BroadcastTo([.. batch.Dims, b.Shape[-2], b.Shape[-1]]),
                y.View);
            return y;
        }

        // Y = A·B:  dA = G·Bᵀ,  dB = Aᵀ·G
        protected override Tensor? Gradient(int i, Tensor g) => i == 0 ? g.MatMul(Input(1).Transpose()) : Input(0).Transpose().MatMul(g);
    }
}
