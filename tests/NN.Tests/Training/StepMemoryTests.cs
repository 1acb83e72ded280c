using Tessera.NN;

namespace Tessera.Tests;

/// <summary>What a steady training step takes from the system and from the managed heap.</summary>
[NonParallelizable]
public sealed class StepMemoryTests
{
    const int Warmup = 3, Steps = 10;

    /// <summary>Blocks of convolution, batch norm and ReLU between pools, and a classifier: 22 modules.</summary>
    static Sequential Net(int width)
    {
        Generator.Seed(1);
        List<Module> layers = [];
        for (int i = 0; i < 6; i++) layers.AddRange([new Conv2d(i == 0 ? 3 : width, width, 3, padding: 1, bias: false), new BatchNorm2d(width), new Relu()]);
        return new Sequential([.. layers, new MaxPool2d(2), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(width, 3)]);
    }

    /// <summary>Bytes of managed objects, and segments taken from the system, of each steady step of a fit call.</summary>
    static (long[] Managed, long[] Segments) Measure(int width, int side)
    {
        using var scope = Scope.Begin();
        int items = 4 * (Warmup + Steps);
        var data = new TensorDataset(Tensor.Uniform([items, 3, side, side], new Philox(2)), Tensor.From([.. Enumerable.Range(0, items).Select(i => (long)(i % 3))], [items]));
        var learn = new Learner(new DataBunch(new DataLoader(data, 4, workers: 0)), Net(width), new CrossEntropyLoss()) { Display = null };
        long[] managed = new long[Warmup + Steps + 1], segments = new long[managed.Length];
        int n = 0;
        void Note()
        {
            (managed[n], segments[n]) = (GC.GetAllocatedBytesForCurrentThread(), Device.Cpu.Memory.Allocations);
            n++;
        }
        learn.Fit(1, 1e-3, callbacks: [new Probe { At = 100, Event = (name, _) => { if (name is "epoch_begin" or "batch_end") Note(); } }]);
        return (Steady(managed), Steady(segments));
    }

    static long[] Steady(long[] at) => [.. at.Skip(1).Zip(at, (after, before) => after - before).Skip(Warmup)];

    [Test]
    public void ASteadyStepTakesNoMemoryFromTheSystem() => Assert.That(Measure(16, 32).Segments, Is.All.Zero);

    [Test]
    public void ItsManagedObjectsAreAFewSmallOnesAnOperation()
    {
        long[] small = Measure(4, 8).Managed, large = Measure(16, 64).Managed;
        TestContext.Out.WriteLine($"{small[^1]} and {large[^1]} bytes a step");
        Assert.That(large.Max(), Is.LessThan(60_000), "22 modules forward and backward, loss, optimizer, loader");
        Assert.That(large[^1], Is.EqualTo(small[^1]).Within(1_000), "whatever the size of images and layers");
    }

    [Test]
    public void ThreadsDoNotChangeThat()
    {
        int threads = CpuThreads.Count;
        try
        {
            CpuThreads.Count = 1;
            long one = Measure(16, 32).Managed[^1];
            CpuThreads.Count = 3;
            Assert.That(Measure(16, 32).Managed[^1], Is.EqualTo(one).Within(1_000));
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }
}
