namespace Tessera.Cuda;

/// <summary>Element types (<c>cudnnDataType_t</c>).</summary>
internal enum CudnnDataType
{
    Float = 0,
}

/// <summary>The order of a tensor in memory (<c>cudnnTensorFormat_t</c>).</summary>
internal enum CudnnTensorFormat
{
    Nchw = 0,
    Nhwc = 1,
}

/// <summary>Whether a convolution turns its kernel around (<c>cudnnConvolutionMode_t</c>).</summary>
internal enum CudnnConvolutionMode
{
    CrossCorrelation = 1,
}

/// <summary>What a convolution may compute with (<c>cudnnMathType_t</c>): TF32, or float32 alone.</summary>
internal enum CudnnMathType
{
    DefaultMath = 0,
    FmaMath = 3,
}

/// <summary>Which elements share statistics (<c>cudnnBatchNormMode_t</c>): those of a channel.</summary>
internal enum CudnnBatchNormMode
{
    Spatial = 1,
}

/// <summary>What a pool makes of its window (<c>cudnnPoolingMode_t</c>).</summary>
internal enum CudnnPoolingMode
{
    Max = 0,
    AverageCountIncludePadding = 1,
    AverageCountExcludePadding = 2,
}

/// <summary>What a maximum makes of a NaN (<c>cudnnNanPropagation_t</c>).</summary>
internal enum CudnnNanPropagation
{
    PropagateNan = 1,
}

/// <summary>How a softmax is computed (<c>cudnnSoftmaxAlgorithm_t</c>): from the largest element on, or its logarithm.</summary>
internal enum CudnnSoftmaxAlgorithm
{
    Accurate = 1,
    Log = 2,
}

/// <summary>Along what a softmax runs (<c>cudnnSoftmaxMode_t</c>).</summary>
internal enum CudnnSoftmaxMode
{
    Channel = 1,
}

/// <summary>
/// What a search tells of an algorithm (<c>cudnnConvolutionFwdAlgoPerf_t</c> and its two sisters). Its number is one of <c>cudnnConvolutionFwdAlgo_t</c>,
/// <c>cudnnConvolutionBwdDataAlgo_t</c> or <c>cudnnConvolutionBwdFilterAlgo_t</c>.
/// </summary>
internal struct CudnnConvolutionAlgoPerf
{
    public int Algo, Status;
    public float Time;
    public nuint Memory;
    public int Determinism;
    public CudnnMathType MathType;
    public int Reserved0, Reserved1, Reserved2;
}
