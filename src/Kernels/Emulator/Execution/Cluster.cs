using System.Numerics;
using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>
/// Blocks that run at the same time and reach into each other's shared memory, which lies side by side. Where a launch has no clusters, each is a single block.
/// </summary>
sealed unsafe class Cluster : IDisposable
{
    /// <summary>What a turn takes of the patience that may be one of waiting for other clusters; one whose warps all come to a barrier takes 1.</summary>
    const int busyTurn = 64;

    readonly Cta[] blocks;

    public readonly Launch Launch;

    /// <summary>The shared memory of all blocks: each has <see cref="Stride"/> bytes, of which it may use the first <see cref="BlockBytes"/>.</summary>
    public readonly byte* Shared;

    public readonly int Stride, BlockBytes;

    /// <summary>Who looks on; null where nobody does.</summary>
    public readonly Observers? Observers;

    public readonly ClusterBarrier Barrier;

    public Cluster(Launch launch)
    {
        Launch = launch;
        BlockBytes = launch.Code.SharedBytes + launch.DynamicShared;
        Stride = Math.Max(BlockBytes, 64) + 127 & ~127;
        Size = launch.ClusterSize;
        Shared = (byte*)NativeMemory.AlignedAlloc((nuint)Stride * (nuint)Size, 128);
        Barrier = new(this);
        if (launch.Checks != PtxChecks.None || launch.Counts) Observers = new(this, launch.Checks, launch.Counts);
        blocks = [.. Enumerable.Range(0, Size).Select(rank => new Cta(this, rank))];
    }

    /// <summary>The number of the running cluster.</summary>
    public long Index { get; private set; }

    /// <summary>The number of its blocks.</summary>
    public int Size { get; }

    /// <summary>Bytes of the shared memory of all blocks.</summary>
    public int SharedBytes => Size == 1 ? BlockBytes : Stride * Size;

    public Cta Block(int rank) => blocks[rank];

    public IEnumerable<Warp> Warps => blocks.SelectMany(b => b.Warps);

    public int Live => blocks.Sum(b => b.Live);

    /// <summary>Bytes of its shared memory, registers and local memory.</summary>
    public long Bytes => ((long)Stride * Size) + Warps.Sum(w => w.Bytes);

    /// <summary>Begins with a cluster of the grid.</summary>
    public void Start(long cluster)
    {
        Index = cluster;
        NativeMemory.Clear(Shared, (nuint)Stride * (nuint)Size);
        Barrier.Start();
        for (int rank = 0; rank < Size; rank++) blocks[rank].Start(Launch.BlockOf(cluster, rank));
        Observers?.Start();
    }

    /// <summary>Goes on until the patience is at its end: turns of its blocks and their warps take of it. Returns whether it has come to its end.</summary>
    public bool Run(int patience)
    {
        for (bool open = true, busy; open; patience -= busy ? busyTurn : 1)
        {
            if (patience <= 0) return false;
            bool stuck = true;
            open = busy = false;
            foreach (Cta block in blocks)
            {
                if (block.Done) continue;
                stuck &= block.Turn();
                open |= !block.Done;
                busy |= block.IsBusy;
            }
            if (open && stuck && !Warps.Any(w => !w.Done && w.Frame.First < w.Frame.Pending.Length)) throw Deadlock();
        }
        foreach (Cta block in blocks) block.End();
        return true;
    }

    PtxException Deadlock()
    {
        var waiting = blocks.SelectMany(b => b.Waiting).Concat(Barrier.Waiting.Select(w => (w.Warp, w.Mask, w.Op, Id: -1))).OrderBy(w => w.Op.Site).ThenBy(w => w.Warp.Number).ToArray();
        var where = waiting.GroupBy(w => (w.Op, w.Id))
            .Select(g => $"{g.Sum(w => BitOperations.PopCount(w.Mask))} wait at line {g.Key.Op.Position.Line} for {(g.Key.Id < 0 ? "the cluster" : $"barrier {g.Key.Id}")}");
        return waiting[0].Warp.Fail(waiting[0].Op, BitOperations.TrailingZeroCount(waiting[0].Mask), "barrier", $"deadlock: of {Live} threads, {string.Join(", ", where)}");
    }

    public void Dispose()
    {
        Observers?.Dispose();
        foreach (Cta block in blocks) block.Dispose();
        NativeMemory.AlignedFree(Shared);
    }
}

/// <summary>The barrier of all threads of a cluster that have not ended: each arrives once, then waits for the others.</summary>
sealed class ClusterBarrier(Cluster cluster)
{
    int arrived;

    public List<(Warp Warp, Frame Frame, int Resume, uint Mask, Op Op)> Waiting { get; } = [];

    public void Start()
    {
        arrived = 0;
        Waiting.Clear();
    }

    public void Arrive(Warp warp, Op op, uint mask, bool releases)
    {
        if ((mask & (warp.Arrived | warp.Passed)) is not 0 and var again)
            throw warp.Fail(op, BitOperations.TrailingZeroCount(again), "barrier",
            "the thread has arrived at the cluster's barrier before: barrier.cluster.wait comes between");
        warp.Arrived |= mask;
        arrived += BitOperations.PopCount(mask);
        cluster.Observers?.ArriveAtCluster(warp, releases);
        Complete();
    }

    /// <summary>Lanes whose phase is complete go on, the others wait.</summary>
    public void Wait(Warp warp, Op op, uint mask, int resume)
    {
        if ((mask & ~(warp.Arrived | warp.Passed)) is not 0 and var early)
            throw warp.Fail(op, BitOperations.TrailingZeroCount(early), "barrier",
            "the thread waits for the cluster's barrier without having arrived: barrier.cluster.arrive comes first");
        Pass(warp, warp.Frame, resume, mask & warp.Passed);
        if ((mask & warp.Arrived) is not 0 and var rest)
        {
            warp.Frame.Waiting |= rest;
            Waiting.Add((warp, warp.Frame, resume, rest, op));
        }
    }

    void Pass(Warp warp, Frame frame, int resume, uint mask)
    {
        if (mask == 0) return;
        warp.Passed &= ~mask;
        cluster.Observers?.PassCluster(warp);
        frame.Add(resume, mask);
    }

    /// <summary>Threads that end are not waited for.</summary>
    public void Exited(Warp warp, uint mask)
    {
        arrived -= BitOperations.PopCount(warp.Arrived & mask);
        warp.Arrived &= ~mask;
        if (arrived > 0) Complete();
    }

    void Complete()
    {
        if (arrived < cluster.Live) return;
        cluster.Observers?.CompleteCluster();
        foreach (Warp warp in cluster.Warps) (warp.Passed, warp.Arrived) = (warp.Passed | warp.Arrived, 0);
        foreach (var (warp, frame, resume, mask, _) in Waiting)
        {
            frame.Waiting &= ~mask;
            Pass(warp, frame, resume, mask);
        }
        Waiting.Clear();
        arrived = 0;
    }
}
