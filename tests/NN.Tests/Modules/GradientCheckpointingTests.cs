using Tessera.NN;

namespace Tessera.Tests;

/// <summary>What is computed again in the backward pass changes no bit, and needs less memory.</summary>
[NonParallelizable]
public sealed class GradientCheckpointingTests
{
    static Sequential Block(int channels) => new(
        new Conv2d(channels, channels, 3, padding: 1, bias: false), new BatchNorm2d(channels), new Relu(), new Dropout(0.2),
        new Conv2d(channels, channels, 3, padding: 1), new Gelu());

    static Sequential Net(int blocks, bool checkpointing)
    {
        Generator.Seed(3);
        Module[] body = [.. Enumerable.Range(0, blocks).Select(_ => (Module)Block(8))];
        foreach (var b in body) b.GradientCheckpointing = checkpointing;
        return new Sequential([new Conv2d(3, 8, 3, padding: 1), .. body, new AdaptiveAvgPool2d(1), new Flatten(), new Linear(8, 3)]);
    }

    static Learner Learner(bool checkpointing, bool frozen = false)
    {
        using var scope = Scope.Begin();
        var data = new TensorDataset(Tensor.Normal([24, 3, 8, 8], new Philox(1)), Tensor.From([.. Enumerable.Range(0, 24).Select(i => (long)(i % 3))], [24]));
        var net = Net(3, checkpointing);
        var learn = new Learner(new DataBunch(new DataLoader(data, 8, workers: 0)), net, new CrossEntropyLoss()) { Display = null }.Split(net[2]);
        return frozen ? learn.Freeze() : learn;
    }

    [TestCase(false), TestCase(true)]
    public void TrainingHasTheSameBits(bool frozen)
    {
        var (plain, checkpointed) = (Learner(false, frozen), Learner(true, frozen));
        List<float[]> Gradients(Learner learn)
        {
            Generator.Seed(9);
            List<float[]> seen = [];
            learn.Fit(2, callbacks: [new Probe
            {
                Event = (e, s) =>
                {
                    if (e is "backward_end") seen.AddRange(s.Learner.Model.Parameters().Where(p => p.Grad is not null).Select(p => p.Grad!.ToArray<float>()));
                }
            }]);
            seen.Add([Generator.Default.Position]);
            return seen;
        }
        Assert.That(Gradients(checkpointed), Is.EqualTo(Gradients(plain)));
        Assert.That(checkpointed.Recorder.BatchLosses, Is.EqualTo(plain.Recorder.BatchLosses));
        Assert.That(Toy.State(checkpointed.Model), Is.EqualTo(Toy.State(plain.Model)), "running statistics too");
        static IEnumerable<long> Counted(Learner l) => l.Model.NamedModules().Select(m => m.Module).OfType<BatchNorm>().Select(b => b.BatchesTracked);
        Assert.That(Counted(checkpointed), Is.EqualTo(Counted(plain)).And.All.EqualTo(6));
    }

    [Test]
    public void TheGradientOfTheInputHasTheSameBits()
    {
        float[] Gradient(bool checkpointing)
        {
            var net = Net(2, checkpointing);
            var x = Tensor.Normal([2, 3, 8, 8], new Philox(5));
            x.RequiresGrad = true;
            net.Call(x).Sum().Backward();
            return x.Grad!.ToArray<float>();
        }
        Assert.That(Gradient(true), Is.EqualTo(Gradient(false)));
    }

    [Test]
    public void OnlyTheInputOfABlockIsKept()
    {
        const int bytes = 1 << 20, blocks = 6, links = 5;
        (long Live, long Peak) Pass(bool checkpointing)
        {
            using var scope = Scope.Begin();
            Sequential Chain() => new([.. Enumerable.Range(0, links).Select(_ => new Sigmoid())]) { GradientCheckpointing = checkpointing };
            var net = new Sequential([.. Enumerable.Range(0, blocks).Select(_ => Chain())]);
            var x = Tensor.Ones([bytes / 4]);
            x.RequiresGrad = true;
            var memory = Device.Cpu.Memory;
            long live = memory.Live;
            memory.ResetPeak();
            var y = net.Call(x);
            long kept = memory.Live - live;
            y.Backward(Tensor.Ones(y.Shape));
            x.ZeroGrad();
            return (kept / bytes, (memory.Peak - live) / bytes);
        }
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var (plain, checkpointed) = (Pass(false), Pass(true));
        Assert.That(plain.Live, Is.EqualTo(blocks * links), "the result of each sigmoid");
        Assert.That(checkpointed.Live, Is.EqualTo(blocks), "the result of each block");
        Assert.That(checkpointed.Peak, Is.LessThanOrEqualTo(blocks + links + 4), "and the inside of one");
        Assert.That(plain.Peak, Is.GreaterThanOrEqualTo(blocks * links));
    }

    [Test]
    public void WithoutRecordingNothingIsDifferent()
    {
        var (plain, checkpointed) = (Net(2, false), Net(2, true));
        var x = Tensor.Normal([2, 3, 8, 8], new Philox(5));
        Assert.That(Autograd.NoGrad(() => checkpointed.Eval().Call(x).ToArray<float>()), Is.EqualTo(Autograd.NoGrad(() => plain.Eval().Call(x).ToArray<float>())));
    }

    [Test]
    public void AWatcherSeesEachModuleOnce()
    {
        var net = Net(2, checkpointing: true);
        List<Module> seen = [];
        using (Module.Watch((m, _, _) => seen.Add(m))) net.Call(Tensor.Normal([2, 3, 8, 8], new Philox(5))).Sum().Backward();
        Assert.That(seen, Is.Unique.And.EquivalentTo(net.NamedModules().Select(m => m.Module)));
    }

    [Test]
    public void ABlockThatGivesBackItsInputWorks()
    {
        var net = new Sequential(new Sequential(new Dropout(0)) { GradientCheckpointing = true });
        var x = Tensor.From(1f, 2f);
        x.RequiresGrad = true;
        (net.Call(x) * 3f).Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { 3f, 3f }));
    }
}
