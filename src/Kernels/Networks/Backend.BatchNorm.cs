namespace Tessera;

// Batch norm over channel dimension 1 of x [N, C, ...], with what follows it in a network: the sum with a residual, and a ReLU.
public abstract partial class Backend
{
    /// <summary>y ← (x - mean) / √(var + eps) · w + b + residual, and with <paramref name="relu"/> its positive part. y may be x or the residual.</summary>
    public virtual void BatchNorm(View x, ChannelNorm norm, View? residual, bool relu, View y)
    {
        if (x.Count == 0) return;
        using var normalized = new Temporary(x);
        View z = normalized.View;
        Normalize(x, norm, z);
        if (norm.W is { } w) Binary(new Ops.Mul(), z, AcrossChannels(w, z), z);
        if (norm.B is { } b) Binary(new Ops.Add(), z, AcrossChannels(b, z), z);
        if (residual is { } r) Binary(new Ops.Add(), z, r, z);
        if (relu) Unary(new Ops.Relu(), z, y);
        else Copy(z, y);
    }

    /// <summary><see cref="BatchNorm"/> with the statistics of x itself, which are written to <paramref name="moments"/> [2, C]: mean and biased variance.</summary>
    public virtual void BatchNormOfBatch(View x, View moments, float eps, View? w, View? b, View? residual, bool relu, View y)
    {
        Shape channels = [x.Shape[1]];
        Moments(x, moments, 1);
        BatchNorm(x, new ChannelNorm(moments.Slice(0, 0, 1).Reshape(channels), moments.Slice(0, 1, 1).Reshape(channels), eps, w, b), residual, relu, y);
    }

    /// <summary>
    /// The running statistics of a batch norm move towards those of a batch: mean ← mean + momentum · (m - mean) and var ← var + momentum · (correction · v - var).
    /// </summary>
    /// <param name="moments"><c>[2, C]</c>: m and v, mean and variance of the batch.</param>
    /// <param name="mean">Running mean <c>[C]</c>, if any.</param>
    /// <param name="var">Running variance <c>[C]</c>, if any.</param>
    /// <param name="momentum">Weight of the batch.</param>
    /// <param name="correction">Makes the variance of the batch an unbiased one: n / (n - 1).</param>
    public virtual void MoveStatistics(View moments, View? mean, View? var, float momentum, float correction)
    {
        Shape channels = [moments.Shape[1]];
        var move = new Ops.Lerp(momentum);
        if (mean is { } m) Binary(move, m, moments.Slice(0, 0, 1).Reshape(channels), m);
        if (var is not { } v) return;
        using var unbiased = new Temporary(v);
        Unary(new Ops.MulScalar(correction), moments.Slice(0, 1, 1).Reshape(channels), unbiased.View);
        Binary(move, v, unbiased.View, v);
    }

    /// <summary>
    /// Gradients of <see cref="BatchNorm"/>, each only where wanted. With g = gy where the ReLU let pass, else 0, and x̂ = (x - mean) / √(var + eps):
    /// gresidual = g, gb = Σ g, gw = Σ g·x̂, and gx = w / √(var + eps) · (g - mean(g) - x̂·mean(g·x̂)), or without the two means where the
    /// statistics are given numbers instead of the batch's own.
    /// </summary>
    /// <param name="gy">Gradient of y.</param>
    /// <param name="x">The input.</param>
    /// <param name="y">Where there was a residual and a ReLU: the output, whose sign tells what passed. Without a residual x tells it.</param>
    /// <param name="norm">Statistics and parameters.</param>
    /// <param name="relu">Whether there was a ReLU.</param>
    /// <param name="given">Whether the statistics were given.</param>
    /// <param name="gx">Gradient of x; may be gy.</param>
    /// <param name="gresidual">Gradient of the residual; may be gy.</param>
    /// <param name="gw">Gradient of w.</param>
    /// <param name="gb">Gradient of b.</param>
    public virtual void BatchNormBackward(View gy, View x, View? y, ChannelNorm norm, bool relu, bool given, View? gx, View? gresidual, View? gw, View? gb)
    {
        if (x.Shape[1] == 0) return;
        int rank = x.Shape.Rank;
        float n = Math.Max(1, (float)x.Count / x.Shape[1]);
        using var masked = new Temporary(x);
        using var xhat = new Temporary(x);
        using var product = new Temporary(x);
        using var sum = new Temporary(AlongChannels(norm.Mean, rank));
        using var dot = new Temporary(AlongChannels(norm.Mean, rank));
        View g = masked.View;
        if (relu && y is null) BatchNorm(x, norm, null, relu, product.View);
        if (relu) Binary(new Ops.ReluGrad(), gy, y ?? product.View, g);
        else Copy(gy, g);
        Normalize(x, norm, xhat.View);
        Binary(new Ops.Mul(), g, xhat.View, product.View);
        Reduce(new Ops.Sum(), g, sum.View);
        Reduce(new Ops.Sum(), product.View, dot.View);
        if (gresidual is { } dr) Copy(g, dr);
        if (gb is { } db) Copy(sum.View, AlongChannels(db, rank));
        if (gw is { } dw) Copy(dot.View, AlongChannels(dw, rank));
        if (gx is not { } dx) return;
        if (!given)
        {
            Unary(new Ops.MulScalar(1 / n), sum.View, sum.View);
            Unary(new Ops.MulScalar(1 / n), dot.View, dot.View);
            Binary(new Ops.Mul(), xhat.View, dot.View.BroadcastTo(x.Shape), product.View);
            Binary(new Ops.Sub(), g, sum.View.BroadcastTo(x.Shape), g);
            Binary(new Ops.Sub(), g, product.View, g);
        }
        InverseDeviation(norm, sum.View);
        Binary(new Ops.Mul(), g, sum.View.BroadcastTo(x.Shape), dx);
        if (norm.W is { } w) Binary(new Ops.Mul(), dx, AcrossChannels(w, dx), dx);
    }

    /// <summary>y ← (x - mean) / √(var + eps).</summary>
    void Normalize(View x, ChannelNorm norm, View y)
    {
        using var inverse = new Temporary(AlongChannels(norm.Var, x.Shape.Rank));
        InverseDeviation(norm, inverse.View);
        Binary(new Ops.Sub(), x, AcrossChannels(norm.Mean, x), y);
        Binary(new Ops.Mul(), y, inverse.View.BroadcastTo(x.Shape), y);
    }

    /// <summary>y [1, C, 1, ...] ← 1 / √(var + eps).</summary>
    void InverseDeviation(ChannelNorm norm, View y)
    {
        Unary(new Ops.AddScalar(norm.Eps), AlongChannels(norm.Var, y.Shape.Rank), y);
        Unary(new Ops.Rsqrt(), y, y);
    }

    private protected static View AlongChannels(View v, int rank) => Along(v, rank, 1);

    /// <summary>[C] repeated to the shape of x.</summary>
    static View AcrossChannels(View v, View x) => AlongChannels(v, x.Shape.Rank).BroadcastTo(x.Shape);
}
