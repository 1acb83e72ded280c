using System.Diagnostics.CodeAnalysis;

namespace Tessera.Cuda;

/// <summary>The order of a tensor in memory (<c>cudnnTensorFormat_t</c>).</summary>
internal enum DnnTensorFormat
{
    Nchw = 0,
    Nhwc = 1,
}

/// <summary>Which elements share statistics (<c>cudnnBatchNormMode_t</c>): those of a channel.</summary>
internal enum DnnBatchNormMode
{
    Spatial = 1,
}

/// <summary>What a pool makes of its window (<c>cudnnPoolingMode_t</c>).</summary>
internal enum DnnPoolingMode
{
    Max = 0,
    AverageCountIncludePadding = 1,
    AverageCountExcludePadding = 2,
}

/// <summary>What a maximum makes of a NaN (<c>cudnnNanPropagation_t</c>).</summary>
internal enum DnnNanPropagation
{
    PropagateNan = 1,
}

/// <summary>How a softmax is computed (<c>cudnnSoftmaxAlgorithm_t</c>): from the largest element on, or its logarithm.</summary>
internal enum DnnSoftmaxAlgorithm
{
    Accurate = 1,
    Log = 2,
}

/// <summary>Along what a softmax runs (<c>cudnnSoftmaxMode_t</c>).</summary>
internal enum DnnSoftmaxMode
{
    Channel = 1,
}

/// <summary>The numbers of a tensor and their order.</summary>
internal readonly record struct DnnShape(int N, int C, int H, int W, DnnTensorFormat Format = DnnTensorFormat.Nhwc);

/// <summary>Which layer: the call, shapes of its input and its result, and for a pool what it makes of which windows.</summary>
internal readonly record struct DnnLayer(string Call, DnnShape Of, DnnShape To, int Mode = 0, Window2d Window = default);

/// <content>
/// Batch norm, pools and softmax of float32 tensors. Each call describes its tensors anew, in descriptors that all share; a call that cuDNN has no way for
/// gives false, and is not made again for the same layer.
/// </content>
internal sealed unsafe partial class CudaDNNContext
{
    readonly LayerFunctions layers;
    readonly HashSet<DnnLayer> refused = [];
    TensorDescriptor? describedX, describedY, describedChannels;
    PoolingDescriptor? describedPool;

    /// <summary>y ← (x - mean)/√(var + eps)·w + b for each channel; four arrays of C numbers.</summary>
    public bool TryBatchNormalizationForwardInference(DnnShape shape, nint x, nint y, nint w, nint b, nint mean, nint var, double eps)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnBatchNormalizationForwardInference", shape, shape);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            DescribeChannels(shape);
            return Ran(layers.cudnnBatchNormalizationForwardInference(handle, DnnBatchNormMode.Spatial, &one, &zero, describedX, x, describedY, y, describedChannels, w, b, mean, var, eps), layer);
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
    public bool TryBatchNormalizationForwardTraining(DnnShape shape, nint x, nint y, nint w, nint b, double eps, nint mean, nint unbiased, nint saved)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnBatchNormalizationForwardTraining", shape, shape);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            DescribeChannels(shape);
            // Running statistics that follow the batch with weight 1 are the batch's.
            return Ran(layers.cudnnBatchNormalizationForwardTraining(handle, DnnBatchNormMode.Spatial, &one, &zero, describedX, x, describedY, y, describedChannels, w, b, 1, mean, unbiased, eps, saved, saved + (shape.C * sizeof(float))), layer);
        }
    }

    /// <summary>Gradients of a batch norm with the statistics of x: mean, and inverse = 1/√(var + eps).</summary>
    public bool TryBatchNormalizationBackward(DnnShape shape, nint x, nint gy, nint gx, nint w, nint gw, nint gb, double eps, nint mean, nint inverse)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnBatchNormalizationBackward", shape, shape);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            DescribeChannels(shape);
            return Ran(layers.cudnnBatchNormalizationBackward(handle, DnnBatchNormMode.Spatial, &one, &zero, &one, &zero, describedX, x, describedY, gy, describedX, gx, describedChannels, w, gw, gb, eps, mean, inverse), layer);
        }
    }

    /// <summary>y ← a pool of x.</summary>
    public bool TryPoolingForward(DnnPoolingMode mode, DnnShape of, DnnShape to, Window2d window, nint x, nint y)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnPoolingForward", of, to, (int)mode, window);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(of, to);
            DescribePool(mode, window);
            return Ran(layers.cudnnPoolingForward(handle, describedPool, &one, describedX, x, &zero, describedY, y), layer);
        }
    }

    /// <summary>gx ← the gradient of a mean over windows, which depends on neither x nor y: cuDNN is shown other tensors of their shape.</summary>
    public bool TryPoolingBackward(DnnPoolingMode mode, DnnShape of, DnnShape to, Window2d window, nint gy, nint gx)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnPoolingBackward", of, to, (int)mode, window);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(of, to);
            DescribePool(mode, window);
            return Ran(layers.cudnnPoolingBackward(handle, describedPool, &one, describedY, gy, describedY, gy, describedX, gx, &zero, describedX, gx), layer);
        }
    }

    /// <summary>y ← softmax(x) along C, or its logarithm.</summary>
    public bool TrySoftmaxForward(DnnShape shape, bool log, nint x, nint y)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnSoftmaxForward", shape, shape, log ? 1 : 0);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(shape, shape);
            return Ran(layers.cudnnSoftmaxForward(handle, log ? DnnSoftmaxAlgorithm.Log : DnnSoftmaxAlgorithm.Accurate, DnnSoftmaxMode.Channel, &one, describedX, x, &zero, describedY, y), layer);
        }
    }

    /// <summary>gx ← the gradient of a softmax y, or of its logarithm.</summary>
    public bool TrySoftmaxBackward(DnnShape shape, bool log, nint y, nint gy, nint gx)
    {
        float one = 1, zero = 0;
        DnnLayer layer = new("cudnnSoftmaxBackward", shape, shape, log ? 1 : 0);
        lock (gate)
        {
            if (refused.Contains(layer)) return false;
            Describe(shape, shape);
            return Ran(layers.cudnnSoftmaxBackward(handle, log ? DnnSoftmaxAlgorithm.Log : DnnSoftmaxAlgorithm.Accurate, DnnSoftmaxMode.Channel, &one, describedY, y, describedY, gy, &zero, describedX, gx), layer);
        }
    }

    bool Ran(int status, in DnnLayer layer)
    {
        if (!IsNotSupported(status))
        {
            Check(status, layer.Call);
            return true;
        }
        if (refused.Count == MostPlans) refused.Clear();
        refused.Add(layer);
        return false;
    }

    [MemberNotNull(nameof(describedX), nameof(describedY))]
    void Describe(DnnShape x, DnnShape y)
    {
        describedX ??= new TensorDescriptor(this);
        describedY ??= new TensorDescriptor(this);
        describedX.SetTensor4dDescriptor(x.Format, DnnDataType.Float, x.N, x.C, x.H, x.W);
        describedY.SetTensor4dDescriptor(y.Format, DnnDataType.Float, y.N, y.C, y.H, y.W);
    }

    /// <summary>Describes x and y, of one shape, and the numbers that a batch norm has for each channel.</summary>
    [MemberNotNull(nameof(describedX), nameof(describedY), nameof(describedChannels))]
    void DescribeChannels(DnnShape shape)
    {
        Describe(shape, shape);
        describedChannels ??= new TensorDescriptor(this);
        Check(layers.cudnnDeriveBNTensorDescriptor(describedChannels, describedX, DnnBatchNormMode.Spatial), "cudnnDeriveBNTensorDescriptor");
    }

    [MemberNotNull(nameof(describedPool))]
    void DescribePool(DnnPoolingMode mode, Window2d window)
    {
        describedPool ??= new PoolingDescriptor(this);
        describedPool.SetPooling2dDescriptor(mode, DnnNanPropagation.PropagateNan, window.R, window.S, window.Top, window.Left, window.StrideH, window.StrideW);
    }

    /// <summary>Functions by their exported names; all have the same parameters in cuDNN 8.9 and 9.</summary>
    internal readonly struct LayerFunctions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<nint, nint, DnnBatchNormMode, int> cudnnDeriveBNTensorDescriptor = (delegate* unmanaged<nint, nint, DnnBatchNormMode, int>)l.Export("cudnnDeriveBNTensorDescriptor");
        public readonly delegate* unmanaged<nint, DnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint, nint, nint, double, int> cudnnBatchNormalizationForwardInference = (delegate* unmanaged<nint, DnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint, nint, nint, double, int>)l.Export("cudnnBatchNormalizationForwardInference");
        public readonly delegate* unmanaged<nint, DnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint, double, nint, nint, double, nint, nint, int> cudnnBatchNormalizationForwardTraining = (delegate* unmanaged<nint, DnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint, double, nint, nint, double, nint, nint, int>)l.Export("cudnnBatchNormalizationForwardTraining");
        public readonly delegate* unmanaged<nint, DnnBatchNormMode, float*, float*, float*, float*, nint, nint, nint, nint, nint, nint, nint, nint, nint, nint, double, nint, nint, int> cudnnBatchNormalizationBackward = (delegate* unmanaged<nint, DnnBatchNormMode, float*, float*, float*, float*, nint, nint, nint, nint, nint, nint, nint, nint, nint, nint, double, nint, nint, int>)l.Export("cudnnBatchNormalizationBackward");
        public readonly delegate* unmanaged<nint*, int> cudnnCreatePoolingDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreatePoolingDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyPoolingDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyPoolingDescriptor");
        public readonly delegate* unmanaged<nint, DnnPoolingMode, DnnNanPropagation, int, int, int, int, int, int, int> cudnnSetPooling2dDescriptor = (delegate* unmanaged<nint, DnnPoolingMode, DnnNanPropagation, int, int, int, int, int, int, int>)l.Export("cudnnSetPooling2dDescriptor");
        public readonly delegate* unmanaged<nint, nint, float*, nint, nint, float*, nint, nint, int> cudnnPoolingForward = (delegate* unmanaged<nint, nint, float*, nint, nint, float*, nint, nint, int>)l.Export("cudnnPoolingForward");
        public readonly delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, nint, nint, float*, nint, nint, int> cudnnPoolingBackward = (delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, nint, nint, float*, nint, nint, int>)l.Export("cudnnPoolingBackward");
        public readonly delegate* unmanaged<nint, DnnSoftmaxAlgorithm, DnnSoftmaxMode, float*, nint, nint, float*, nint, nint, int> cudnnSoftmaxForward = (delegate* unmanaged<nint, DnnSoftmaxAlgorithm, DnnSoftmaxMode, float*, nint, nint, float*, nint, nint, int>)l.Export("cudnnSoftmaxForward");
        public readonly delegate* unmanaged<nint, DnnSoftmaxAlgorithm, DnnSoftmaxMode, float*, nint, nint, nint, nint, float*, nint, nint, int> cudnnSoftmaxBackward = (delegate* unmanaged<nint, DnnSoftmaxAlgorithm, DnnSoftmaxMode, float*, nint, nint, nint, nint, float*, nint, nint, int>)l.Export("cudnnSoftmaxBackward");
    }
}
