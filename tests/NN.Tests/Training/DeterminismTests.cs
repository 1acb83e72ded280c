using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class DeterminismTests
{
    static readonly Lazy<float[]> reference = new(() => Losses(workers: 0, threads: 1));

    [Test]
    public void LossesDoNotDependOnLoaderThreads([Values(1, 2, 5)] int workers) =>
        Assert.That(Losses(workers, threads: 1), Is.EqualTo(reference.Value));

    [Test]
    public void LossesDoNotDependOnComputeThreads([Values(2, 3)] int threads) =>
        Assert.That(Losses(workers: 2, threads), Is.EqualTo(reference.Value));

    [Test]
    public void AnotherSeedGivesOtherLosses() =>
        Assert.That(Losses(workers: 0, threads: 1, seed: 2), Is.Not.EqualTo(reference.Value));

    /// <summary>On the GPU's kernels too, for every number of loader threads; the batch losses are the CPU's but for rounding.</summary>
    [Test]
    public void TheEmulatorGivesTheSameLossesTwice()
    {
        try
        {
            double[] cpu = ToyLosses(workers: 0);
            Device.Default = TestDevices.Gpu;
            double[] first = ToyLosses(workers: 0);
            Assert.That(ToyLosses(workers: 3), Is.EqualTo(first));
            // Not the validation: the bias before a batch norm has the gradient 0, of whose rounding errors Adam makes whole steps; training does not see them.
            Assert.That(first[..12], Is.EqualTo(cpu[..12]).Within(1e-4));
            Assert.That(first[^1], Is.LessThan(first[0]), "it learns");
        }
        finally
        {
            Device.Default = Device.Cpu;
        }
    }

    static double[] ToyLosses(int workers)
    {
        var learn = Toy.Learner(Toy.Data(workers: workers));
        learn.FitOneCycle(2, 1e-2f);
        return [.. learn.Recorder.BatchLosses, .. learn.Recorder.ValidLosses.Select(l => l!.Value)];
    }

    /// <summary>The batch losses, to the last bit, of two one-cycle epochs of a small residual network with dropout over noisy pictures.</summary>
    static float[] Losses(int workers, int threads, ulong seed = 1)
    {
        int before = CpuThreads.Count;
        try
        {
            CpuThreads.Count = threads;
            Generator.Seed(seed);
            var model = new Sequential(new GoldenModels.TinyResNet(8, 16), new Dropout(0.2), new Linear(16, 4));
            var data = new DataBunch(new DataLoader(new NoisyPictures(40), 8, shuffle: true, dropLast: true, seed, workers), new DataLoader(new NoisyPictures(12), 8, workers: workers));
            var learn = new Learner(data, model, new CrossEntropyLoss(), Metrics.Accuracy) { Display = null };
            learn.FitOneCycle(2, 1e-2f);
            return [.. learn.Recorder.BatchLosses.Select(l => (float)l), .. learn.Recorder.ValidLosses.Select(l => (float)l!)];
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    /// <summary>Random pictures of four classes with random brightness: each item draws from its own stream.</summary>
    sealed class NoisyPictures(int count) : Dataset
    {
        public override int Count => count;

        public override Shape InputShape => [3, 24, 24];

        public override void Load(int item, Philox random, Span<float> x, out long label)
        {
            label = item % 4;
            for (int i = 0; i < x.Length; i++) x[i] = random.Normal((ulong)i) + (i % 4 == label ? 1 : 0);
        }
    }
}
