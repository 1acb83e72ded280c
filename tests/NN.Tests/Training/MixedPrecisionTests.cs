using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Training and prediction in 16 bits, and the scale of the loss.</summary>
[NonParallelizable]
public sealed class MixedPrecisionTests
{
    static Learner Half(Learner learn, DType type) => type == DType.Float16 ? learn.ToFp16() : learn.ToBf16();

    /// <summary>A gradient of the first parameter becomes infinite in the chosen batches, before anybody reads it.</summary>
    static Probe Overflow(Func<int, bool> when) => new()
    {
        At = -9,
        Event = (e, s) =>
        {
            if (e == "backward_end" && when(s.Iteration)) s.Learner.Model.Parameters().First(p => p.Grad is not null).Grad!.Narrow(0, 0, 1).CopyFrom(Tensor.Scalar(double.PositiveInfinity));
        },
    };

    [TestCase(DType.Float16, 1.0 / 2048)]
    [TestCase(DType.BFloat16, 1.0 / 256)]
    public void LossesFollowThoseOfFloat32(DType type, double epsilon)
    {
        Learner exact = Toy.Learner(), half = Half(Toy.Learner(), type);
        exact.FitOneCycle(3, 1e-2);
        half.FitOneCycle(3, 1e-2);
        // Logits of about 3 are rounded a few times on their way, so a loss moves by some eps; weights drift apart with the steps.
        Assert.That(half.Recorder.BatchLosses.Zip(exact.Recorder.BatchLosses, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(30 * epsilon).And.GreaterThan(0));
        Assert.That(half.Recorder.BatchLosses[0], Is.EqualTo(exact.Recorder.BatchLosses[0]).Within(4 * epsilon));
        Assert.That(half.Recorder.BatchLosses[^1], Is.LessThan(half.Recorder.BatchLosses[0] / 2), "it learned");
        Assert.That(half.Validate().Loss, Is.EqualTo(exact.Validate().Loss).Within(30 * epsilon));
        Assert.That(half.Model.StateDict().Values.Where(t => t.DType.IsFloat()).Select(t => t.DType), Is.All.EqualTo(DType.Float32));
        Assert.That(half.Precision, Is.EqualTo(type));
        Assert.That(half.Summary(), Does.Contain($"Mixed precision: {type}"));
    }

    [Test]
    public void ToFp32UndoesIt()
    {
        Learner exact = Toy.Learner(), back = Toy.Learner().ToFp16().ToFp32();
        exact.Fit(1, 1e-2);
        back.Fit(1, 1e-2);
        Assert.That(back.Recorder.BatchLosses, Is.EqualTo(exact.Recorder.BatchLosses));
        Assert.That((back.Precision, back.LossScaler), Is.EqualTo((DType.Float32, (LossScaler?)null)));
    }

    [Test]
    public void PredictionsAreOfTheModelInHalf([Values(DType.Float16, DType.BFloat16)] DType type)
    {
        using var scope = Scope.Begin();
        var learn = Toy.Learner();
        learn.Fit(1, 1e-2);
        var x = Tensor.Normal([5, Toy.Features], new Philox(9));
        float[] exact = learn.Predict(x).ToArray<float>(), whole = learn.GetPreds(withLoss: true).Losses!.ToArray<float>();
        Half(learn, type);
        var half = learn.Predict(x);
        double epsilon = type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256;
        Assert.That(half.DType, Is.EqualTo(DType.Float32));
        Assert.That(half.ToArray<float>(), Is.EqualTo(exact).Within(8 * epsilon).And.Not.EqualTo(exact));
        Assert.That(learn.GetPreds(withLoss: true).Losses!.ToArray<float>(), Is.EqualTo(whole).Within(16 * epsilon));
    }

    [Test]
    public void AnOverflowHalvesTheScaleAndLeavesTheStepOut()
    {
        var learn = Toy.Learner().ToFp16();
        Dictionary<string, float[]>? before = null;
        List<(double Scale, bool Skipped)> seen = [];
        learn.Fit(1, 1e-2, callbacks: [Overflow(i => i is 1 or 2), new Probe
        {
            At = 50,
            Event = (e, s) =>
            {
                if (e == "backward_begin" && s.IsTraining) before = learn.Model.Parameters().Index().ToDictionary(p => $"{p.Index}", p => p.Item.ToArray<float>());
                if (e != "step_end") return;
                seen.Add((learn.LossScaler!.Scale, s.SkipStep));
                var after = learn.Model.Parameters().Index().ToDictionary(p => $"{p.Index}", p => p.Item.ToArray<float>());
                Assert.That(after.All(p => p.Value.SequenceEqual(before![p.Key])), Is.EqualTo(s.SkipStep), $"step {s.Iteration}");
            },
        }]);
        Assert.That(seen, Is.EqualTo(new[] { (65536.0, false), (32768, true), (16384, true), (16384, false), (16384, false), (16384, false) }));
        Assert.That((learn.LossScaler!.SkippedSteps, learn.LossScaler.GoodSteps), Is.EqualTo((2, 3)));
        Assert.That(Toy.State(learn.Model).Values.SelectMany(v => v), Is.All.Matches<float>(float.IsFinite));
    }

    [Test]
    public void TheScaleIsDoubledAfterGoodStepsUpToItsLimit()
    {
        var learn = Toy.Learner().ToFp16(lossScale: 4, maxNoskip: 2, maxScale: 16);
        List<double> scales = [];
        learn.Fit(2, 1e-3, callbacks: [Overflow(i => i == 8), new Probe { At = 50, Event = (e, _) => { if (e == "step_end") scales.Add(learn.LossScaler!.Scale); } }]);
        Assert.That(scales, Is.EqualTo(new[] { 4.0, 8, 8, 16, 16, 16, 16, 16, 8, 8, 16, 16 }));
        var fresh = Toy.Learner().ToFp16().LossScaler!;
        Assert.That((fresh.Scale, fresh.IsDynamic), Is.EqualTo((65536.0, true)));
        var still = Toy.Learner().ToFp16(dynamic: false).LossScaler!;
        Assert.That((still.Scale, still.IsDynamic, still.ToString()), Is.EqualTo((512.0, false, "loss scale 512, static")));
    }

    [Test]
    public void GradientsAreThoseOfTheLossWhateverTheScale([Values(1.0, 512, 65536)] double scale)
    {
        double[] Norms(Learner learn)
        {
            List<double> norms = [];
            learn.Fit(1, 1e-12, wd: 0, callbacks: [new Probe { At = 5, Event = (e, s) => { if (e == "backward_end") norms.Add(Gradients.Norm(learn.Model.Parameters())); } }]);
            return [.. norms];
        }
        double[] exact = Norms(Toy.Learner());
        Assert.That(Norms(Toy.Learner().ToFp16(scale, dynamic: false)), Is.EqualTo(exact).Within(1).Percent);
        Assert.That(Norms(Toy.Learner().ToFp16(scale, dynamic: false, clip: 0.05)), Is.All.EqualTo(0.05).Within(1).Percent, "clipped after scaling back");
    }

    /// <summary>With a scale that follows the gradients, those of several batches add up at one scale.</summary>
    [Test]
    public void GradientsOfSeveralBatchesAddUpAtOneScale()
    {
        double[] Losses(double scale)
        {
            var learn = Toy.Learner().ToFp16(scale, maxNoskip: 1, maxScale: 1 << 20);
            learn.Fit(2, 1e-2, callbacks: [new GradientAccumulation(2)]);
            Assert.That(learn.LossScaler!.Scale, Is.EqualTo(scale * 64), "doubled at each of six steps");
            return [.. learn.Recorder.BatchLosses];
        }
        // powers of two change no bit where nothing underflows
        Assert.That(Losses(1024), Is.EqualTo(Losses(2048)).Within(1e-3));
    }

    [Test]
    public void WhereTheScaleCannotHelpTheLossIsTheError()
    {
        var learn = Toy.Learner().ToFp16(dynamic: false);
        Assert.That(() => learn.Fit(1, 1e-2, callbacks: [Overflow(i => i == 1)]), Throws.TypeOf<TesseraException>().With.Message.Contains("the loss is not a number").And.Message.Contains("ToBf16()"));
    }

    [Test]
    public void AnInterruptedRunGoesOnWithItsScale()
    {
        using var folder = new TemporaryFolder();
        RunFile run = new(folder.File("half.run")) { Every = 1 };
        Learner Fit(bool killed, RunFile? file)
        {
            var learn = Toy.Learner().ToFp16(lossScale: 8, maxNoskip: 3);
            Probe kill = new() { At = 50, Event = (e, s) => { if (killed && e == "step_end" && s.Iteration == 7) throw new TimeoutException(); } };
            try
            {
                learn.FitOneCycle(2, 1e-2, callbacks: [Overflow(i => i == 4), kill], resume: file);
            }
            catch (TimeoutException)
            {
                // as good as killed
            }
            return learn;
        }
        var expected = Fit(false, null);
        Fit(true, run);
        var actual = Fit(false, run);
        Assert.That(actual.Recorder.BatchLosses, Is.EqualTo(expected.Recorder.BatchLosses));
        Assert.That(Toy.State(actual.Model), Is.EqualTo(Toy.State(expected.Model)));
        Assert.That((actual.LossScaler!.Scale, actual.LossScaler.GoodSteps, actual.LossScaler.SkippedSteps), Is.EqualTo((expected.LossScaler!.Scale, expected.LossScaler.GoodSteps, expected.LossScaler.SkippedSteps)));
        Assert.That(() => Toy.Learner().FitOneCycle(2, 1e-2, resume: run), Throws.TypeOf<TesseraException>().With.Message.Contains("Float16"), "a run in float32 is another run");
    }

    [Test]
    public void ASavedLearnerIsFloat32AndNamesItsScale()
    {
        using var folder = new TemporaryFolder();
        var learn = Toy.Learner().ToFp16(lossScale: 64);
        learn.Fit(1, 1e-2, callbacks: [Overflow(i => i == 2)]);
        string path = learn.Save(folder.File("m.safetensors"));
        var file = Safetensors.Read(path);
        Assert.That(file.Tensors.Values.Select(t => t.DType), Has.None.EqualTo(DType.Float16));
        var copy = Toy.Learner(model: Toy.Model(seed: 9)).ToFp16();
        copy.Load(path);
        Assert.That((copy.LossScaler!.Scale, copy.LossScaler.GoodSteps), Is.EqualTo((32.0, 3)));
        Assert.That(Toy.State(copy.Model), Is.EqualTo(Toy.State(learn.Model)));
        var plain = Toy.Learner(model: Toy.Model(seed: 9));
        plain.Load(path);
        Assert.That(plain.Validate().Loss, Is.EqualTo(copy.Validate().Loss).Within(1e-2));
    }

    [Test]
    public void TheSearchForARateLeavesTheScale()
    {
        var learn = Toy.Learner().ToFp16(maxNoskip: 2);
        var curve = learn.FindLearningRate(batches: 12);
        Assert.That(curve.Losses, Is.Not.Empty);
        Assert.That((learn.LossScaler!.Scale, learn.LossScaler.GoodSteps), Is.EqualTo((65536.0, 0)));
    }

    /// <summary>The devices' float32 sums differ in their order only; where such a sum is rounded to 16 bits, the last bit may differ.</summary>
    [Test]
    public void TheEmulatorTrainsAsTheProcessorDoes([Values(DType.Float16, DType.BFloat16)] DType type)
    {
        double[] Losses(Device device)
        {
            Device.Default = device;
            Generator.Seed(4);
            var model = new Sequential(new Conv2d(3, 8, 3, padding: 1, bias: false), new BatchNorm2d(8), new Relu(), new Conv2d(8, 16, 3, 2, 1), new Relu(), new MaxPool2d(2), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(16, 3));
            foreach (var (k, p) in model.Parameters().Index()) if (p.Rank > 1) p.CopyFrom(Tensor.Normal(p.Shape, new Philox((ulong)k + 1)) * 0.3f);
            var data = new TensorDataset(Tensor.Normal([12, 3, 8, 8], new Philox(5), device: Device.Cpu), Tensor.From([.. Enumerable.Range(0, 12).Select(i => (long)(i % 3))], [12], Device.Cpu));
            var learn = Half(new Learner(new DataBunch(new DataLoader(data, 4, workers: 0, device: device)), model, new CrossEntropyLoss()) { Display = null }, type);
            learn.Fit(1, 1e-2);
            return [.. learn.Recorder.BatchLosses];
        }
        try
        {
            double epsilon = type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256;
            double[] cpu = Losses(Device.Cpu), emulator = Losses(TestDevices.Gpu);
            TestContext.Out.WriteLine($"{type}: {string.Join(", ", emulator.Zip(cpu, (a, b) => $"{a:0.00000} ({a - b:0.0e0})"))}");
            Assert.That(emulator, Is.EqualTo(cpu).Within(4 * epsilon));
        }
        finally
        {
            Device.Default = Device.Cpu;
        }
    }

    [Test]
    public void OneSeedGivesTheSameBitsForAnyNumberOfThreads()
    {
        int threads = CpuThreads.Count;
        try
        {
            double[][] losses = [.. new[] { 1, 3 }.Select(n =>
            {
                CpuThreads.Count = n;
                var learn = Toy.Learner().ToFp16();
                learn.Fit(2, 1e-2);
                return learn.Recorder.BatchLosses.ToArray();
            })];
            Assert.That(losses[1], Is.EqualTo(losses[0]));
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    [Test]
    public void ArgumentsOutOfRangeAreErrors()
    {
        var learn = Toy.Learner();
        Assert.That(() => learn.ToFp16(lossScale: 0), Throws.TypeOf<TesseraException>().With.Message.EqualTo("ToFp16: lossScale: got 0, expected a positive number."));
        Assert.That(() => learn.ToFp16(maxNoskip: 0), Throws.TypeOf<TesseraException>().With.Message.Contains("maxNoskip"));
        Assert.That(() => learn.ToFp16(clip: -1), Throws.TypeOf<TesseraException>().With.Message.Contains("clip"));
        Assert.That(() => learn.ToFp16(lossScale: 8, maxScale: 4), Throws.TypeOf<TesseraException>().With.Message.Contains("maxScale"));
        Assert.That(learn.Precision, Is.EqualTo(DType.Float32), "nothing changed");
    }
}
