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
        int n = (int)normalizedShape.Count;
        if (!Op.IsWatched && Fit(normalizedShape, w, b)) return Normalized([1, n == 0 ? 0 : (int)(Count / n), 1, n, 1], w, b, eps, "LayerNorm");
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
        int positions = 1;
        foreach (int d in Shape.Dims[2..]) positions *= d;
        if (!Op.IsWatched && Fit([Shape[1]], w, b)) return Normalized([1, Shape[0], groups, Shape[1] / groups, positions], w, b, eps, "GroupNorm");
        int n = Math.Max(1, Shape[0] * groups);
        var y = Reshape(Shape[0], groups, (int)(Count / n)).Normalized(2, eps).Reshape(Shape);
        if (w is not null) y *= Channels(w, Rank, "GroupNorm");
        return b is null ? y : y + Channels(b, Rank, "GroupNorm");
    }

    /// <summary>Instance normalisation: <see cref="GroupNorm"/> with one channel a group.</summary>
    public Tensor InstanceNorm(Tensor? w = null, Tensor? b = null, float eps = 1e-5f)
        => GroupNorm(Rank < 2 ? 1 : Shape[1], w, b, eps);

    static bool Fit(Shape shape, Tensor? w, Tensor? b) => (w is null || w.Shape == shape) && (b is null || b.Shape == shape);

    /// <summary>(x - mean) / √(var + eps) over some dimensions, with the biased variance, operation by operation.</summary>
    Tensor Normalized(Dims dims, float eps)
    {
        var d = this - Mean(dims, keepDim: true);
        return d * (d.Square().Mean(dims, keepDim: true) + eps).Rsqrt();
    }

    /// <summary>The norm of this tensor seen as <c>[1, N, G, P, I]</c>; see <see cref="Tessera.Backend.LayerNorm"/>.</summary>
    Tensor Normalized(Shape seen, Tensor? w, Tensor? b, float eps, string op)
    {
        RequireFloat(op);
        Shape channels = [1, 1, seen[2], seen[3], 1];
        Tensor x = Reshape(seen);
        Tensor[] inputs = (w, b) switch
        {
            (null, null) => [x],
            (null, _) => [x, b.Reshape(channels)],
            (_, null) => [x, w.Reshape(channels)],
            _ => [x, w.Reshape(channels), b.Reshape(channels)],
        };
        return new NormOp(op, w is null ? 0 : 1, b is null ? 0 : w is null ? 1 : 2, eps).Apply(inputs).Reshape(Shape);
    }

    /// <summary>Inputs: x <c>[1, N, G, P, I]</c>, and scale and shift <c>[1, 1, G, P, 1]</c> where there are any, at these places; 0 for none.</summary>
    sealed class NormOp(string name, int scale, int shift, float eps) : Op
    {
        Tensor? statistics;

        public override string Name => name;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("eps", eps));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var y = Empty(x[0].Shape, DType.Float32, x[0].Device);
            statistics = Save(Empty([2, y.Shape[1], y.Shape[2], 1, 1], DType.Float32, y.Device));
            View? Of(Tensor? t) => t?.View;
            var (w, b) = (scale == 0 ? null : x[scale].Contiguous(), shift == 0 ? null : x[shift].Contiguous());
            y.Backend.LayerNorm(x[0].Contiguous().View, Of(w), Of(b), eps, y.View, statistics.View);
            GC.KeepAlive(w);
            GC.KeepAlive(b);
            return y;
        }

        protected override bool Saves(int i) => i == 0 || i == scale;

        protected override void Gradients(Tensor g, Tensor?[] grads)
        {
            g = g.Contiguous();
            for (int i = 0; i < grads.Length; i++) if (Needs(i)) grads[i] = Empty(InputShape(i), DType.Float32, g.Device);
            View? Of(int i) => i == 0 ? null : grads[i]?.View;
            g.Backend.LayerNormBackward(g.View, Input(0).Contiguous().View, scale == 0 ? null : Input(scale).Contiguous().View, statistics!.View, grads[0]?.View, Of(scale), Of(shift));
        }

        protected override Tensor? Gradient(int i, Tensor g) => null; // all at once above
    }
}
