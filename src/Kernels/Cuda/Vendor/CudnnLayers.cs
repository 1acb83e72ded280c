using System.Diagnostics.CodeAnalysis;

namespace Tessera.Cuda;

/// <summary>The numbers of a tensor and their order.</summary>
internal readonly record struct CudnnShape(int N, int C, int H, int W, CudnnTensorFormat Format = CudnnTensorFormat.Nhwc);

/// <summary>Which layer: the call, shapes of its input and its result, and for a pool what it makes of which windows.</summary>
internal readonly record struct CudnnLayer(string Call, CudnnShape Of, CudnnShape To, int Mode = 0, Window2d Window = default);

/// <summary>
/// The layers of networks by cuDNN: batch norm, pools and softmax here, convolutions in <c>CudnnLayers.Convolution.cs</c>; float32. What cuDNN has no way for gives false, and is not tried again for
/// the same layer. Calls may come from any thread.
/// </summary>
internal sealed partial class CudnnLayers(CudaDNNContext dnn) : IDisposable
{
    /// <summary>Most shapes that are remembered of each kind of work.</summary>
    public const int MostPlans = 1024;

    readonly Lock gate = new();
    readonly HashSet<CudnnLayer> refused = [];
    TensorDescriptor? describedX, describedY, describedChannels;
    PoolingDescriptor? describedPool;

    /// <summary>cuDNN.</summary>
    public CudaDNNContext Context => dnn;

    /// <summary>cuDNN for a stream of the current context, or why there is none.</summary>
    /// <exception cref="DeviceException">It was asked for, and there is none of use.</exception>
    public static CudnnLayers? TryOpen(nint stream, string? search, out string whyNot) => CudaDNNContext.TryOpen(stream, search, out whyNot) is { } dnn ? new CudnnLayers(dnn) : null;

    /// <summary>y ← (x - mean)/√(var + eps)·w + b for each channel; four arrays of C numbers.</summary>
    public bool TryBatchNormalizationForwardInference(CudnnShape shape, nint x, nint y, nint w, nint b, nint mean, nint var, double eps)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.BatchNormalizationForwardInference), shape, shape);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            DescribeChannels(shape);
            return Ran(dnn.BatchNormalizationForwardInference(CudnnBatchNormMode.Spatial, 1, 0, describedX, x, describedY, y, describedChannels, w, b, mean, var, eps), layer);
        }
    }

    /// <summary>The same with the statistics of x itself, which are given back: mean, the unbiased variance, the mean again, and 1/√(biased variance + eps).</summary>
    /// <param name="shape">Shape of x.</param>
    /// <param name="x">The input.</param>
    /// <param name="y">The result.</param>
    /// <param name="w">Scale.</param>
    /// <param name="b">Shift.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="mean">Mean; zeros before.</param>
    /// <param name="unbiased">Unbiased variance; zeros before.</param>
    /// <param name="saved">Scratch of 2 C numbers.</param>
    public bool TryBatchNormalizationForwardTraining(CudnnShape shape, nint x, nint y, nint w, nint b, double eps, nint mean, nint unbiased, nint saved)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.BatchNormalizationForwardTraining), shape, shape);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            DescribeChannels(shape);
            // Running statistics that follow the batch with weight 1 are the batch's.
            return Ran(dnn.BatchNormalizationForwardTraining(CudnnBatchNormMode.Spatial, 1, 0, describedX, x, describedY, y, describedChannels, w, b, 1, mean,
                unbiased, eps, saved, saved + (shape.C * sizeof(float))), layer);
        }
    }

    /// <summary>Gradients of a batch norm with the statistics of x: mean, and inverse = 1/√(var + eps).</summary>
    public bool TryBatchNormalizationBackward(CudnnShape shape, nint x, nint gy, nint gx, nint w, nint gw, nint gb, double eps, nint mean, nint inverse)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.BatchNormalizationBackward), shape, shape);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            DescribeChannels(shape);
            return Ran(dnn.BatchNormalizationBackward(CudnnBatchNormMode.Spatial, 1, 0, 1, 0, describedX, x, describedY, gy, describedX, gx, describedChannels, w, gw, gb, eps, mean, inverse), layer);
        }
    }

    /// <summary>y ← a pool of x.</summary>
    public bool TryPoolingForward(CudnnPoolingMode mode, CudnnShape of, CudnnShape to, Window2d window, nint x, nint y)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.PoolingForward), of, to, (int)mode, window);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(of, to);
            DescribePool(mode, window);
            return Ran(dnn.PoolingForward(describedPool, 1, describedX, x, 0, describedY, y), layer);
        }
    }

    /// <summary>gx ← the gradient of a mean over windows, which depends on neither x nor y: cuDNN is shown other tensors of their shape.</summary>
    public bool TryPoolingBackward(CudnnPoolingMode mode, CudnnShape of, CudnnShape to, Window2d window, nint gy, nint gx)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.PoolingBackward), of, to, (int)mode, window);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(of, to);
            DescribePool(mode, window);
            return Ran(dnn.PoolingBackward(describedPool, 1, describedY, gy, describedY, gy, describedX, gx, 0, describedX, gx), layer);
        }
    }

    /// <summary>y ← softmax(x) along C, or its logarithm.</summary>
    public bool TrySoftmaxForward(CudnnShape shape, bool log, nint x, nint y)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.SoftmaxForward), shape, shape, log ? 1 : 0);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(shape, shape);
            return Ran(dnn.SoftmaxForward(Softmax(log), CudnnSoftmaxMode.Channel, 1, describedX, x, 0, describedY, y), layer);
        }
    }

    /// <summary>gx ← the gradient of a softmax y, or of its logarithm.</summary>
    public bool TrySoftmaxBackward(CudnnShape shape, bool log, nint y, nint gy, nint gx)
    {
        CudnnLayer layer = new(nameof(CudaDNNContext.SoftmaxBackward), shape, shape, log ? 1 : 0);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(shape, shape);
            return Ran(dnn.SoftmaxBackward(Softmax(log), CudnnSoftmaxMode.Channel, 1, describedY, y, describedY, gy, 0, describedX, gx), layer);
        }
    }

    static CudnnSoftmaxAlgorithm Softmax(bool log) => log ? CudnnSoftmaxAlgorithm.Log : CudnnSoftmaxAlgorithm.Accurate;

    /// <summary>Remembers what cuDNN has no way for.</summary>
    bool Ran(bool supported, in CudnnLayer layer)
    {
        if (supported) return true;
        if (refused.Count == MostPlans) refused.Clear();
        refused.Add(layer);
        return false;
    }

    [MemberNotNull(nameof(describedX), nameof(describedY))]
    void Describe(CudnnShape x, CudnnShape y)
    {
        describedX ??= new TensorDescriptor(dnn);
        describedY ??= new TensorDescriptor(dnn);
        describedX.SetTensor4dDescriptor(x.Format, CudnnDataType.Float, x.N, x.C, x.H, x.W);
        describedY.SetTensor4dDescriptor(y.Format, CudnnDataType.Float, y.N, y.C, y.H, y.W);
    }

    /// <summary>Describes x and y, of one shape, and the numbers that a batch norm has for each channel.</summary>
    [MemberNotNull(nameof(describedX), nameof(describedY), nameof(describedChannels))]
    void DescribeChannels(CudnnShape shape)
    {
        Describe(shape, shape);
        describedChannels ??= new TensorDescriptor(dnn);
        dnn.DeriveBNTensorDescriptor(describedChannels, describedX, CudnnBatchNormMode.Spatial);
    }

    [MemberNotNull(nameof(describedPool))]
    void DescribePool(CudnnPoolingMode mode, Window2d window)
    {
        describedPool ??= new PoolingDescriptor(dnn);
        describedPool.SetPooling2dDescriptor(mode, CudnnNanPropagation.PropagateNan, window.R, window.S, window.Top, window.Left, window.StrideH, window.StrideW);
    }

    public void Dispose()
    {
        plans.Dispose();
        foreach (var described in (Descriptor?[])[describedX, describedY, describedChannels, describedPool]) described?.Dispose();
        dnn.Dispose();
    }
}
