namespace Tessera;

public abstract partial class Backend
{
    /// <summary>
    /// Layer and group norm: y ← (x - mean)/√(var + eps)·w + b, with mean and biased variance of each group of each sample. x and y are row-major
    /// <c>[1, N, G, P, I]</c>: N samples of G groups of P channels of I positions; a layer norm has G = I = 1.
    /// </summary>
    /// <param name="x">The input.</param>
    /// <param name="w">Scale <c>[1, 1, G, P, 1]</c>, or none.</param>
    /// <param name="b">Shift of the same shape, or none.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="y">The result.</param>
    /// <param name="statistics">Gets mean and 1/√(var + eps), <c>[2, N, G, 1, 1]</c>.</param>
    public virtual void LayerNorm(View x, View? w, View? b, float eps, View y, View statistics)
    {
        if (x.Count == 0) return;
        View mean = statistics.Slice(0, 0, 1), inverse = statistics.Slice(0, 1, 1), means = mean.BroadcastTo(x.Shape), inverses = inverse.BroadcastTo(x.Shape);
        float each = 1f / (x.Shape[3] * x.Shape[4]);
        using var square = new Temporary(x);
        Reduce(new Ops.Sum(), x, mean);
        Unary(new Ops.MulScalar(each), mean, mean);
        Binary(new Ops.Sub(), x, means, y);
        Unary(new Ops.Square(), y, square.View);
        Reduce(new Ops.Sum(), square.View, inverse);
        Unary(new Ops.Affine(each, eps), inverse, inverse);
        Unary(new Ops.Rsqrt(), inverse, inverse);
        Binary(new Ops.Mul(), y, inverses, y);
        if (w is { } scale) Binary(new Ops.Mul(), y, scale.BroadcastTo(x.Shape), y);
        if (b is { } shift) Binary(new Ops.Add(), y, shift.BroadcastTo(x.Shape), y);
    }

    /// <summary>
    /// Gradients of <see cref="LayerNorm"/>, with h = (x - mean)/√(var + eps) and g = gy·w: gx ← (g - mean(g) - h·mean(g·h))/√(var + eps),
    /// gw ← Σ gy·h, gb ← Σ gy over samples and positions.
    /// </summary>
    /// <param name="gy">Gradient of the result.</param>
    /// <param name="x">The input.</param>
    /// <param name="w">Scale, or none.</param>
    /// <param name="statistics">What <see cref="LayerNorm"/> gave.</param>
    /// <param name="gx">Gradient of x, or null where it is not needed; other memory than gy.</param>
    /// <param name="gw">Gradient of w, likewise.</param>
    /// <param name="gb">Gradient of b, likewise.</param>
    public virtual void LayerNormBackward(View gy, View x, View? w, View statistics, View? gx, View? gw, View? gb)
    {
        if (gb is { } shift) Reduce(new Ops.Sum(), gy, shift);
        if (gy.Count == 0)
        {
            if (gw is { } none) Fill(none, 0);
            return;
        }
        View inverses = statistics.Slice(0, 1, 1).BroadcastTo(x.Shape);
        using var hat = new Temporary(x);
        using var work = new Temporary(x);
        View h = hat.View, product = work.View;
        Binary(new Ops.Sub(), x, statistics.Slice(0, 0, 1).BroadcastTo(x.Shape), h);
        Binary(new Ops.Mul(), h, inverses, h);
        if (gw is { } scale)
        {
            Binary(new Ops.Mul(), gy, h, product);
            Reduce(new Ops.Sum(), product, scale);
        }
        if (gx is not { } g) return;
        using var sum = new Temporary(x.Storage.Device, Layout.Dense(statistics.Slice(0, 0, 1).Shape));
        using var dot = new Temporary(sum.View);
        var each = new Ops.MulScalar(1f / (x.Shape[3] * x.Shape[4]));
        if (w is { } weight) Binary(new Ops.Mul(), gy, weight.BroadcastTo(x.Shape), g);
        else Copy(gy, g);
        Binary(new Ops.Mul(), g, h, product);
        Reduce(new Ops.Sum(), product, dot.View);
        Unary(each, dot.View, dot.View);
        Reduce(new Ops.Sum(), g, sum.View);
        Unary(each, sum.View, sum.View);
        Binary(new Ops.Mul(), h, dot.View.BroadcastTo(x.Shape), h);
        Binary(new Ops.Sub(), g, sum.View.BroadcastTo(x.Shape), g);
        Binary(new Ops.Sub(), g, h, g);
        Binary(new Ops.Mul(), g, inverses, g);
    }
}
