namespace Tessera;

public abstract partial class Backend
{
    /// <summary>y ← exp(x - max) / Σ exp(x - max) along <paramref name="dim"/>, or its logarithm.</summary>
    public virtual void Softmax(View x, View y, int dim, bool log)
    {
        if (x.Count == 0) return;
        using var line = new Temporary(x.Storage.Device, Layout.Dense(x.Shape.With(dim, 1)));
        using var exp = new Temporary(x);
        View across = line.View.BroadcastTo(x.Shape);
        Reduce(new Ops.Max(), x, line.View);
        Binary(new Ops.Sub(), x, across, y);
        Unary(new Ops.Exp(), y, exp.View);
        Reduce(new Ops.Sum(), exp.View, line.View);
        if (log)
        {
            Unary(new Ops.Log(), line.View, line.View);
            Binary(new Ops.Sub(), y, across, y);
        }
        else Binary(new Ops.Div(), exp.View, across, y);
    }

    /// <summary>gx ← y·(gy - Σ gy·y), or for the logarithm gy - exp(y)·Σ gy, along <paramref name="dim"/>.</summary>
    public virtual void SoftmaxBackward(View gy, View y, View gx, int dim, bool log)
    {
        if (y.Count == 0) return;
        using var line = new Temporary(y.Storage.Device, Layout.Dense(y.Shape.With(dim, 1)));
        using var work = new Temporary(y);
        View across = line.View.BroadcastTo(y.Shape);
        if (log)
        {
            Reduce(new Ops.Sum(), gy, line.View);
            Unary(new Ops.Exp(), y, work.View);
            Binary(new Ops.Mul(), work.View, across, work.View);
            Binary(new Ops.Sub(), gy, work.View, gx);
            return;
        }
        Binary(new Ops.Mul(), gy, y, work.View);
        Reduce(new Ops.Sum(), work.View, line.View);
        Binary(new Ops.Sub(), gy, across, work.View);
        Binary(new Ops.Mul(), work.View, y, gx);
    }
}
