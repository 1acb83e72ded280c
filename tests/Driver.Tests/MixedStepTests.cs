using Tessera.Cuda;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>What a training step in mixed precision gives a GPU to do: the numbers in docs/gpu.md.</summary>
[NonParallelizable]
public sealed class MixedStepTests
{
    /// <summary>ResNet-18 with a quarter of its channels: activations outweigh the weights, as they do in a batch of usual size.</summary>
    [Test]
    public void AStepOfASlimResNet18()
    {
        var (launches, bytes, seen) = Step(ResNetOptions.ResNet18 with { Width = 16, Classes = 7 }, photos: 8, DType.BFloat16);
        Assert.That(launches, Is.InRange(300, 385), "docs/gpu.md says 375");
        Assert.That(bytes / 1e6, Is.InRange(40, 52), "docs/gpu.md says 49");
        Assert.That(seen.Where(k => k.Key.StartsWith("widen_", StringComparison.Ordinal)).Sum(k => k.Value.Launches), Is.LessThan(12), "the photos, what the first convolution takes and gives, and the logits");
    }

    /// <summary>Kernels of a step of ResNet-18, by name, and the bytes of memory that they touch.</summary>
    [Test, Explicit("a report: half a minute each")]
    public void AStepOfResNet18([Values(DType.Float32, DType.BFloat16)] DType type) => Step(ResNetOptions.ResNet18 with { Classes = 7 }, photos: 2, type);

    static (int Launches, long Bytes, Dictionary<string, (int Launches, long Bytes)> Seen) Step(ResNetOptions options, int photos, DType type)
    {
        Dictionary<string, (int Launches, long Bytes)> seen = [];
        using EmulatedCudaDriver driver = new();
        using CudaBackend backend = new(driver);
        Device device = new("counted", backend, 4L << 30);
        try
        {
            using var scope = Scope.Begin();
            Device.Default = device;
            var network = new ResNet(options);
            Tensor x = Tensor.Normal([photos, 3, 64, 64], new Philox(1)), y = Tensor.From([.. Enumerable.Range(0, photos).Select(i => (long)(i % 7))], [photos]);
            driver.Reported = (kernel, report) =>
            {
                var (launches, bytes) = seen.GetValueOrDefault(kernel);
                seen[kernel] = (launches + 1, bytes + report.Counters!.FootprintRead + report.Counters.FootprintWritten);
            };
            driver.Counts = true;
            Autocast.To(type, () => network.Forward(x)).To(DType.Float32).CrossEntropy(y).Backward();
            driver.Counts = false;
        }
        finally
        {
            Device.Default = Device.Cpu;
        }
        foreach (var (kernel, (launches, bytes)) in seen.OrderByDescending(k => k.Value.Bytes)) TestContext.Out.WriteLine($"{kernel,-32} {launches,4} {bytes / 1e6,8:0.00} MB");
        var (allLaunches, allBytes) = (seen.Values.Sum(v => v.Launches), seen.Values.Sum(v => v.Bytes));
        TestContext.Out.WriteLine($"{type}: {allLaunches} launches, {allBytes / 1e6:0.0} MB");
        return (allLaunches, allBytes, seen);
    }
}
