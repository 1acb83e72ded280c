using BenchmarkDotNet.Attributes;

namespace Tessera.Benchmarks;

/// <summary>Matrix products of the shapes that networks have, and square ones.</summary>
public class GemmKernels : IKernel
{
    Tensor a = null!, b = null!, bt = null!;

    /// <summary>M x N x K.</summary>
    [Params("512x512x512", "1024x1024x1024", "2048x2048x2048", "64x3136x576", "1000x16x512", "16x1000x2048")]
    public string Shape { get; set; } = "512x512x512";

    double IKernel.Flops => 2.0 * Sizes[0] * Sizes[1] * Sizes[2];

    double IKernel.Bytes => 0;

    int[] Sizes => [.. Shape.Split('x').Select(s => int.Parse(s, System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>Makes the operands.</summary>
    [GlobalSetup]
    public void Setup()
    {
        int[] s = Sizes;
        a = Tensor.Normal([s[0], s[2]], new Philox(1));
        b = Tensor.Normal([s[2], s[1]], new Philox(2));
        bt = Tensor.Normal([s[1], s[2]], new Philox(2)).Transpose();
    }

    /// <summary>C = A·B.</summary>
    [Benchmark]
    public void Product() => a.MatMul(b).Dispose();

    /// <summary>C = A·Bᵀ, without a copy.</summary>
    [Benchmark]
    public void ProductTransposed() => a.MatMul(bt).Dispose();
}
