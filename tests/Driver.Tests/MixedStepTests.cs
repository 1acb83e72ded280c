using Tessera.Cuda;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>What a training step in mixed precision gives a GPU to do: the numbers in docs/gpu.md.</summary>
[NonParallelizable]
public sealed class MixedStepTests
{
    /// <summary>Kernels of a step of ResNet-18, by name, and the bytes of memory that they touch.</summary>
    [Test]
    public void AStepOfResNet18([Values(DType.Float32, DType.BFloat16)] DType type)
    {
        Dictionary<string, (int Launches, long Bytes)> seen = [];
        using EmulatedCudaDriver driver = new();
        using CudaBackend backend = new(driver);
        Device device = new("counted", backend, 4L << 30);
        try
        {
            using var scope = Scope.Begin();
            Device.Default = device;
            var network = new ResNet(ResNetOptions.ResNet18 with { Classes = 7 });
            Tensor x = Tensor.Normal([2, 3, 64, 64], new Philox(1)), y = Tensor.From([1L, 4], [2]);
            (driver.Counts, driver.Reported) = (true, (kernel, report) =>
            {
                var (launches, bytes) = seen.GetValueOrDefault(kernel);
                seen[kernel] = (launches + 1, bytes + report.Counters!.FootprintRead + report.Counters.FootprintWritten);
            });
            Autocast.To(type, () => network.Forward(x)).To(DType.Float32).CrossEntropy(y).Backward();
            driver.Counts = false;
        }
        finally
        {
            Device.Default = Device.Cpu;
        }
        foreach (var (kernel, (launches, bytes)) in seen.OrderByDescending(k => k.Value.Bytes)) TestContext.Out.WriteLine($"{kernel,-32} {launches,4} {bytes / 1e6,8:0.00} MB");
        TestContext.Out.WriteLine($"{type}: {seen.Values.Sum(v => v.Launches)} launches, {seen.Values.Sum(v => v.Bytes) / 1e6:0.0} MB");
    }
}
