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
    [TestCase(257, 320)]
    [TestCase(1024, 1024)]
    [TestCase(1025, 1280)]
    [TestCase(1_000_000, 1_048_576)]
    [TestCase(0, 256)]
    public void SizesAreRoundedUpToFourClassesAPowerOfTwo(long bytes, long capacity)
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
    public void ClassesLoseAtMostAQuarter([Values(300, 5000, 70_001, 3_000_001)] long bytes)
    {
        long before = Pool.Live;
        using var lease = Pool.Rent(bytes).Lease;
        Assert.That(Pool.Live - before, Is.InRange(bytes, bytes * 1.25));
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
        Pool.Rent(1 << 20).Lease.Dispose();
        Assert.That(Pool.Pooled, Is.GreaterThanOrEqualTo(1 << 20));
        Pool.Trim();
        Assert.That(Pool.Pooled, Is.Zero);
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
    public void PooledBlocksOfAnotherSizeMakeRoomWithinTheBudget()
    {
        long budget = Pool.Budget;
        try
        {
            Pool.Rent(3 << 20).Lease.Dispose();
            Pool.Budget = Pool.Live + (4 << 20);
            using var lease = Pool.Rent(2 << 20).Lease;
            Assert.That(Pool.Pooled, Is.Zero);
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
