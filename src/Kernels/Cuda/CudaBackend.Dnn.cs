namespace Tessera.Cuda;

/// <content>
/// Layers that cuDNN computes where it was asked for (<c>TESSERA_CUDNN</c> says <c>on</c> or names a file): batch norm, pools, softmax. They wait for memory,
/// not for arithmetic, and Tessera's kernels do them in one pass with what follows, so nothing else chooses cuDNN for them. What it has no form for, such as
/// uneven padding or the gradient behind a ReLU, stays with Tessera's kernels.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>cuDNN where it was asked for, its context current on this thread.</summary>
    CudnnLayers? AskedDnn()
    {
        if (!dnnAsked || Dnn.Library is not { } library) return null;
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        return library;
    }

    bool TryDnnSoftmax(View x, View y, int dim, bool log)
        => Along(x, y, dim) is { } shape && AskedDnn() is { } dnn && dnn.TrySoftmaxForward(shape, log, x.Address, y.Address);

    bool TryDnnSoftmaxBackward(View gy, View y, View gx, int dim, bool log)
        => gy.IsDense && Along(y, gx, dim) is { } shape && AskedDnn() is { } dnn && dnn.TrySoftmaxBackward(shape, log, y.Address, gy.Address, gx.Address);

    bool TryDnnPool(CudnnPoolingMode mode, View x, View y, Window2d window)
        => CanDnnPool(x, y, window) && AskedDnn() is { } dnn && dnn.TryPoolingForward(mode, CudnnShapeOf(x), CudnnShapeOf(y), window, x.Address, y.Address);

    bool TryDnnAveragePoolBackward(View gy, View gx, Window2d window, bool countPadding)
        => CanDnnPool(gx, gy, window) && AskedDnn() is { } dnn && dnn.TryPoolingBackward(AverageOf(countPadding), CudnnShapeOf(gx), CudnnShapeOf(gy), window, gy.Address, gx.Address);

    static CudnnPoolingMode AverageOf(bool countPadding) => countPadding ? CudnnPoolingMode.AverageCountIncludePadding : CudnnPoolingMode.AverageCountExcludePadding;

    bool TryDnnBatchNorm(View x, ChannelNorm norm, View? residual, bool relu, View y)
    {
        if (!CanDnnBatchNorm(x, y) || AskedDnn() is not { } dnn) return false;
        using var numbers = new FullNorm(norm);
        if (!dnn.TryBatchNormalizationForwardInference(CudnnShapeOf(x), x.Address, y.Address, numbers.W.Address, numbers.B.Address, numbers.Mean.Address, numbers.Var.Address, norm.Eps)) return false;
        Finish(y, new Epilogue(null, residual, relu), 1);
        return true;
    }

    public override void BatchNormOfBatch(View x, View moments, float eps, View? w, View? b, View? residual, bool relu, View y)
    {
        if (!TryDnnBatchNormTraining(x, moments, eps, w, b, residual, relu, y)) base.BatchNormOfBatch(x, moments, eps, w, b, residual, relu, y);
    }

    bool TryDnnBatchNormTraining(View x, View moments, float eps, View? w, View? b, View? residual, bool relu, View y)
    {
        long n = x.Count / Math.Max(1, x.Shape[1]);
        if (n < 2 || !moments.IsDense || !CanDnnBatchNorm(x, y) || AskedDnn() is not { } dnn) return false;
        using var numbers = new FullNorm(new ChannelNorm(moments.Slice(0, 0, 1).Reshape([x.Shape[1]]), moments.Slice(0, 1, 1).Reshape([x.Shape[1]]), eps, w, b));
        using var saved = new Temporary(moments);
        Fill(moments, 0);
        if (!dnn.TryBatchNormalizationForwardTraining(CudnnShapeOf(x), x.Address, y.Address, numbers.W.Address, numbers.B.Address, eps, numbers.Mean.Address,
            numbers.Var.Address, saved.View.Address)) return false;
        Unary(new Ops.MulScalar((n - 1) / (float)n), numbers.Var, numbers.Var);
        Finish(y, new Epilogue(null, residual, relu), 1);
        return true;
    }

    bool TryDnnBatchNormBackward(View gy, View x, ChannelNorm norm, View? gx, View? gw, View? gb)
    {
        if (gx is not { } dx || !CanDnnBatchNorm(x, gy, dx) || AskedDnn() is not { } dnn) return false;
        using var numbers = new FullNorm(norm);
        // gx may be gy's memory, which cuDNN would read while it writes.
        using var apart = new Temporary(dx);
        using Temporary inverse = new(numbers.Var), dw = new(numbers.W), db = new(numbers.W);
        Unary(new Ops.AddScalar(norm.Eps), numbers.Var, inverse.View);
        Unary(default(Ops.Rsqrt), inverse.View, inverse.View);
        if (!dnn.TryBatchNormalizationBackward(CudnnShapeOf(x), x.Address, gy.Address, apart.View.Address, numbers.W.Address, dw.View.Address, db.View.Address,
            norm.Eps, numbers.Mean.Address, inverse.View.Address)) return false;
        Copy(apart.View, dx);
        if (gw is { } ofW) Copy(dw.View, ofW);
        if (gb is { } ofB) Copy(db.View, ofB);
        return true;
    }

    static bool CanDnnBatchNorm(View x, params ReadOnlySpan<View> others)
    {
        foreach (View v in others)
            if (!IsRows(1, v)) return false;
        return x.Count > 0 && x.Shape.Rank is 2 or 4 && IsRows(1, x);
    }

    /// <summary>cuDNN pads evenly, and counts the windows that fit.</summary>
    static bool CanDnnPool(View x, View y, Window2d w) => x.Count > 0 && x.IsDense && y.IsDense && w is { DilationH: 1, DilationW: 1 } && w.Top == w.Bottom && w.Left == w.Right
        && y.Shape[2] == w.OutH(x.Shape[2]) && y.Shape[3] == w.OutW(x.Shape[3]);

    static CudnnShape CudnnShapeOf(View x) => x.Shape.Rank == 4 ? new(x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]) : new(x.Shape[0], x.Shape[1], 1, 1);

    /// <summary>Dense tensors as [outer, n, inner, 1] with the dimension in the place of the channels; null where cuDNN cannot see them so.</summary>
    static CudnnShape? Along(View x, View y, int dim)
    {
        if (!x.IsDense || !y.IsDense || x.Count is 0 or > int.MaxValue || x.Shape.Rank == 0) return null;
        int n = x.Shape[dim];
        // The step of a single element says nothing.
        int inner = n == 1 ? 1 : (int)x.Layout.Strides[dim];
        return new((int)(x.Count / n / inner), n, inner, 1, CudnnTensorFormat.Nchw);
    }

    /// <summary>The numbers of a batch norm one after the other, with ones and zeros where there are none.</summary>
    readonly struct FullNorm : IDisposable
    {
        readonly DenseNorm dense;
        readonly Temporary? ones, zeros;

        public FullNorm(ChannelNorm norm)
        {
            dense = new DenseNorm(norm);
            W = dense.W ?? Constant(dense.Mean, 1, ref ones);
            B = dense.B ?? Constant(dense.Mean, 0, ref zeros);
        }

        public View Mean => dense.Mean;

        public View Var => dense.Var;

        public View W { get; }

        public View B { get; }

        static View Constant(View like, float value, ref Temporary? kept)
        {
            var made = new Temporary(like);
            made.View.Storage.Device.Backend.Fill(made.View, value);
            kept = made;
            return made.View;
        }

        public void Dispose()
        {
            dense.Dispose();
            ones?.Dispose();
            zeros?.Dispose();
        }
    }
}
