namespace Tessera.Tests;

public sealed class Conv2dIntoTests
{
    static readonly Window2d window = new(3, 3, 1, 1, 1, 1, 1, 1);

    [Test]
    public void WritesTheChannelsItIsGivenAndNoOthers([Values(16, 17)] int channels, [Values] bool relu)
    {
        using var noGrad = Autograd.NoGrad();
        Tensor x = Tensor.Normal([2, channels, 12, 11], new Philox(1)), w = Tensor.Normal([33, channels, 3, 3], new Philox(2)), b = Tensor.Normal([33], new Philox(3));
        var y = Tensor.Full([2, 50, 12, 11], 7);
        x.Conv2dInto(y.Narrow(1, 10, 33), w, b, window, relu);
        Assert.That(y.Narrow(1, 10, 33).ToArray<float>(), Is.EqualTo(x.Conv2d(w, b, window, relu: relu).ToArray<float>()));
        Assert.That(y.Narrow(1, 0, 10).ToArray<float>().Concat(y.Narrow(1, 43, 7).ToArray<float>()), Is.All.EqualTo(7));
        var turned = Tensor.Zeros([2, 33, 11, 12]).Permute(0, 1, 3, 2); // no channels of a batch: a copy
        x.Conv2dInto(turned, w, b, window, relu);
        Assert.That(turned.ToArray<float>(), Is.EqualTo(x.Conv2d(w, b, window, relu: relu).ToArray<float>()));
    }

    [Test]
    public void RefusesWhatDoesNotFit()
    {
        Tensor x = Tensor.Ones([1, 2, 4, 4]), w = Tensor.Ones([3, 2, 3, 3]), y = Tensor.Zeros([1, 3, 4, 4]);
        Assert.That(() => x.Conv2dInto(Tensor.Zeros([1, 3, 2, 2]), w, null, window), Throws.InstanceOf<ShapeException>().With.Message.Contains("[1, 3, 2, 2]").And.Message.Contains("[1, 3, 4, 4]"));
        Assert.That(() => x.Conv2dInto(y, Tensor.Ones([3, 5, 3, 3]), null, window), Throws.InstanceOf<ShapeException>());
        Assert.That(() => x.Conv2dInto(y, w, Tensor.Ones([4]), window), Throws.InstanceOf<ShapeException>().With.Message.Contains("bias"));
        Assert.That(() => x.Conv2dInto(Tensor.Zeros([1, 3, 4, 4], DType.Int64), w, null, window), Throws.InstanceOf<DTypeException>());
        Assert.That(() => x.Conv2dInto(y.To(Device.Emulator), w, null, window), Throws.InstanceOf<DeviceException>().With.Message.Contains("one device"));
        w.RequiresGrad = true;
        Assert.That(() => x.Conv2dInto(y, w, null, window), Throws.InstanceOf<AutogradException>().With.Message.Contains("NoGrad"));
    }

    [Test]
    public void WorksOnTheEmulator()
    {
        using var noGrad = Autograd.NoGrad();
        Tensor x = Tensor.Normal([1, 4, 5, 6], new Philox(1)), w = Tensor.Normal([6, 4, 3, 3], new Philox(2)), b = Tensor.Normal([6], new Philox(3));
        var y = Tensor.Zeros([1, 9, 5, 6], Device.Emulator);
        x.To(Device.Emulator).Conv2dInto(y.Narrow(1, 2, 6), w.To(Device.Emulator), b.To(Device.Emulator), window, relu: true);
        Assert.That(y.Narrow(1, 2, 6).To(Device.Cpu).ToArray<float>(), Is.EqualTo(x.Conv2d(w, b, window, relu: true).ToArray<float>()).Within(1e-5f));
    }
}
