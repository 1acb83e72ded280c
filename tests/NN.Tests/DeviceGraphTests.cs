using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Recorded work gives what the same work gives when it is done step by step.</summary>
public sealed class DeviceGraphTests
{
    static IEnumerable<Device> Devices() => Device.All().Where(d => d.Name != "cpu" && d.WhyNot is null).Select(d => Device.Parse(d.Name));

    [TestCaseSource(nameof(Devices))]
    public void A_network_sees_its_new_input(Device device)
    {
        using var scope = Scope.Begin();
        Device.Default = device;
        var network = new Sequential(new Conv2d(3, 8, 3, padding: 1), new BatchNorm2d(8), new Relu(), new MaxPool2d(2), new Flatten(), new Linear(8 * 4 * 4, 5)).Eval();
        Tensor x = Tensor.Normal([2, 3, 8, 8], new Philox(1)), y = Tensor.Zeros([2, 5]);
        using var noGrad = Autograd.NoGrad();
        using var graph = DeviceGraph.Record(device, () =>
        {
            using var step = Scope.Begin();
            y.CopyFrom(network.Forward(x));
        });
        for (ulong seed = 2; seed < 5; seed++)
        {
            x.CopyFrom(Tensor.Normal([2, 3, 8, 8], new Philox(seed)));
            float[] expected = network.Forward(x).ToArray<float>();
            Tensor.Normal([100_000], new Philox(9)); // other work may use any memory but the graph's
            graph.Replay();
            Assert.That(y.ToArray<float>(), Is.EqualTo(expected));
        }
    }

    [TestCaseSource(nameof(Devices))]
    public void Reading_while_recording_is_an_error_and_the_device_goes_on(Device device)
    {
        using var scope = Scope.Begin();
        Device.Default = device;
        var x = Tensor.Ones([4]);
        bool first = true;
        var e = Assert.Throws<CudaException>(() => DeviceGraph.Record(device, () =>
        {
            if (!first) x.ToArray<float>();
            first = false;
        }));
        Assert.That(e!.Message, Does.Contain("CAPTURE").And.Contain("Hint: while a graph is recorded"));
        Assert.That((x + 1).ToArray<float>(), Is.EqualTo(new float[] { 2, 2, 2, 2 }));
    }

    [Test]
    public void The_processor_cannot_record()
        => Assert.That(() => DeviceGraph.Record(Device.Cpu, () => { }), Throws.InstanceOf<DeviceException>().With.Message.Contains("got cpu, expected a GPU"));

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;
}
