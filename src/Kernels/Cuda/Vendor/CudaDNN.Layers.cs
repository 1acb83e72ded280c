namespace Tessera.Cuda;

/// <content>Batch norm, pools and softmax.</content>
internal sealed unsafe partial class CudaDNNContext
{
    /// <summary>Describes the numbers that a batch norm of x has for each channel.</summary>
    public void DeriveBNTensorDescriptor(TensorDescriptor derivedBnDesc, TensorDescriptor xDesc, CudnnBatchNormMode mode)
        => Check(f.cudnnDeriveBNTensorDescriptor(derivedBnDesc, xDesc, mode), "cudnnDeriveBNTensorDescriptor");

    /// <summary>y ← alpha · ((x - mean)/√(variance + epsilon)·scale + bias) + beta · y for each channel.</summary>
    public bool BatchNormalizationForwardInference(
        CudnnBatchNormMode mode, float alpha, float beta, TensorDescriptor xDesc, nint x, TensorDescriptor yDesc, nint y, TensorDescriptor bnDesc, nint scale,
            nint bias, nint mean, nint variance, double epsilon)
        => IsSupported(f.cudnnBatchNormalizationForwardInference(handle, mode, &alpha, &beta, xDesc, x, yDesc, y, bnDesc, scale, bias, mean, variance, epsilon),
            "cudnnBatchNormalizationForwardInference", xDesc, yDesc, bnDesc);

    /// <summary>
    /// The same with the statistics of x itself. Running mean and unbiased variance take a step of <paramref name="factor"/> towards them; saved are the mean and 1/√(biased variance + epsilon).
    /// </summary>
    public bool BatchNormalizationForwardTraining(
        CudnnBatchNormMode mode, float alpha, float beta, TensorDescriptor xDesc, nint x, TensorDescriptor yDesc, nint y, TensorDescriptor bnDesc, nint scale,
            nint bias, double factor, nint runningMean, nint runningVariance, double epsilon,
        nint saveMean, nint saveInvVariance)
        => IsSupported(f.cudnnBatchNormalizationForwardTraining(handle, mode, &alpha, &beta, xDesc, x, yDesc, y, bnDesc, scale, bias, factor, runningMean,
            runningVariance, epsilon, saveMean, saveInvVariance),
            "cudnnBatchNormalizationForwardTraining", xDesc, yDesc, bnDesc);

    /// <summary>dx, dScale and dBias ← alpha · their gradients + beta · themselves, with the statistics that training saved. dx must not be dy.</summary>
    public bool BatchNormalizationBackward(
        CudnnBatchNormMode mode, float alphaData, float betaData, float alphaParam, float betaParam, TensorDescriptor xDesc, nint x, TensorDescriptor dyDesc,
            nint dy, TensorDescriptor dxDesc, nint dx, TensorDescriptor bnDesc, nint scale,
        nint dScale, nint dBias, double epsilon, nint savedMean, nint savedInvVariance)
        => IsSupported(f.cudnnBatchNormalizationBackward(handle, mode, &alphaData, &betaData, &alphaParam, &betaParam, xDesc, x, dyDesc, dy, dxDesc, dx, bnDesc,
            scale, dScale, dBias, epsilon, savedMean, savedInvVariance),
            "cudnnBatchNormalizationBackward", xDesc, dyDesc, dxDesc, bnDesc);

    /// <summary>y ← alpha · a pool of x + beta · y.</summary>
    public bool PoolingForward(PoolingDescriptor poolingDesc, float alpha, TensorDescriptor xDesc, nint x, float beta, TensorDescriptor yDesc, nint y)
        => IsSupported(f.cudnnPoolingForward(handle, poolingDesc, &alpha, xDesc, x, &beta, yDesc, y), "cudnnPoolingForward", poolingDesc, xDesc, yDesc);

    /// <summary>dx ← alpha · the gradient of a pool + beta · dx.</summary>
    public bool PoolingBackward(
        PoolingDescriptor poolingDesc, float alpha, TensorDescriptor yDesc, nint y, TensorDescriptor dyDesc, nint dy, TensorDescriptor xDesc, nint x, float beta, TensorDescriptor dxDesc, nint dx)
        => IsSupported(f.cudnnPoolingBackward(handle, poolingDesc, &alpha, yDesc, y, dyDesc, dy, xDesc, x, &beta, dxDesc, dx), "cudnnPoolingBackward", poolingDesc, yDesc, dyDesc, xDesc, dxDesc);

    /// <summary>y ← alpha · softmax(x), or its logarithm, + beta · y.</summary>
    public bool SoftmaxForward(CudnnSoftmaxAlgorithm algorithm, CudnnSoftmaxMode mode, float alpha, TensorDescriptor xDesc, nint x, float beta, TensorDescriptor yDesc, nint y)
        => IsSupported(f.cudnnSoftmaxForward(handle, algorithm, mode, &alpha, xDesc, x, &beta, yDesc, y), "cudnnSoftmaxForward", xDesc, yDesc);

    /// <summary>dx ← alpha · the gradient of a softmax y, or of its logarithm, + beta · dx.</summary>
    public bool SoftmaxBackward(CudnnSoftmaxAlgorithm algorithm, CudnnSoftmaxMode mode, float alpha, TensorDescriptor yDesc, nint y, TensorDescriptor dyDesc,
        nint dy, float beta, TensorDescriptor dxDesc, nint dx)
        => IsSupported(f.cudnnSoftmaxBackward(handle, algorithm, mode, &alpha, yDesc, y, dyDesc, dy, &beta, dxDesc, dx), "cudnnSoftmaxBackward", yDesc, dyDesc, dxDesc);
}
