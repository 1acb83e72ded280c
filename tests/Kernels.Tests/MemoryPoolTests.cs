using System.Runtime.CompilerServices;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class MemoryPoolTests
{
    static MemoryPool Pool => Device.Cpu.Memory;

    [SetUp]
    public void StartClean()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Pool.Trim();
    }

    [TestCase(1, 256)]
    [TestCase(256, 256)]
    [TestCase(257, 512)]
    [TestCase(1024, 1024)]
    [TestCase(1025, 1280)]
    [TestCase(1_000_000, 1_000_192)]
    [TestCase(0, 256)]
    public void SizesAreRoundedUpTo256Bytes(long bytes, long capacity)
    {
        long before = Pool.Live;
        var (storage, lease) = Pool.Rent(bytes);
        using (lease)
        {
            Assert.That(Pool.Live - before, Is.EqualTo(capacity));
            Assert.That(storage.Bytes, Is.EqualTo(bytes));
            Assert.That((long)storage.Pointer % 64, Is.Zero);
        }
        Assert.That(Pool.Live, Is.EqualTo(before));
    }

    [Test]
    public void TheMemoryOfSomeBlocksServesOthersOfAnotherSize()
    {
        Pool.Rent(40 << 20).Lease.Dispose();
        long allocations = Pool.Allocations;
        var parts = Enumerable.Range(0, 10).Select(_ => Pool.Rent(4 << 20)).ToArray();
        Assert.That(parts.Select(p => (long)p.Storage.Pointer).Order().Zip(Enumerable.Range(0, 10)).Select(p => p.First - (p.Second * (4L << 20))).Distinct().Count(), Is.EqualTo(1), "side by side");
        foreach (int i in new[] { 3, 1, 2, 9, 0, 8, 4, 6, 5, 7 }) parts[i].Lease.Dispose();
        Pool.Rent(40 << 20).Lease.Dispose();
        Assert.That(Pool.Allocations, Is.EqualTo(allocations));
    }

    [Test]
    public void TheSmallestFreeBlockThatHoldsItIsTaken()
    {
        var blocks = new[] { 20, 10, 60, 10, 40, 10 }.Select(n => Pool.Rent(n << 20)).ToArray();
        foreach (int i in new[] { 0, 2, 4 }) blocks[i].Lease.Dispose();
        var (storage, lease) = Pool.Rent(30 << 20);
        Assert.That(storage.Pointer, Is.EqualTo(blocks[4].Storage.Pointer), "the hole of 40 MiB");
        lease.Dispose();
        foreach (int i in new[] { 1, 3, 5 }) blocks[i].Lease.Dispose();
    }

    [Test]
    public void ARequestOfTheSameSizeGetsTheBlockThatRests()
    {
        var blocks = new[] { 1, 2, 1 }.Select(n => Pool.Rent(n << 20)).ToArray();
        foreach (var (_, lease) in blocks) lease.Dispose();
        var (two, first) = Pool.Rent(2 << 20);
        var (one, second) = Pool.Rent(1 << 20);
        Assert.That(two.Pointer, Is.EqualTo(blocks[1].Storage.Pointer));
        Assert.That(one.Pointer, Is.EqualTo(blocks[2].Storage.Pointer), "the latest of two");
        first.Dispose();
        second.Dispose();
        long allocations = Pool.Allocations;
        var many = Enumerable.Range(0, 400).Select(i => Pool.Rent((1 << 20) + (i << 8))).ToArray(); // no two of one size
        foreach (var (_, lease) in many) lease.Dispose();
        Assert.That(Pool.Allocations - allocations, Is.LessThanOrEqualTo(3), "what rested serves others once it is needed");
        Pool.Rent(200 << 20).Lease.Dispose();
        Assert.That(Pool.Allocations - allocations, Is.LessThanOrEqualTo(3), "and joins");
    }

    [Test]
    public void LiveBlocksNeverOverlapAndAllComesBack()
    {
        long live = Pool.Live;
        var random = new Philox(3).At(0, 0);
        var held = new List<(Storage Storage, Lease Lease)>();
        foreach (int step in random.Permutation(4000))
        {
            if (held.Count > 0 && step % 2 == 0)
            {
                held[step / 2 % held.Count].Lease.Dispose();
                held.RemoveAt(step / 2 % held.Count);
            }
            else
            {
                held.Add(Pool.Rent(step % 3 == 0 ? step * 100 : step * 1000));
            }
        }
        var ranges = held.Select(h => (From: (long)h.Storage.Pointer, To: h.Storage.Pointer + h.Storage.Bytes)).Order().ToArray();
        for (int i = 1; i < ranges.Length; i++) Assert.That(ranges[i].From, Is.GreaterThanOrEqualTo(ranges[i - 1].To));
        foreach (var h in held) h.Lease.Dispose();
        long pooled = Pool.Pooled;
        Assert.That(Pool.Live, Is.EqualTo(live));
        Pool.Trim();
        Assert.That(Pool.Pooled, Is.LessThan(pooled));
    }

    [Test]
    public void StepsThatAskForTheSameGetTheSameAddresses()
    {
        nint[] Step()
        {
            var forward = Enumerable.Range(1, 20).Select(i => Pool.Rent(i % 5 * 700_000)).ToArray();
            nint[] at = Array.ConvertAll(forward, f => f.Storage.Pointer);
            foreach (var (_, lease) in forward.Reverse())
            {
                using var gradient = Pool.Rent(900_000).Lease;
                lease.Dispose();
            }
            return at;
        }
        nint[] first = Step();
        Assert.That(Step(), Is.EqualTo(first));
    }

    [Test]
    public void ReleasedBlocksAreReused()
    {
        var (first, lease) = Pool.Rent(5000);
        nint address = first.Pointer;
        lease.Dispose();
        long allocations = Pool.Allocations;
        var (second, again) = Pool.Rent(4990);
        using (again)
        {
            Assert.That(second.Pointer, Is.EqualTo(address));
            Assert.That(Pool.Allocations, Is.EqualTo(allocations));
        }
    }

    [Test]
    public void AStorageIsReturnedWhenTheLastLeaseIsReleased()
    {
        int blocks = Pool.LiveBlocks;
        var (storage, lease) = Pool.Rent(100);
        var other = storage.Rent();
        lease.Dispose();
        lease.Dispose();
        Assert.That((storage.IsReleased, Pool.LiveBlocks), Is.EqualTo((false, blocks + 1)));
        other.Dispose();
        Assert.That((storage.IsReleased, Pool.LiveBlocks), Is.EqualTo((true, blocks)));
    }

    [Test]
    public void PeakIsTheMostSinceTheReset()
    {
        Pool.ResetPeak();
        long start = Pool.Peak;
        Pool.Rent(1 << 20).Lease.Dispose();
        Pool.Rent(1 << 10).Lease.Dispose();
        Assert.That(Pool.Peak - start, Is.EqualTo(1 << 20));
        Pool.ResetPeak();
        Assert.That(Pool.Peak, Is.EqualTo(Pool.Live));
    }

    [Test]
    public void TrimGivesPooledBlocksBack()
    {
        long before = Pool.Pooled;
        Pool.Rent(1L << 30).Lease.Dispose(); // a segment of its own
        Assert.That(Pool.Pooled - before, Is.EqualTo(1L << 30));
        Pool.Trim();
        Assert.That(Pool.Pooled, Is.LessThanOrEqualTo(before));
    }

    [Test]
    public void ReleasesByTheCollectorAreCounted()
    {
        long live = Pool.Live, finalized = Pool.Finalized;
        var lease = Pool.Rent(12345).Lease;
        lease.Release(finalizing: true);
        lease.Release(finalizing: true);
        Assert.That((Pool.Live, Pool.Finalized), Is.EqualTo((live, finalized + 1)));
    }

    [Test]
    public void WhatNobodyCanReachIsCollectedBeforeTheBudgetRefuses()
    {
        long budget = Pool.Budget, finalized = Pool.Finalized;
        try
        {
            Pool.Budget = Pool.Live + (4 << 20);
            Drop(3 << 20);
            using var lease = Pool.Rent(2 << 20).Lease;
            Assert.That(Pool.Finalized, Is.GreaterThan(finalized));
        }
        finally
        {
            Pool.Budget = budget;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop(long bytes) => _ = new Owner(Pool.Rent(bytes).Lease);

    sealed class Owner(Lease lease)
    {
        ~Owner() => lease.Release(finalizing: true);
    }

    [Test]
    public void BeyondTheBudgetIsRefusedWithTheFacts()
    {
        long budget = Pool.Budget;
        using var held = Pool.Rent(3 << 20).Lease;
        try
        {
            Pool.Budget = Pool.Live + (2 << 20);
            Assert.That(() => Pool.Rent(4 << 20), Throws.TypeOf<OutOfDeviceMemoryException>()
                .With.Message.StartsWith("Memory: out of memory on cpu: got a request of 4 MiB, expected at most 2 MiB free")
                .And.Message.Contains("largest: 3 MiB").And.Message.Contains("Hint: use a smaller batch size"));
            using var fits = Pool.Rent(2 << 20).Lease;
            Assert.That(fits.IsReleased, Is.False);
        }
        finally
        {
            Pool.Budget = budget;
        }
    }

    [Test]
    public void PooledSegmentsMakeRoomWithinTheBudget()
    {
        long budget = Pool.Budget;
        try
        {
            Pool.Rent(1L << 30).Lease.Dispose();
            Pool.Budget = Pool.Live + (3L << 29);
            using var lease = Pool.Rent(5L << 28).Lease; // more than the segment that is there, and both are more than the budget
            Assert.That(Pool.Live + Pool.Pooled, Is.LessThanOrEqualTo(Pool.Budget));
        }
        finally
        {
            Pool.Budget = budget;
        }
    }

    [Test]
    public void WhereTheSystemRefusesPooledMemoryGoesBackFirst()
    {
        long budget = Pool.Budget;
        try
        {
            Pool.Budget = 1L << 52;
            Pool.Rent(1L << 30).Lease.Dispose();
            long pooled = Pool.Pooled;
            Assert.That(() => Pool.Rent(1L << 50), Throws.TypeOf<OutOfDeviceMemoryException>().With.Message.Contains("got a request of 1073741824 MiB"));
            Assert.That(Pool.Pooled, Is.LessThanOrEqualTo(pooled - (1L << 30)));
        }
        finally
        {
            Pool.Budget = budget;
        }
    }

    [Test]
    public void ManyThreadsRentAndReturn()
    {
        long live = Pool.Live;
        Parallel.For(0, 2000, i => Pool.Rent(1 + (i % 7 * 1000)).Lease.Dispose());
        Assert.That(Pool.Live, Is.EqualTo(live));
    }

    [Test]
    public void TheDescriptionNamesTheCounters() => Assert.That(Pool.ToString(), Does.Match(@"^cpu: .* live in \d+ blocks, .* peak, .* pooled, budget "));
}
