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

    public void SetTensor4dDescriptor(DnnTensorFormat format, DnnDataType dataType, int n, int c, int h, int w)
        => dnn.Check(dnn.F.cudnnSetTensor4dDescriptor(this, format, dataType, n, c, h, w), "cudnnSetTensor4dDescriptor");
}

/// <summary>The same of a weight (<c>cudnnFilterDescriptor_t</c>).</summary>
internal sealed unsafe class FilterDescriptor(CudaDNNContext dnn) : Descriptor(dnn.Create(dnn.F.cudnnCreateFilterDescriptor, "cudnnCreateFilterDescriptor"), (nint)dnn.F.cudnnDestroyFilterDescriptor)
{
    readonly CudaDNNContext dnn = dnn;

    public void SetFilter4dDescriptor(DnnDataType dataType, DnnTensorFormat format, int k, int c, int h, int w)
        => dnn.Check(dnn.F.cudnnSetFilter4dDescriptor(this, dataType, format, k, c, h, w), "cudnnSetFilter4dDescriptor");
}

/// <summary>Geometry of a convolution, and what it may compute with (<c>cudnnConvolutionDescriptor_t</c>).</summary>
internal sealed unsafe class ConvolutionDescriptor(CudaDNNContext dnn)
    : Descriptor(dnn.Create(dnn.F.cudnnCreateConvolutionDescriptor, "cudnnCreateConvolutionDescriptor"), (nint)dnn.F.cudnnDestroyConvolutionDescriptor)
{
    readonly CudaDNNContext dnn = dnn;

    public void SetConvolution2dDescriptor(int padH, int padW, int strideH, int strideW, int dilationH, int dilationW, DnnConvolutionMode mode, DnnDataType dataType)
        => dnn.Check(dnn.F.cudnnSetConvolution2dDescriptor(this, padH, padW, strideH, strideW, dilationH, dilationW, mode, dataType), "cudnnSetConvolution2dDescriptor");

    public void SetConvolutionGroupCount(int groups) => dnn.Check(dnn.F.cudnnSetConvolutionGroupCount(this, groups), "cudnnSetConvolutionGroupCount");

    public void SetConvolutionMathType(DnnMathType type) => dnn.Check(dnn.F.cudnnSetConvolutionMathType(this, type), "cudnnSetConvolutionMathType");
}

/// <summary>Windows of a pool (<c>cudnnPoolingDescriptor_t</c>).</summary>
internal sealed unsafe class PoolingDescriptor(CudaDNNContext dnn)
    : Descriptor(dnn.Create(dnn.Layers.cudnnCreatePoolingDescriptor, "cudnnCreatePoolingDescriptor"), (nint)dnn.Layers.cudnnDestroyPoolingDescriptor)
{
    readonly CudaDNNContext dnn = dnn;

    public void SetPooling2dDescriptor(DnnPoolingMode mode, DnnNanPropagation nan, int windowH, int windowW, int padH, int padW, int strideH, int strideW)
        => dnn.Check(dnn.Layers.cudnnSetPooling2dDescriptor(this, mode, nan, windowH, windowW, padH, padW, strideH, strideW), "cudnnSetPooling2dDescriptor");
}
