namespace Tessera.Cuda;

/// <content>Convolutions. An algorithm is a number that the search of the same pass has found, and takes the work space that it has named.</content>
internal sealed unsafe partial class CudaDNNContext
{
    /// <summary>y ← alpha · conv(x, w) + beta · y.</summary>
    public bool ConvolutionForward(float alpha, TensorDescriptor xDesc, nint x, FilterDescriptor wDesc, nint w, ConvolutionDescriptor convDesc, int algo,
        nint workSpace, long workSpaceSize, float beta, TensorDescriptor yDesc, nint y)
        => IsSupported(f.cudnnConvolutionForward(handle, &alpha, xDesc, x, wDesc, w, convDesc, algo, workSpace, (nuint)workSpaceSize, &beta, yDesc, y),
            "cudnnConvolutionForward", xDesc, wDesc, convDesc, yDesc);

    /// <summary>dx ← alpha · the gradient of x + beta · dx, from that of y.</summary>
    public bool ConvolutionBackwardData(float alpha, FilterDescriptor wDesc, nint w, TensorDescriptor dyDesc, nint dy, ConvolutionDescriptor convDesc, int algo,
        nint workSpace, long workSpaceSize, float beta, TensorDescriptor dxDesc, nint dx)
        => IsSupported(f.cudnnConvolutionBackwardData(handle, &alpha, wDesc, w, dyDesc, dy, convDesc, algo, workSpace, (nuint)workSpaceSize, &beta, dxDesc, dx),
            "cudnnConvolutionBackwardData", wDesc, dyDesc, convDesc, dxDesc);

    /// <summary>dw ← alpha · the gradient of w + beta · dw, from that of y.</summary>
    public bool ConvolutionBackwardFilter(float alpha, TensorDescriptor xDesc, nint x, TensorDescriptor dyDesc, nint dy, ConvolutionDescriptor convDesc,
        int algo, nint workSpace, long workSpaceSize, float beta, FilterDescriptor dwDesc, nint dw)
        => IsSupported(f.cudnnConvolutionBackwardFilter(handle, &alpha, xDesc, x, dyDesc, dy, convDesc, algo, workSpace, (nuint)workSpaceSize, &beta, dwDesc,
            dw), "cudnnConvolutionBackwardFilter", xDesc, dyDesc, convDesc, dwDesc);

    /// <summary>The algorithms for <see cref="ConvolutionForward"/>, measured, the fastest first; y is overwritten. None where cuDNN has no way.</summary>
    public CudnnConvolutionAlgoPerf[] FindConvolutionForwardAlgorithmEx(TensorDescriptor xDesc, nint x, FilterDescriptor wDesc, nint w,
        ConvolutionDescriptor convDesc, TensorDescriptor yDesc, nint y, int requested, nint workSpace, long workSpaceSize)
    {
        var found = new CudnnConvolutionAlgoPerf[requested];
        int count = 0;
        fixed (CudnnConvolutionAlgoPerf* p = found)
            return IsSupported(f.cudnnFindConvolutionForwardAlgorithmEx(handle, xDesc, x, wDesc, w, convDesc, yDesc, y, requested, &count, p, workSpace,
                (nuint)workSpaceSize), "cudnnFindConvolutionForwardAlgorithmEx", xDesc, wDesc, convDesc, yDesc)
                ? found[..count] : [];
    }

    /// <summary>The algorithms for <see cref="ConvolutionBackwardData"/>, measured, the fastest first; dx is overwritten. None where cuDNN has no way.</summary>
    public CudnnConvolutionAlgoPerf[] FindConvolutionBackwardDataAlgorithmEx(FilterDescriptor wDesc, nint w, TensorDescriptor dyDesc, nint dy,
        ConvolutionDescriptor convDesc, TensorDescriptor dxDesc, nint dx, int requested, nint workSpace, long workSpaceSize)
    {
        var found = new CudnnConvolutionAlgoPerf[requested];
        int count = 0;
        fixed (CudnnConvolutionAlgoPerf* p = found)
            return IsSupported(f.cudnnFindConvolutionBackwardDataAlgorithmEx(handle, wDesc, w, dyDesc, dy, convDesc, dxDesc, dx, requested, &count, p,
                workSpace, (nuint)workSpaceSize), "cudnnFindConvolutionBackwardDataAlgorithmEx", wDesc, dyDesc, convDesc, dxDesc)
                ? found[..count] : [];
    }

    /// <summary>The algorithms for <see cref="ConvolutionBackwardFilter"/>, measured, the fastest first; dw is overwritten. None where cuDNN has no way.</summary>
    public CudnnConvolutionAlgoPerf[] FindConvolutionBackwardFilterAlgorithmEx(TensorDescriptor xDesc, nint x, TensorDescriptor dyDesc, nint dy,
        ConvolutionDescriptor convDesc, FilterDescriptor dwDesc, nint dw, int requested, nint workSpace, long workSpaceSize)
    {
        var found = new CudnnConvolutionAlgoPerf[requested];
        int count = 0;
        fixed (CudnnConvolutionAlgoPerf* p = found)
            return IsSupported(f.cudnnFindConvolutionBackwardFilterAlgorithmEx(handle, xDesc, x, dyDesc, dy, convDesc, dwDesc, dw, requested, &count, p,
                workSpace, (nuint)workSpaceSize), "cudnnFindConvolutionBackwardFilterAlgorithmEx", xDesc, dyDesc, convDesc, dwDesc)
                ? found[..count] : [];
    }
}
