namespace Tessera;

public abstract partial class Backend
{
    /// <summary>y ← (x - mean) · invStd · w + b over channel dimension 1 of x [N, C, ...]; mean and invStd = 1/√(var + eps) [C] are the batch's own and are written.</summary>
    public virtual void BatchNormTrain(View x, View? w, View? b, View y, View mean, View invStd, float eps)
    {
        if (x.Count == 0) return;
        float n = (float)x.Count / x.Shape[1];
        View m = AlongChannels(mean, x.Shape.Rank), s = AlongChannels(invStd, x.Shape.Rank);
        using var centred = new Temporary(x);
        Reduce(new Ops.Sum(), x, m);
        Unary(new Ops.MulScalar(1 / n), m, m);
        Binary(new Ops.Sub(), x, m.BroadcastTo(x.Shape), centred.View);
        Reduce(new Ops.SumSquare(), centred.View, s);
        Unary(new Ops.Affine(1 / n, eps), s, s);
        Unary(new Ops.Rsqrt(), s, s);
        Binary(new Ops.Mul(), centred.View, s.BroadcastTo(x.Shape), y);
        ScaleAndShift(y, w, b);
    }

    /// <summary>y ← (x - mean) / √(var + eps) · w + b with given statistics [C].</summary>
    public virtual void BatchNormInfer(View x, View? w, View? b, View mean, View var, View y, float eps)
    {
        if (x.Count == 0) return;
        View m = AlongChannels(mean, x.Shape.Rank), v = AlongChannels(var, x.Shape.Rank);
        using var s = new Temporary(v);
        Unary(new Ops.AddScalar(eps), v, s.View);
        Unary(new Ops.Rsqrt(), s.View, s.View);
        Binary(new Ops.Sub(), x, m.BroadcastTo(x.Shape), y);
        Binary(new Ops.Mul(), y, s.View.BroadcastTo(x.Shape), y);
        ScaleAndShift(y, w, b);
    }

    /// <summary>
    /// Gradients of <see cref="BatchNormTrain"/>: gb = Σ gy, gw = Σ gy·x̂, gx = w·invStd·(gy - mean(gy) - x̂·mean(gy·x̂)); each only where wanted.
    /// </summary>
    public virtual void BatchNormBackward(View gy, View x, View? w, View mean, View invStd, View? gx, View? gw, View? gb)
    {
        if (x.Shape[1] == 0) return;
        int rank = x.Shape.Rank;
        float n = Math.Max(1, (float)x.Count / x.Shape[1]);
        View m = AlongChannels(mean, rank).BroadcastTo(x.Shape), s = AlongChannels(invStd, rank).BroadcastTo(x.Shape);
        using var xhat = new Temporary(x);
        using var product = new Temporary(x);
        using var sum = new Temporary(AlongChannels(mean, rank));
        using var dot = new Temporary(AlongChannels(mean, rank));
        Binary(new Ops.Sub(), x, m, xhat.View);
        Binary(new Ops.Mul(), xhat.View, s, xhat.View);
        Binary(new Ops.Mul(), gy, xhat.View, product.View);
        Reduce(new Ops.Sum(), gy, sum.View);
        Reduce(new Ops.Sum(), product.View, dot.View);
        if (gb is { } db) Copy(sum.View, AlongChannels(db, rank));
        if (gw is { } dw) Copy(dot.View, AlongChannels(dw, rank));
        if (gx is not { } dx) return;
        Unary(new Ops.MulScalar(1 / n), sum.View, sum.View);
        Unary(new Ops.MulScalar(1 / n), dot.View, dot.View);
        Binary(new Ops.Mul(), xhat.View, dot.View.BroadcastTo(x.Shape), product.View);
        Binary(new Ops.Sub(), gy, sum.View.BroadcastTo(x.Shape), dx);
        Binary(new Ops.Sub(), dx, product.View, dx);
        Binary(new Ops.Mul(), dx, s, dx);
        ScaleAndShift(dx, w, null);
    }

    void ScaleAndShift(View y, View? w, View? b)
    {
        if (w is { } scale) Binary(new Ops.Mul(), y, AlongChannels(scale, y.Shape.Rank).BroadcastTo(y.Shape), y);
        if (b is { } shift) Binary(new Ops.Add(), y, AlongChannels(shift, y.Shape.Rank).BroadcastTo(y.Shape), y);
    }

    private protected static View AlongChannels(View v, int rank) => Along(v, rank, 1);
}
