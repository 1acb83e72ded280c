using Tessera.NN;
using Tessera.Testing;
using Tessera.Tests.Interpretation;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>A whole ResNet-18, with a quarter of its channels, in 16 bits: losses, memory, predictions.</summary>
[NonParallelizable]
public sealed class MixedPrecisionTests
{
    const int Side = 64, Batch = 8, Steps = 3;

    static readonly ResNetOptions slim = ResNetOptions.ResNet18 with { Width = 16, Classes = 10 };

    static Learner ResNet18()
    {
        Generator.Seed(3);
        var photos = new TensorDataset(Tensor.Normal([Batch * Steps, 3, Side, Side], new Philox(1)), Tensor.From([.. Enumerable.Range(0, Batch * Steps).Select(i => (long)(i % slim.Classes))], [Batch * Steps]));
        return new Learner(new DataBunch(new DataLoader(photos, Batch, workers: 0)), new ResNet(slim), new CrossEntropyLoss()) { Display = null };
    }

    static double Epsilon(DType type) => type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256;

    static double[] Losses(Action<Learner> precision)
    {
        var learn = ResNet18();
        precision(learn);
        learn.Fit(1, 1e-4);
        return [.. learn.Recorder.BatchLosses];
    }

    /// <summary>
    /// About 40 roundings of eps/2 each lie between the photos and the logits; batch norms keep their size, so they add up like a random walk: 40^(1/2) eps/√12, some 2 eps
    /// of logits of about 1, and a loss moves by no more than twice what a logit does. The bound is four times that for the first step; the next ones start from other weights.
    /// </summary>
    [Test]
    public void LossesFollowThoseOfFloat32()
    {
        double[] exact = Losses(_ => { });
        foreach (var (type, losses) in new[] { (DType.Float16, Losses(l => l.ToFp16())), (DType.BFloat16, Losses(l => l.ToBf16())) })
        {
            TestContext.Out.WriteLine($"{type}: {string.Join(", ", losses.Zip(exact, (a, b) => $"{a:0.0000} ({a - b:0.0000})"))}");
            Assert.That(losses[0], Is.EqualTo(exact[0]).Within(16 * Epsilon(type)).And.Not.EqualTo(exact[0]));
            Assert.That(losses, Is.EqualTo(exact).Within(48 * Epsilon(type)));
        }
    }

    /// <summary>Every family of networks runs forward and backward in 16 bits; the first channels of its features are near those of float32.</summary>
    [TestCase("squeezenet1_1"), TestCase("densenet121"), TestCase("mobilenet_v2"), TestCase("mobilenet_v3_small"), TestCase("efficientnet_b0"), TestCase("convnext_tiny")]
    public void EveryFamilyOfNetworks(string name)
    {
        using var scope = Scope.Begin();
        Generator.Seed(3);
        var body = Architecture.Named(name).Create().Body;
        body.Eval(); // with the running statistics no rounding is blown up by a batch of two
        var x = Tensor.Normal([2, 3, 32, 32], new Philox(1));
        float[] exact = Autograd.NoGrad(() => body.Call(x)).ToArray<float>();
        var y = Autocast.To(DType.BFloat16, () => body.Call(x));
        Assert.That(y.DType, Is.EqualTo(DType.BFloat16));
        var wide = y.To(DType.Float32);
        float[] half = wide.ToArray<float>();
        double difference = Math.Sqrt(half.Zip(exact, (a, b) => (double)(a - b) * (a - b)).Sum() / exact.Sum(v => (double)v * v));
        TestContext.Out.WriteLine($"{name}: {difference:0.0000} of the features' size");
        Assert.That(difference, Is.LessThan(24 * Epsilon(DType.BFloat16)).And.GreaterThan(0));
        wide.Square().Mean().Backward();
        Assert.That(body.Parameters().Where(p => p.Grad is not null).Select(p => p.Grad!.DType), Is.Not.Empty.And.All.EqualTo(DType.Float32));
        body.ZeroGrad();
        foreach (var t in body.StateDict().Values) t.Dispose();
    }

    /// <summary>What a step holds between its forward and its backward pass.</summary>
    [Test]
    public void ActivationsTakeAboutHalfTheMemory()
    {
        var (exact, half) = (Step(slim, Batch, Side, DType.Float32), Step(slim, Batch, Side, DType.BFloat16));
        TestContext.Out.WriteLine($"held after the forward pass {exact.Held >> 10} KiB, in 16 bits {half.Held >> 10} KiB; at most {exact.Peak >> 10} and {half.Peak >> 10} KiB");
        Assert.That(half.Held, Is.LessThan(0.6 * exact.Held));
        Assert.That(half.Peak, Is.LessThan(exact.Peak));
    }

    /// <summary>The figures of docs/training.md.</summary>
    [Test, Explicit("a report: a whole ResNet at 224 pixels")]
    public void MemoryOfALargeStep()
    {
        foreach (var type in new[] { DType.Float32, DType.BFloat16 })
        {
            var (held, peak) = Step(ResNetOptions.ResNet18, Batch, 224, type);
            TestContext.Out.WriteLine($"ResNet-18, {Batch} photos of 224 px, {type}: {held >> 20} MiB held after the forward pass, at most {peak >> 20} MiB in the step");
        }
    }

    /// <summary>Bytes beside weights and photos: after the forward pass, and at most during forward and backward pass, weight gradients included.</summary>
    static (long Held, long Peak) Step(ResNetOptions options, int batch, int side, DType type)
    {
        using var scope = Scope.Begin();
        var network = new ResNet(options);
        var x = Tensor.Normal([batch, 3, side, side], new Philox(1));
        Device.Cpu.Memory.ResetPeak();
        long before = Device.Cpu.Memory.Live;
        Tensor loss;
        using (Autocast.To(type)) loss = network.Call(x).To(DType.Float32).Square().Sum();
        long held = Device.Cpu.Memory.Live - before;
        loss.Backward();
        long peak = Device.Cpu.Memory.Peak - before;
        network.ZeroGrad();
        foreach (var t in network.StateDict().Values) t.Dispose();
        return (held, peak);
    }

    [Test]
    public void PredictionsAndTestTimeAugmentationWorkInHalf()
    {
        var learn = SmallNetworks.OverPets(Transforms.Default());
        float[] exact = learn.GetPreds().Probabilities.ToArray<float>();
        foreach (var (type, change) in new (DType, Action)[] { (DType.Float16, () => learn.ToFp16()), (DType.BFloat16, () => learn.ToBf16()) })
        {
            change();
            float[] half = learn.GetPreds().Probabilities.ToArray<float>();
            Assert.That(half.Zip(exact, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(24 * Epsilon(type)).And.GreaterThan(0));
            var tta = learn.TestTimeAugmentation();
            Assert.That(tta.Probabilities.DType, Is.EqualTo(DType.Float32));
            Assert.That(tta.Probabilities.Sum(1).ToArray<float>(), Is.All.EqualTo(1f).Within(1e-5f));
        }
    }
}
