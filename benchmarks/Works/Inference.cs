using Microsoft.ML.OnnxRuntime;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>A network that is asked for its output again and again.</summary>
interface IInference : IDisposable
{
    /// <summary>The output for the batch it was made with.</summary>
    void Run();
}

/// <summary>A network in Tessera.</summary>
sealed class OurInference : IInference
{
    readonly Module network;
    readonly Tensor x;
    readonly DType precision;

    OurInference(Module network, float[] photos, Shape shape, DType precision = DType.Float32)
    {
        this.precision = precision;
        this.network = network.Eval();
        x = Tensor.From(photos, shape);
    }

    /// <summary>A ResNet with its batch norms, fresh weights; in 16 bits where <see cref="Autocast"/> is to store activations so.</summary>
    public static OurInference ResNet(int depth, BenchSize size, int batch, DType precision = DType.Float32) =>
        new(new ResNet(Networks.Options(depth, size.Width)), Networks.Photos(batch, size.Side), [batch, 3, size.Side, size.Side], precision);

    /// <summary>A network from an ONNX file.</summary>
    public static OurInference Onnx(string file, int side, int batch) =>
        new(OnnxModel.Load(file).ToModule(), Networks.Photos(batch, side), [batch, 3, side, side]);

    public void Run()
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        Autocast.To(precision, () => network.Forward(x));
    }

    /// <summary>The output, row after row.</summary>
    public float[] Output()
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        return network.Forward(x).ToArray<float>();
    }

    public void Dispose() => x.Dispose();
}

/// <summary>A ResNet in TorchSharp: evaluation mode, inference mode, one of the two memory layouts.</summary>
sealed class TorchInference : IInference
{
    readonly TorchResNet network;
    readonly TorchTensor x;

    public TorchInference(int depth, BenchSize size, int batch, bool channelsLast)
    {
        network = new TorchResNet(depth, width: size.Width);
        network.eval();
        TorchLayout.Apply(network, channelsLast);
        x = TorchLayout.Of(Torch.tensor(Networks.Photos(batch, size.Side), [batch, 3, size.Side, size.Side]), channelsLast);
    }

    public void Run()
    {
        using var inference = Torch.inference_mode();
        using var scope = Torch.NewDisposeScope();
        network.call(x);
    }

    public void Dispose()
    {
        x.Dispose();
        network.Dispose();
    }
}

/// <summary>A network in ONNX Runtime: all optimisations, all threads, input and output bound once.</summary>
sealed class OrtInference : IInference
{
    readonly InferenceSession session;
    readonly RunOptions options = new();
    readonly float[] output;
    readonly OrtValue[] x, y;

    public OrtInference(string file, int side, int batch)
    {
        using var settings = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = Machine.Threads,
        };
        session = new InferenceSession(file, settings);
        output = new float[batch * 1000];
        x = [OrtValue.CreateTensorValueFromMemory(Networks.Photos(batch, side), [batch, 3, side, side])];
        y = [OrtValue.CreateTensorValueFromMemory(output, [batch, 1000])];
    }

    public void Run() => session.Run(options, [OnnxGraph.Input], x, [OnnxGraph.Output], y);

    /// <summary>The output of the latest run.</summary>
    public ReadOnlySpan<float> Output => output;

    public void Dispose()
    {
        x[0].Dispose();
        y[0].Dispose();
        options.Dispose();
        session.Dispose();
    }
}
