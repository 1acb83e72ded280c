namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Layer normalisation: mean 0 and variance 1 over the last dimensions, then · w + b of that shape.</summary>
    /// <exception cref="ShapeException">x does not end in <paramref name="normalizedShape"/>.</exception>
    public Tensor LayerNorm(Shape normalizedShape, Tensor? w = null, Tensor? b = null, float eps = 1e-5f)
    {
        int rank = normalizedShape.Rank;
        if (rank == 0 || rank > Rank || !Shape.Dims[^rank..].SequenceEqual(normalizedShape.Dims))
            throw new ShapeException($"LayerNorm: got x {Shape}, expected a shape that ends in {normalizedShape}.");
        var y = Normalized(Enumerable.Range(Rank - rank, rank).ToArray(), eps);
        if (w is not null) y *= w;
        return b is null ? y : y + b;
    }

    /// <summary>Group normalisation: mean 0 and variance 1 over each group of channels of one sample of x <c>[N, C, ...]</c>, then · w + b a channel.</summary>
    /// <exception cref="ShapeException">The groups do not divide the channels.</exception>
    public Tensor GroupNorm(int groups, Tensor? w = null, Tensor? b = null, float eps = 1e-5f)
    {
        if (Rank < 2 || groups < 1 || Shape[1] % groups != 0)
            throw new ShapeException($"GroupNorm: got {groups} groups for x {Shape}, expected a divisor of the channels of [N, C, ...].");
        int n = Math.Max(1, Shape[0] * groups);
        var y = Reshape(Shape[0], groups, (int)(Count / n)).Normalized(2, eps).Reshape(Shape);
        if (w is not null) y *= Channels(w, Rank, "GroupNorm");
        return b is null ? y : y + Channels(b, Rank, "GroupNorm");
    }

    /// <summary>Instance normalisation: <see cref="GroupNorm"/> with one channel a group.</summary>
    public Tensor InstanceNorm(Tensor? w = null, Tensor? b = null, float eps = 1e-5f)
        => GroupNorm(Rank < 2 ? 1 : Shape[1], w, b, eps);

    /// <summary>(x - mean) / √(var + eps) over some dimensions, with the biased variance.</summary>
    Tensor Normalized(Dims dims, float eps)
    {
        var d = this - Mean(dims, keepDim: true);
        return d * (d.Square().Mean(dims, keepDim: true) + eps).Rsqrt();
    }
}
