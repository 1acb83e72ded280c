namespace Tessera.Cuda;

internal sealed unsafe partial class CudaDNNContext
{
    /// <summary>Functions by their exported names; all have the same parameters in cuDNN 8.9 and 9.</summary>
    internal readonly struct Functions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<nint*, int> cudnnCreate = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreate");
        public readonly delegate* unmanaged<nint, int> cudnnDestroy = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroy");
        public readonly delegate* unmanaged<nint, nint, int> cudnnSetStream = (delegate* unmanaged<nint, nint, int>)l.Export("cudnnSetStream");
        public readonly delegate* unmanaged<nuint> cudnnGetVersion = (delegate* unmanaged<nuint>)l.Export("cudnnGetVersion");
        public readonly delegate* unmanaged<int, nint> cudnnGetErrorString = (delegate* unmanaged<int, nint>)l.Export("cudnnGetErrorString");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateTensorDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateTensorDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyTensorDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyTensorDescriptor");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateFilterDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateFilterDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyFilterDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyFilterDescriptor");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateConvolutionDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateConvolutionDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyConvolutionDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyConvolutionDescriptor");
        public readonly delegate* unmanaged<nint, CudnnTensorFormat, CudnnDataType, int, int, int, int, int> cudnnSetTensor4dDescriptor
            = (delegate* unmanaged<nint, CudnnTensorFormat, CudnnDataType, int, int, int, int, int>)l.Export("cudnnSetTensor4dDescriptor");
        public readonly delegate* unmanaged<nint, CudnnDataType, CudnnTensorFormat, int, int, int, int, int> cudnnSetFilter4dDescriptor
            = (delegate* unmanaged<nint, CudnnDataType, CudnnTensorFormat, int, int, int, int, int>)l.Export("cudnnSetFilter4dDescriptor");
        public readonly delegate* unmanaged<nint, int, int, int, int, int, int, CudnnConvolutionMode, CudnnDataType, int> cudnnSetConvolution2dDescriptor
            = (delegate* unmanaged<nint, int, int, int, int, int, int, CudnnConvolutionMode, CudnnDataType, int>)l.Export("cudnnSetConvolution2dDescriptor");
        public readonly delegate* unmanaged<nint, int, int> cudnnSetConvolutionGroupCount = (delegate* unmanaged<nint, int, int>)l.Export("cudnnSetConvolutionGroupCount");
        public readonly delegate* unmanaged<nint, CudnnMathType, int> cudnnSetConvolutionMathType = (delegate* unmanaged<nint, CudnnMathType, int>)l.Export("cudnnSetConvolutionMathType");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> cudnnConvolutionForward
            = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionForward");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> cudnnConvolutionBackwardData
            = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint,
                int>)l.Export("cudnnConvolutionBackwardData");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>
            cudnnConvolutionBackwardFilter = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint,
                int>)l.Export("cudnnConvolutionBackwardFilter");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, CudnnConvolutionAlgoPerf*, nint, nuint, int>
            cudnnFindConvolutionForwardAlgorithmEx = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, CudnnConvolutionAlgoPerf*,
                nint, nuint, int>)l.Export("cudnnFindConvolutionForwardAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, CudnnConvolutionAlgoPerf*, nint, nuint, int>
            cudnnFindConvolutionBackwardDataAlgorithmEx = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*,
                CudnnConvolutionAlgoPerf*, nint, nuint, int>)l.Export("cudnnFindConvolutionBackwardDataAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, CudnnConvolutionAlgoPerf*, nint, nuint, int>
            cudnnFindConvolutionBackwardFilterAlgorithmEx = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*,
                CudnnConvolutionAlgoPerf*, nint, nuint, int>)l.Export("cudnnFindConvolutionBackwardFilterAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, CudnnBatchNormMode, int> cudnnDeriveBNTensorDescriptor
            = (delegate* unmanaged<nint, nint, CudnnBatchNormMode, int>)l.Export("cudnnDeriveBNTensorDescriptor");
        public readonly delegate* unmanaged<nint, CudnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint, nint, nint, double, int>
            cudnnBatchNormalizationForwardInference = (delegate* unmanaged<nint, CudnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint,
                nint, nint, double, int>)l.Export("cudnnBatchNormalizationForwardInference");
        public readonly delegate* unmanaged<nint, CudnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint, double, nint, nint, double, nint, nint, int>
            cudnnBatchNormalizationForwardTraining = (delegate* unmanaged<nint, CudnnBatchNormMode, float*, float*, nint, nint, nint, nint, nint, nint, nint,
                double, nint, nint, double, nint, nint, int>)l.Export("cudnnBatchNormalizationForwardTraining");
        public readonly delegate* unmanaged<nint, CudnnBatchNormMode, float*, float*, float*, float*, nint, nint, nint, nint, nint, nint, nint, nint, nint, nint, double, nint, nint, int>
            cudnnBatchNormalizationBackward = (delegate* unmanaged<nint, CudnnBatchNormMode, float*, float*, float*, float*, nint, nint, nint, nint, nint,
                nint, nint, nint, nint, nint, double, nint, nint, int>)l.Export("cudnnBatchNormalizationBackward");
        public readonly delegate* unmanaged<nint*, int> cudnnCreatePoolingDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreatePoolingDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyPoolingDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyPoolingDescriptor");
        public readonly delegate* unmanaged<nint, CudnnPoolingMode, CudnnNanPropagation, int, int, int, int, int, int, int> cudnnSetPooling2dDescriptor
            = (delegate* unmanaged<nint, CudnnPoolingMode, CudnnNanPropagation, int, int, int, int, int, int, int>)l.Export("cudnnSetPooling2dDescriptor");
        public readonly delegate* unmanaged<nint, nint, float*, nint, nint, float*, nint, nint, int> cudnnPoolingForward
            = (delegate* unmanaged<nint, nint, float*, nint, nint, float*, nint, nint, int>)l.Export("cudnnPoolingForward");
        public readonly delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, nint, nint, float*, nint, nint, int> cudnnPoolingBackward
            = (delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, nint, nint, float*, nint, nint, int>)l.Export("cudnnPoolingBackward");
        public readonly delegate* unmanaged<nint, CudnnSoftmaxAlgorithm, CudnnSoftmaxMode, float*, nint, nint, float*, nint, nint, int> cudnnSoftmaxForward
            = (delegate* unmanaged<nint, CudnnSoftmaxAlgorithm, CudnnSoftmaxMode, float*, nint, nint, float*, nint, nint, int>)l.Export("cudnnSoftmaxForward");
        public readonly delegate* unmanaged<nint, CudnnSoftmaxAlgorithm, CudnnSoftmaxMode, float*, nint, nint, nint, nint, float*, nint, nint, int>
            cudnnSoftmaxBackward = (delegate* unmanaged<nint, CudnnSoftmaxAlgorithm, CudnnSoftmaxMode, float*, nint, nint, nint, nint, float*, nint, nint,
                int>)l.Export("cudnnSoftmaxBackward");
    }
}
