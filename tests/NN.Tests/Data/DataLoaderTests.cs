using Tessera.NN;

namespace Tessera.Tests;

public sealed class DataLoaderTests
{
    static readonly int[] Workers = [0, 1, 2, 5];

    [Test]
    public void BatchesFollowTheOrderOfTheSetAndKeepTheLastPart([ValueSource(nameof(Workers))] int workers)
    {
        var loader = new DataLoader(new Numbers(10), 4, workers: workers);
        var rows = Rows(loader, epoch: 0);

        Assert.That(loader.BatchCount, Is.EqualTo(3));
        Assert.That(rows.Select(r => r.Items.Length), Is.EqualTo(new[] { 4, 4, 2 }));
        Assert.That(rows.SelectMany(r => r.Items), Is.EqualTo(Enumerable.Range(0, 10)));
        Assert.That(rows.SelectMany(r => r.Y), Is.EqualTo(Enumerable.Range(0, 10).Select(i => (long)i)));
    }

    [Test]
    public void DropLastLeavesTheIncompleteBatchOut()
    {
        var loader = new DataLoader(new Numbers(10), 4, shuffle: true, dropLast: true, workers: 2);
        Assert.That(loader.BatchCount, Is.EqualTo(2));
        Assert.That(Rows(loader, 0).Select(r => r.Items.Length), Is.EqualTo(new[] { 4, 4 }));
    }

    [Test]
    public void AnImageArrivesInLogicalOrder()
    {
        var x = Tensor.From([.. Enumerable.Range(0, 2 * 3 * 4 * 5).Select(i => (float)i)], [2, 3, 4, 5]);
        var loader = new DataLoader(new TensorDataset(x, Tensor.From(1L, 0L)), 2, workers: 1);
        foreach (var batch in loader.Epoch())
        {
            Assert.That(batch.X.Shape, Is.EqualTo(new Shape(2, 3, 4, 5)));
            Assert.That(batch.X.ToArray<float>(), Is.EqualTo(x.ToArray<float>()));
            Assert.That(batch.Y.ToArray<long>(), Is.EqualTo(new long[] { 1, 0 }));
        }
    }

    [Test]
    public void EpochsShuffleAnewAndRepeatForASeed()
    {
        var loader = new DataLoader(new Numbers(50), 8, shuffle: true, seed: 3, workers: 2);
        int[] first = Items(loader, 0), second = Items(loader, 1);

        Assert.That(first, Is.EquivalentTo(Enumerable.Range(0, 50)));
        Assert.That(first, Is.Not.EqualTo(Enumerable.Range(0, 50)));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(Items(loader, 0), Is.EqualTo(first));
        Assert.That(Items(new DataLoader(new Numbers(50), 8, shuffle: true, seed: 4, workers: 2), 0), Is.Not.EqualTo(first));
    }

    [Test]
    public void OrderAndRandomNumbersDoNotDependOnWorkers([ValueSource(nameof(Workers))] int workers)
    {
        float[] expected = [.. Rows(new DataLoader(new Noise(40), 6, shuffle: true, seed: 9, workers: 0), 2).SelectMany(r => r.X)];
        float[] actual = [.. Rows(new DataLoader(new Noise(40), 6, shuffle: true, seed: 9, workers: workers), 2).SelectMany(r => r.X)];
        Assert.That(actual, Is.EqualTo(expected));
        Assert.That(actual.Distinct().Count(), Is.GreaterThan(39), "each item has a stream of its own");
    }

    [Test]
    public void AnItemsRandomNumbersAreNewEachEpoch()
    {
        var loader = new DataLoader(new Noise(5), 5, seed: 1, workers: 0);
        Assert.That(Rows(loader, 0)[0].X, Is.Not.EqualTo(Rows(loader, 1)[0].X));
    }

    [Test]
    public void SlowItemsComeInOrder()
    {
        var loader = new DataLoader(new Numbers(12, (i, _) => Thread.Sleep(i % 3 == 0 ? 20 : 0)), 3, workers: 4);
        Assert.That(Items(loader, 0), Is.EqualTo(Enumerable.Range(0, 12)));
    }

    [Test]
    [CancelAfter(20_000)]
    public void TheFirstFailureInTheOrderIsReportedWithItsName([ValueSource(nameof(Workers))] int workers)
    {
        var dataset = new Numbers(20, (i, _) =>
        {
            if (i == 9) Thread.Sleep(30); // the later failure happens first
            if (i is 9 or 10) throw new InvalidOperationException("unexpected end");
        });
        int batches = 0;
        var error = Assert.Throws<DataException>(() =>
        {
            foreach (var batch in new DataLoader(dataset, 4, workers: workers).Epoch()) batches++;
        });
        Assert.That(error!.Message, Is.EqualTo("photo9.jpg: cannot be loaded: unexpected end"));
        Assert.That(error.InnerException, Is.TypeOf<InvalidOperationException>());
        Assert.That(batches, Is.EqualTo(2));
    }

    [Test]
    public void AFailureThatNamesItsFileIsNotNamedTwice()
    {
        var dataset = new Numbers(2, (i, _) => throw new DataException($"photo{i}.jpg: cut off"));
        var error = Assert.Throws<DataException>(() => Rows(new DataLoader(dataset, 2, workers: 1), 0));
        Assert.That(error!.Message, Is.EqualTo("photo0.jpg: cut off"));
    }

    [Test]
    [CancelAfter(20_000)]
    public void AnEarlyBreakStopsTheThreads([Values(1, 2, 5)] int workers)
    {
        int loaded = 0;
        var loader = new DataLoader(new Numbers(10_000, (_, _) => Interlocked.Increment(ref loaded)), 2, workers: workers);
        foreach (var batch in loader.Epoch()) break;
        int soon = WaitUntilStill(() => loaded);
        Assert.That(soon, Is.LessThan(100), "only what fits the queue is loaded ahead");
        Assert.That(Items(loader, 0), Is.EqualTo(Enumerable.Range(0, 10_000)), "and the loader can be used again");
    }

    [Test]
    [CancelAfter(20_000)]
    public void AnEarlyBreakDoesNotWaitForAnItemThatHangs()
    {
        using var never = new ManualResetEventSlim();
        var loader = new DataLoader(new Numbers(100, (i, _) =>
        {
            if (i == 5) never.Wait(CancellationToken.None);
        }), 2, workers: 2);
        foreach (var batch in loader.Epoch()) break;
        never.Set();
    }

    [Test]
    [CancelAfter(20_000)]
    public void CancellationEndsTheWaitForASlowItem()
    {
        using var never = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource(50);
        var loader = new DataLoader(new Numbers(100, (_, _) => never.Wait(CancellationToken.None)), 2, workers: 2);
        Assert.Catch<OperationCanceledException>(() =>
        {
            foreach (var batch in loader.Epoch(0, cancel.Token)) Assert.Fail("no batch is ever complete");
        });
        never.Set();
    }

    [Test]
    public void BatchesAreGivenBackAndBuffersReused()
    {
        var loader = new DataLoader(new Numbers(64), 8, workers: 2);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long live = Device.Cpu.Memory.Live;
        Tensor? last = null;
        for (int epoch = 0; epoch < 3; epoch++)
        {
            foreach (var batch in loader.Epoch(epoch))
            {
                Assert.That(last is null || last.IsReleased);
                last = batch.X;
            }
        }
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live));
    }

    [Test]
    [CancelAfter(20_000)]
    public void ABegunEpochIsLoadedAheadAndGivesTheSameBatches([ValueSource(nameof(Workers))] int workers)
    {
        int loaded = 0;
        DataLoader Loader(Action<int, Philox>? loading) => new(new Numbers(40, loading), 4, shuffle: true, seed: 5, workers: workers);
        int[] expected = Items(Loader(null), 3);
        var loader = Loader((_, _) => Interlocked.Increment(ref loaded));
        loader.Begin(3);
        loader.Begin(3);
        int ahead = WaitUntilStill(() => Volatile.Read(ref loaded));
        Assert.That(ahead, workers == 0 ? Is.Zero : Is.InRange(4, 12), "as much as the buffers hold");
        Assert.That(Items(loader, 3), Is.EqualTo(expected));
        Assert.That(loaded, Is.EqualTo(40), "no item is loaded twice");
        Assert.That(Items(loader, 3), Is.EqualTo(expected), "and without having begun");
    }

    [TestCase(0, 0), TestCase(0, 7), TestCase(1, 3), TestCase(2, 9), TestCase(5, 10), TestCase(5, 1)]
    [CancelAfter(20_000)]
    public void AnEpochGoesOnFromABatchWithoutLoadingThoseBefore(int workers, int first)
    {
        int loaded = 0;
        int[] expected = Items(new DataLoader(new Numbers(38), 4, shuffle: true, seed: 5, workers: 0), 3);
        var loader = new DataLoader(new Numbers(38, (_, _) => Interlocked.Increment(ref loaded)), 4, shuffle: true, seed: 5, workers: workers);
        int[] items = [.. loader.EpochFrom(first, 3, CancellationToken.None).SelectMany(b => b.Items.ToArray())];
        Assert.That(items, Is.EqualTo(expected.Skip(4 * first)));
        Assert.That(loaded, Is.EqualTo(items.Length));
        Assert.That(Items(loader, 3), Is.EqualTo(expected), "and as a whole again");
    }

    [Test]
    [CancelAfter(20_000)]
    public void ABegunEpochThatIsNotWantedStops([Values(1, 2, 5)] int workers)
    {
        int loaded = 0;
        var loader = new DataLoader(new Numbers(1000, (_, _) => Interlocked.Increment(ref loaded)), 2, shuffle: true, workers: workers);
        int[] expected = Items(new DataLoader(new Numbers(1000), 2, shuffle: true, workers: 0), 4);
        loader.Begin(3);
        Assert.That(Items(loader, 4), Is.EqualTo(expected));
        loader.Begin(5);
        loader.Discard();
        int still = WaitUntilStill(() => Volatile.Read(ref loaded));
        Assert.That(still, Is.LessThan(1100));
    }

    [Test]
    [CancelAfter(20_000)]
    public void CancellationEndsTheWaitInABegunEpoch()
    {
        using var never = new ManualResetEventSlim();
        using var cancel = new CancellationTokenSource(50);
        var loader = new DataLoader(new Numbers(100, (_, _) => never.Wait(CancellationToken.None)), 2, workers: 2);
        loader.Begin(0);
        Assert.Catch<OperationCanceledException>(() =>
        {
            foreach (var batch in loader.Epoch(0, cancel.Token)) Assert.Fail("no batch is ever complete");
        });
        never.Set();
    }

    [Test]
    public void WaitingIsMeasured([Values(0, 1)] int workers)
    {
        var slow = new DataLoader(new Numbers(4, (_, _) => Thread.Sleep(10)), 1, workers: workers);
        Items(slow, 0);
        Assert.That(slow.Waited, Is.GreaterThan(TimeSpan.FromMilliseconds(20)));
        var (waited, began) = (slow.Waited, Environment.TickCount64);
        slow.Begin(1);
        foreach (var batch in slow.Epoch(1)) Thread.Sleep(50);
        if (workers > 0) Assert.That(slow.Waited - waited, Is.LessThan(TimeSpan.FromMilliseconds((Environment.TickCount64 - began) / 2)), "loading goes on beside the work");
    }

    [Test]
    public void NonsenseIsRefused()
    {
        Assert.That(() => new DataLoader(new Numbers(3), 0), Throws.TypeOf<TesseraException>().With.Message.Contains("batch size 0"));
        Assert.That(() => new DataLoader(new Numbers(3), 1, workers: -1), Throws.TypeOf<TesseraException>());
        Assert.That(() => new TensorDataset(Tensor.Zeros([3, 2]), Tensor.From(1L)), Throws.TypeOf<ShapeException>());
    }

    static int WaitUntilStill(Func<int> count)
    {
        int before = -1;
        for (int now = count(); now != before; now = count())
        {
            before = now;
            Thread.Sleep(50);
        }
        return before;
    }

    static int[] Items(DataLoader loader, int epoch) => [.. Rows(loader, epoch).SelectMany(r => r.Items)];

    static List<(float[] X, long[] Y, int[] Items)> Rows(DataLoader loader, int epoch) =>
        [.. loader.Epoch(epoch).Select(b => (b.X.ToArray<float>(), b.Y.ToArray<long>(), b.Items.ToArray()))];

    /// <summary>Item i is the number i.</summary>
    sealed class Numbers(int count, Action<int, Philox>? loading = null) : Dataset
    {
        public override int Count => count;

        public override Shape InputShape => [1];

        public override void Load(int item, Philox random, Span<float> x, out long label)
        {
            loading?.Invoke(item, random);
            x[0] = item;
            label = item;
        }

        public override string Describe(int item) => $"photo{item}.jpg";
    }

    /// <summary>Item i is a random number of its own stream.</summary>
    sealed class Noise(int count) : Dataset
    {
        public override int Count => count;

        public override Shape InputShape => [1];

        public override void Load(int item, Philox random, Span<float> x, out long label)
        {
            x[0] = random.Uniform(0);
            label = item;
        }
    }
}
