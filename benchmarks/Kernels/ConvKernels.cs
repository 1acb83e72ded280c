using BenchmarkDotNet.Attributes;

namespace Tessera.Benchmarks;

/// <summary>The distinct convolutions of ResNet-34, batch 16.</summary>
public class ConvKernels : IKernel
{
    const int Batch = 16;

    OurConv conv = null!;

    /// <summary>Kernel, channels and side of the input.</summary>
    [ParamsSource(nameof(Layers))]
    public string Layer { get; set; } = "";

    /// <summary>All of them.</summary>
    public static IEnumerable<string> Layers => ConvShape.ResNet34.Select(s => s.ToString());

    double IKernel.Flops => Shape.Flops(Batch);

    double IKernel.Bytes => 0;

    ConvShape Shape => ConvShape.ResNet34.First(s => s.ToString() == Layer);

    /// <summary>Makes the operands.</summary>
    [GlobalSetup]
    public void Setup() => conv = new OurConv(Shape, Batch);

    /// <summary>y = x * w.</summary>
    [Benchmark]
    public void Forward() => conv.Forward();

    /// <summary>y and both gradients; the rate counts the forward pass alone.</summary>
    [Benchmark]
    public void ForwardBackward() => conv.ForwardBackward();
}
