namespace Tessera.Cuda;

/// <summary>What a library has made to describe a tensor, a layer or a product; destroyed once.</summary>
/// <param name="handle">The library's handle.</param>
/// <param name="destroy">Address of the function that destroys it.</param>
internal unsafe class Descriptor(nint handle, nint destroy) : IDisposable
{
    /// <summary>The library's handle; 0 once it is destroyed.</summary>
    public nint Handle { get; private set; } = handle;

    public static implicit operator nint(Descriptor descriptor) => descriptor.Handle;

    public void Dispose()
    {
        if (Handle != 0) _ = ((delegate* unmanaged<nint, int>)destroy)(Handle);
        Handle = 0;
    }
}

/// <summary>Shape, element type and order of a tensor (<c>cudnnTensorDescriptor_t</c>).</summary>
internal sealed unsafe class TensorDescriptor(CudaDNNContext dnn) : Descriptor(dnn.Create(dnn.F.cudnnCreateTensorDescriptor, "cudnnCreateTensorDescriptor"), (nint)dnn.F.cudnnDestroyTensorDescriptor)
{
    readonly CudaDNNContext dnn = dnn;
    (int N, int C, int H, int W, CudnnTensorFormat Format)? described;

    public void SetTensor4dDescriptor(CudnnTensorFormat format, CudnnDataType dataType, int n, int c, int h, int w)
    {
        described = (n, c, h, w, format);
        dnn.Check(dnn.F.cudnnSetTensor4dDescriptor(this, format, dataType, n, c, h, w), "cudnnSetTensor4dDescriptor", this);
    }

    public override string ToString() => described is var (n, c, h, w, format) ? $"tensor [{n}, {c}, {h}, {w}] {format}" : "tensor of channels";
}

/// <summary>The same of a weight (<c>cudnnFilterDescriptor_t</c>).</summary>
internal sealed unsafe class FilterDescriptor(CudaDNNContext dnn) : Descriptor(dnn.Create(dnn.F.cudnnCreateFilterDescriptor, "cudnnCreateFilterDescriptor"), (nint)dnn.F.cudnnDestroyFilterDescriptor)
{
    readonly CudaDNNContext dnn = dnn;
    (int K, int C, int H, int W) described;

    public void SetFilter4dDescriptor(CudnnDataType dataType, CudnnTensorFormat format, int k, int c, int h, int w)
    {
        described = (k, c, h, w);
        dnn.Check(dnn.F.cudnnSetFilter4dDescriptor(this, dataType, format, k, c, h, w), "cudnnSetFilter4dDescriptor", this);
    }

    public override string ToString() => $"filter [{described.K}, {described.C}, {described.H}, {described.W}]";
}

/// <summary>Geometry of a convolution, and what it may compute with (<c>cudnnConvolutionDescriptor_t</c>).</summary>
internal sealed unsafe class ConvolutionDescriptor(CudaDNNContext dnn)
    : Descriptor(dnn.Create(dnn.F.cudnnCreateConvolutionDescriptor, "cudnnCreateConvolutionDescriptor"), (nint)dnn.F.cudnnDestroyConvolutionDescriptor)
{
    readonly CudaDNNContext dnn = dnn;
    string described = "";

    public void SetConvolution2dDescriptor(int padH, int padW, int strideH, int strideW, int dilationH, int dilationW, CudnnConvolutionMode mode, CudnnDataType dataType)
    {
        described = $"padding {padH} x {padW}, stride {strideH} x {strideW}, dilation {dilationH} x {dilationW}";
        dnn.Check(dnn.F.cudnnSetConvolution2dDescriptor(this, padH, padW, strideH, strideW, dilationH, dilationW, mode, dataType), "cudnnSetConvolution2dDescriptor", this);
    }

    public void SetConvolutionGroupCount(int groups) => dnn.Check(dnn.F.cudnnSetConvolutionGroupCount(this, groups), "cudnnSetConvolutionGroupCount", this);

    public void SetConvolutionMathType(CudnnMathType type) => dnn.Check(dnn.F.cudnnSetConvolutionMathType(this, type), "cudnnSetConvolutionMathType", this);

    public override string ToString() => described;
}

/// <summary>Windows of a pool (<c>cudnnPoolingDescriptor_t</c>).</summary>
internal sealed unsafe class PoolingDescriptor(CudaDNNContext dnn) : Descriptor(dnn.Create(dnn.F.cudnnCreatePoolingDescriptor, "cudnnCreatePoolingDescriptor"),
    (nint)dnn.F.cudnnDestroyPoolingDescriptor)
{
    readonly CudaDNNContext dnn = dnn;
    (CudnnPoolingMode Mode, int H, int W, int PadH, int PadW, int StrideH, int StrideW) described;

    public void SetPooling2dDescriptor(CudnnPoolingMode mode, CudnnNanPropagation nan, int windowH, int windowW, int padH, int padW, int strideH, int strideW)
    {
        described = (mode, windowH, windowW, padH, padW, strideH, strideW);
        dnn.Check(dnn.F.cudnnSetPooling2dDescriptor(this, mode, nan, windowH, windowW, padH, padW, strideH, strideW), "cudnnSetPooling2dDescriptor", this);
    }

    public override string ToString()
    {
        var (mode, h, w, padH, padW, strideH, strideW) = described;
        return $"{mode} of {h} x {w}, padding {padH} x {padW}, stride {strideH} x {strideW}";
    }
}
