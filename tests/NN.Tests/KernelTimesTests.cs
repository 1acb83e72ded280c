using Tessera.Testing;

namespace Tessera.Tests;

public sealed class KernelTimesTests
{
    [Test]
    public void EveryLaunchIsCountedOnce()
    {
        using var scope = Scope.Begin();
        Tensor a = Tensor.Normal([8, 8], new Philox(1), device: TestDevices.Gpu), b = Tensor.Normal([8, 8], new Philox(2), device: TestDevices.Gpu);
        IReadOnlyList<KernelTime> times = KernelTimes.Of(TestDevices.Gpu, () =>
        {
            for (int i = 0; i < 3; i++) a.MatMul(b).Softmax(-1);
        });
        Assert.That(times.Select(t => t.Launches), Is.EqualTo([3, 3]));
        Assert.That(times.Select(t => t.Kernel), Is.EquivalentTo(["gemm_tiles", "softmax_row"]));
        Assert.That(times.Select(t => t.Milliseconds), Is.All.Positive);
        Assert.That(times.Select(t => t.Milliseconds), Is.Ordered.Descending);
        Assert.That(KernelTimes.Of(TestDevices.Gpu, () => { }), Is.Empty, "only what was launched within");
    }

    [Test]
    public void OneMeasurementAtATimeAndOnlyOfKernels()
    {
        Assert.That(() => KernelTimes.Of(Device.Cpu, () => { }), Throws.TypeOf<DeviceException>().With.Message.Contains("got cpu, expected a GPU"));
        Assert.That(() => KernelTimes.Of(TestDevices.Gpu, () => KernelTimes.Of(TestDevices.Gpu, () => { })), Throws.TypeOf<DeviceException>().With.Message.Contains("one at a time"));
        Assert.That(KernelTimes.Of(TestDevices.Gpu, () => { }), Is.Empty, "after a failed one");
    }
}
