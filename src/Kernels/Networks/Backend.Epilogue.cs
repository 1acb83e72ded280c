namespace Tessera;

public abstract partial class Backend
{
    /// <summary>y ← epilogue(a · b) for matrices as in <see cref="Gemm(View, View, View, float, float)"/>.</summary>
    public virtual void Gemm(View a, View b, View y, in Epilogue epilogue)
    {
        Gemm(a, b, y);
        Finish(y, epilogue, y.Shape.Rank - 1);
    }

    /// <summary>y ← a · b + bias for matrices, with one number of <paramref name="bias"/> a column.</summary>
    public virtual void Linear(View a, View b, View bias, View y)
    {
        Copy(bias.BroadcastTo(y.Shape), y);
        Gemm(a, b, y, beta: 1);
    }

    /// <summary>moments [2, channels] ← mean and variance <c>Σ (x - mean)² / n</c> of x along dimension <paramref name="channel"/>.</summary>
    public virtual void Moments(View x, View moments, int channel)
    {
        if (x.Count == 0)
        {
            Fill(moments, 0);
            return;
        }
        float n = (float)x.Count / x.Shape[channel];
        View mean = Along(moments.Slice(0, 0, 1).Reshape([x.Shape[channel]]), x.Shape.Rank, channel), var = Along(moments.Slice(0, 1, 1).Reshape([x.Shape[channel]]), x.Shape.Rank, channel);
        using var centred = new Temporary(x);
        Reduce(new Ops.Sum(), x, mean);
        Unary(new Ops.MulScalar(1 / n), mean, mean);
        Binary(new Ops.Sub(), x, mean.BroadcastTo(x.Shape), centred.View);
        Reduce(new Ops.SumSquare(), centred.View, var);
        Unary(new Ops.MulScalar(1 / n), var, var);
    }

    /// <summary>y ← epilogue(y), channels along dimension <paramref name="channel"/>.</summary>
    private protected virtual void Finish(View y, in Epilogue epilogue, int channel)
    {
        if (epilogue.Bias is { } bias) Binary(new Ops.Add(), y, Along(bias, y.Shape.Rank, channel).BroadcastTo(y.Shape), y);
        if (epilogue.Residual is { } residual) Binary(new Ops.Add(), y, residual, y);
        if (epilogue.Relu) Unary(new Ops.Relu(), y, y);
        if (epilogue.Moments is { } moments) Moments(y, moments, channel);
    }

    /// <summary>[C] as [1, ..., C, ..., 1].</summary>
    private protected static View Along(View v, int rank, int channel)
    {
        int[] shape = new int[rank];
        long[] strides = new long[rank];
        Array.Fill(shape, 1);
        (shape[channel], strides[channel]) = (v.Shape[0], v.Layout.Strides[0]);
        return v.As(new Layout(shape, strides, v.Layout.Offset));
    }
}
