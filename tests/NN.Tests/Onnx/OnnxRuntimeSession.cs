using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Tessera.Tests;

/// <summary>ONNX Runtime, the other program that our files are run by.</summary>
sealed class OnnxRuntimeSession(byte[] model) : IDisposable
{
    readonly InferenceSession session = new(model, new SessionOptions { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR });

    public IReadOnlyDictionary<string, string> Metadata => session.ModelMetadata.CustomMetadataMap;

    public int[] InputShape => session.InputMetadata.Values.Single().Dimensions;

    public int[] OutputShape => session.OutputMetadata.Values.Single().Dimensions;

    public float[] Run(Tensor x) => x.DType == DType.UInt8 ? Run(x.ToArray<byte>(), x.Shape) : Run(x.ToArray<float>(), x.Shape);

    float[] Run<T>(T[] elements, Shape shape)
    {
        var input = NamedOnnxValue.CreateFromTensor(session.InputMetadata.Keys.Single(), new DenseTensor<T>(elements, shape.ToArray()));
        using var results = session.Run([input]);
        return [.. results.Single().AsEnumerable<float>()];
    }

    public void Dispose() => session.Dispose();
}
