namespace Tessera.Tests;

/// <summary>Packed and transformed weights are kept while the weights do not change, and only then.</summary>
[NonParallelizable]
public sealed class DerivedFormsTests
{
    static readonly Shape xs = [2, 32, 20, 20], ws = [48, 32, 3, 3], ys = [2, 48, 20, 20];
    static readonly Window2d window = new(3, 3, 1, 1, 1, 1, 1, 1);
    static readonly Backend cpu = Device.Cpu.Backend;

    View x, y;

    [SetUp]
    public void MakeViews() => (x, y) = (Views.Of(xs, Arrays.Normal(xs.Count, 1)), Views.Empty<float>(ys));

    [TearDown]
    public void Restore() => Determinism.Exact = false;

    [Test]
    public void MemoryIsTakenOnTheSecondUseAndReturnedWithTheWeights([Values] bool exact)
    {
        Determinism.Exact = exact;
        var pool = Device.Cpu.Memory;
        var (storage, lease) = pool.Rent(ws.Count * sizeof(float));
        var w = new View(storage, DType.Float32, Layout.Dense(ws));
        cpu.Fill(w, 0.5);
        int before = pool.LiveBlocks;
        cpu.Conv2d(x, w, y, window);
        Assert.That(pool.LiveBlocks, Is.EqualTo(before), "after one use");
        cpu.Conv2d(x, w, y, window);
        cpu.Conv2d(x, w, y, window);
        Assert.That(pool.LiveBlocks, Is.EqualTo(before + 1), "after three uses");
        storage.Touch();
        cpu.Conv2d(x, w, y, window);
        Assert.That(pool.LiveBlocks, Is.EqualTo(before), "after a change");
        cpu.Conv2d(x, w, y, window);
        lease.Dispose();
        Assert.That(pool.LiveBlocks, Is.EqualTo(before - 1), "after the weights are gone");
    }

    [TestCase(1, 7, 70, 2048, 40)]
    [TestCase(2, 5, 64, 16, 130)]
    public void A1x1ConvolutionPacksItsWeightsOnce(int N, int side, int C, int inner, int K)
    {
        View a = Views.Of([N, C, side, side], Arrays.Normal(N * C * side * side, 1)), b = Views.Of([N, inner, side, side], Arrays.Normal(N * inner * side * side, 2));
        foreach (var (image, channels) in ((View, int)[])[(a, C), (b, inner)])
        {
            var (storage, lease) = Device.Cpu.Memory.Rent(K * channels * sizeof(float));
            View w = new(storage, DType.Float32, Layout.Dense([K, channels, 1, 1])), result = Views.Empty<float>([N, K, side, side]);
            cpu.Copy(Views.Of([K, channels, 1, 1], Arrays.Normal(K * channels, 3)), w);
            int before = Device.Cpu.Memory.LiveBlocks;
            cpu.Conv2d(image, w, result, new Window2d(1, 1));
            float[] first = Views.Get<float>(result);
            for (int use = 2; use <= 3; use++)
            {
                Views.Clear(result);
                cpu.Conv2d(image, w, result, new Window2d(1, 1));
                Assert.That(Views.Get<float>(result), Is.EqualTo(first), $"use {use}");
                Assert.That(Device.Cpu.Memory.LiveBlocks, Is.EqualTo(before + 1), $"use {use}");
            }
            lease.Dispose();
        }
    }

    [Test]
    public void AChangeOfTheWeightsIsSeen([Values] bool exact, [Values(1, 2, 3)] int uses)
    {
        Determinism.Exact = exact;
        View old = Views.Of(ws, Arrays.Normal(ws.Count, 2)), fresh = Views.Of(ws, Arrays.Normal(ws.Count, 3));
        for (int i = 0; i < uses; i++) cpu.Conv2d(x, old, y, window);
        cpu.Copy(fresh, old);
        old.Storage.Touch();
        for (int i = 0; i < uses; i++)
        {
            cpu.Conv2d(x, old, y, window);
            float[] changed = Views.Get<float>(y);
            cpu.Conv2d(x, Views.Of(ws, Arrays.Normal(ws.Count, 3)), y, window);
            Assert.That(changed, Is.EqualTo(Views.Get<float>(y)), $"use {i + 1} after the change");
        }
    }

    [Test]
    public void SeveralUserThreadsGetTheSame()
    {
        var w = Views.Of(ws, Arrays.Normal(ws.Count, 2));
        cpu.Conv2d(x, w, y, window);
        float[] expected = Views.Get<float>(y);
        View[] results = [.. Enumerable.Range(0, 8).Select(_ => Views.Empty<float>(ys))];
        Parallel.For(0, results.Length, i =>
        {
            for (int n = 0; n < 20; n++)
            {
                cpu.Conv2d(x, w, results[i], window);
                if (i == 0) w.Storage.Touch();
            }
        });
        foreach (var result in results) Assert.That(Views.Get<float>(result), Is.EqualTo(expected));
    }
}
