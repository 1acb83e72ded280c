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

/// <summary>A block of threads: its warps, shared memory and barriers. One worker thread runs one block after the other on it.</summary>
sealed unsafe class Cta : IDisposable
{
    readonly Barrier[] barriers = [.. Enumerable.Range(0, 16).Select(id => new Barrier { Id = id })];
    readonly Warp[] warps;
    int live;

    /// <summary>How many warps it starts with.</summary>
    public int Warps => warps.Length;

    public readonly Launch Launch;
    public readonly byte* Shared;
    public readonly int SharedBytes;
    public int X, Y, Z;

    /// <summary>The number of the running block.</summary>
    public long Index;

    /// <summary>Who looks on; null where nobody does.</summary>
    public readonly Observers? Observers;

    /// <summary>Steps that the launch is told of together, so that threads seldom meet at its counter.</summary>
    readonly int portion;

    int spent;

    public Cta(Launch launch)
    {
        Launch = launch;
        portion = (int)Math.Clamp(launch.StepLimit >> 10, 1, 1 << 14);
        SharedBytes = launch.Code.SharedBytes + launch.DynamicShared;
        Shared = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(SharedBytes, 64), 128);
        warps = [.. Enumerable.Range(0, (launch.Threads + 31) / 32).Select(i => new Warp(this, i))];
        if (launch.Checks != PtxChecks.None || launch.Counts) Observers = new(this, launch.Checks, launch.Counts);
    }

    /// <summary>Runs one block of the grid to its end; the order of warps comes from the seed.</summary>
    public void Run(long block)
    {
        Index = block;
        X = (int)(block % Launch.Grid.X);
        Y = (int)(block / Launch.Grid.X % Launch.Grid.Y);
        Z = (int)(block / Launch.Grid.X / Launch.Grid.Y);
        NativeMemory.Clear(Shared, (nuint)Math.Max(SharedBytes, 1));
        live = Launch.Threads;
        foreach (Barrier b in barriers)
        {
            (b.Arrived, b.True, b.Votes) = (0, 0, 0);
            b.Waiting.Clear();
        }
        foreach (Warp warp in warps) warp.Start();
        Observers?.Start();
        Random random = new(unchecked((int)(Launch.Seed * 1_000_003 + block)));
        int[] order = [.. Enumerable.Range(0, warps.Length)];
        for (int open = warps.Length; open > 0;)
        {
            random.Shuffle(order);
            int waiting = 0;
            open = 0;
            foreach (int i in order)
            {
                if (warps[i].Done) continue;
                warps[i].Run();
                if (warps[i].Done) continue;
                open++;
                if (warps[i].Frame.Waiting != 0 && warps[i].Frame.First >= warps[i].Frame.Pending.Length) waiting++;
            }
            if (open > 0 && waiting == open && !warps.Any(w => !w.Done && w.Frame.First < w.Frame.Pending.Length)) throw Deadlock();
        }
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

    PtxException Deadlock()
    {
        var waiting = barriers.SelectMany(b => b.Waiting.Select(w => (w.Warp, w.Mask, w.Op, b.Id))).OrderBy(w => w.Op.Site).ThenBy(w => w.Warp.Index).ToArray();
        var where = waiting.GroupBy(w => (w.Op, w.Id)).Select(g => $"{g.Sum(w => BitOperations.PopCount(w.Mask))} wait at line {g.Key.Op.Position.Line} for barrier {g.Key.Id}");
        return waiting[0].Warp.Fail(waiting[0].Op, BitOperations.TrailingZeroCount(waiting[0].Mask), "barrier", $"deadlock: of {live} threads, {string.Join(", ", where)}");
    }

    /// <summary>Lanes come to a barrier; those that wait go on from a block of their frame when all have come.</summary>
    public void Arrive(Warp warp, BarrierOp op, int id, int count, uint mask, uint votes, bool waits, int resume)
    {
        if ((uint)id >= 16) throw warp.Fail(op, BitOperations.TrailingZeroCount(mask), "barrier", $"there is no barrier {id}");
        Barrier b = barriers[id];
        Observers?.Arrive(warp, op, id, mask, count, waits);
        if (count > 0 && b.Expected > 0 && b.Arrived > 0 && b.Expected != count) throw warp.Fail(op, BitOperations.TrailingZeroCount(mask), "barrier", $"barrier {id} waits for {b.Expected} threads: got {count}");
        b.Expected = count;
        b.Arrived += BitOperations.PopCount(mask);
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
        if (b.Arrived == 0 || b.Arrived < (b.Expected > 0 ? Math.Min(b.Expected, Launch.Threads) : live)) return;
        Observers?.Release(b);
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
    public void Exited(uint mask)
    {
        live -= BitOperations.PopCount(mask);
        foreach (Barrier b in barriers) if (b.Expected == 0) Release(b);
    }

    public void Dispose()
    {
        Observers?.Dispose();
        foreach (Warp warp in warps) warp.Dispose();
        NativeMemory.AlignedFree(Shared);
    }
}
