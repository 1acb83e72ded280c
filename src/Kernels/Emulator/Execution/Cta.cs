using System.Numerics;
using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>One barrier of a block: who has come, and who waits for the others.</summary>
sealed class Barrier
{
    public int Arrived, Expected;
    public required int Id { get; init; }
    public readonly List<(Warp Warp, Frame Frame, int Resume, uint Mask, BarrierOp Op)> Waiting = [];
    public int True, Votes;
}

/// <summary>A block of threads: its warps, shared memory and barriers.</summary>
sealed unsafe class Cta : IDisposable
{
    readonly Barrier[] barriers = [.. Enumerable.Range(0, 16).Select(id => new Barrier { Id = id })];
    readonly Warp[] warps;
    readonly int[] order;
    Random random = new(0);

    public readonly Launch Launch;
    public readonly Cluster Cluster;

    /// <summary>Its number in the cluster.</summary>
    public readonly int Rank;

    public readonly byte* Shared;
    public readonly int SharedBytes;

    /// <summary>Room for the places that 32 lanes touch: on the stack it would keep its user from being compiled anew with what runs often.</summary>
    public readonly ulong* Places = (ulong*)NativeMemory.AlignedAlloc(32 * sizeof(ulong), 64);

    public int X, Y, Z;

    /// <summary>The number of the running block.</summary>
    public long Index;

    /// <summary>Who looks on; null where nobody does.</summary>
    public readonly Observers? Observers;

    /// <summary>Whether each operation is counted, or a warp of the launch is followed.</summary>
    public readonly bool IsWatched;

    /// <summary>Steps that the launch is told of together, so that threads seldom meet at its counter.</summary>
    readonly int portion;

    int spent;

    public Cta(Cluster cluster, int rank)
    {
        (Cluster, Launch, Observers, Rank) = (cluster, cluster.Launch, cluster.Observers, rank);
        IsWatched = Launch.Counts || Launch.Watch != null;
        portion = (int)Math.Clamp(Launch.StepLimit >> 10, 1, 1 << 14);
        Shared = cluster.Shared + ((long)rank * cluster.Stride);
        SharedBytes = cluster.BlockBytes;
        warps = [.. Enumerable.Range(0, (Launch.Threads + 31) / 32).Select(i => new Warp(this, i))];
        order = new int[warps.Length];
    }

    public IReadOnlyList<Warp> Warps => warps;

    /// <summary>Threads that have not ended.</summary>
    public int Live { get; private set; }

    /// <summary>Whether all warps have ended.</summary>
    public bool Done { get; private set; }

    /// <summary>Who waits at a barrier of the block.</summary>
    public IEnumerable<(Warp Warp, uint Mask, Op Op, int Id)> Waiting => barriers.SelectMany(b => b.Waiting.Select(w => (w.Warp, w.Mask, (Op)w.Op, b.Id)));

    /// <summary>Begins with a block of the grid.</summary>
    public void Start(long block)
    {
        Index = block;
        (X, Y, Z) = Launch.BlockAt(block);
        (Live, Done) = (Launch.Threads, false);
        foreach (Barrier b in barriers)
        {
            (b.Arrived, b.True, b.Votes) = (0, 0, 0);
            b.Waiting.Clear();
        }
        foreach (Warp warp in warps) warp.Start();
        random = new(unchecked((int)(Launch.Seed * 1_000_003 + block)));
        for (int i = 0; i < order.Length; i++) order[i] = i;
    }

    /// <summary>Whether a warp could have gone on at the end of the last turn.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Each warp runs for a while, in an order that comes from the seed. Returns whether all that have not ended wait.</summary>
    public bool Turn()
    {
        random.Shuffle(order);
        int waiting = 0, open = 0;
        IsBusy = false;
        foreach (int i in order)
        {
            if (warps[i].Done) continue;
            IsBusy |= warps[i].Run();
            if (warps[i].Done) continue;
            open++;
            if (warps[i].Frame.Waiting != 0 && warps[i].Frame.First >= warps[i].Frame.Pending.Length) waiting++;
        }
        Done = open == 0;
        return waiting == open;
    }

    /// <summary>The block is through: its last steps are counted.</summary>
    public void End()
    {
        Launch.Spend(warps[0], spent);
        spent = 0;
    }

    /// <summary>A warp is about to take so many steps.</summary>
    public void Spend(Warp warp, int count)
    {
        if ((spent += count) < portion) return;
        Launch.Spend(warp, spent);
        spent = 0;
    }

    /// <summary>Lanes come to a barrier; those that wait go on from a block of their frame when all have come.</summary>
    public void Arrive(Warp warp, BarrierOp op, int id, int count, uint mask, uint votes, bool waits, int resume)
    {
        if ((uint)id >= 16) throw warp.Fail(op, BitOperations.TrailingZeroCount(mask), "barrier", $"there is no barrier {id}");
        Barrier b = barriers[id];
        Observers?.Arrive(warp, op, id, mask, count, waits);
        if (count > 0 && b.Expected > 0 && b.Arrived > 0 && b.Expected != count)
            throw warp.Fail(op, BitOperations.TrailingZeroCount(mask), "barrier", $"barrier {id} waits for {b.Expected} threads: got {count}");
        b.Expected = count;
        // A number of threads counts whole warps: the lanes that the last one lacks come with the others.
        b.Arrived += count > 0 && mask == warp.Lanes ? 32 : BitOperations.PopCount(mask);
        b.True += BitOperations.PopCount(votes);
        b.Votes += BitOperations.PopCount(mask);
        if (waits)
        {
            warp.Frame.Waiting |= mask;
            b.Waiting.Add((warp, warp.Frame, resume, mask, op));
        }
        Release(b);
    }

    void Release(Barrier b)
    {
        if (b.Arrived == 0 || b.Arrived < (b.Expected > 0 ? b.Expected : Live)) return;
        Observers?.Release(this, b);
        foreach (var (_, frame, resume, mask, op) in b.Waiting)
        {
            frame.Waiting &= ~mask;
            op.Deliver(frame, mask, b);
            frame.Add(resume, mask);
        }
        b.Waiting.Clear();
        (b.Arrived, b.True, b.Votes, b.Expected) = (0, 0, 0, 0);
    }

    /// <summary>Threads that exited are not waited for.</summary>
    public void Exited(Warp warp, uint mask)
    {
        Live -= BitOperations.PopCount(mask);
        foreach (Barrier b in barriers) if (b.Expected == 0) Release(b);
        Cluster.Barrier.Exited(warp, mask);
    }

    public void Dispose()
    {
        foreach (Warp warp in warps) warp.Dispose();
        NativeMemory.AlignedFree(Places);
    }
}
