using System.Numerics;

namespace Tessera.Emulator;

/// <summary>Barriers of the block: aligned ones take whole warps, and a thread count is a multiple of 32 that the block can meet.</summary>
sealed class BarrierCheck(Observers observers)
{
    /// <summary>Lanes come to a barrier.</summary>
    public void Arrive(Warp w, BarrierOp op, uint mask, int count)
    {
        int lane = BitOperations.TrailingZeroCount(mask);
        if (op.Aligned) Align(w, op, mask);
        if (count % 32 != 0) Find(w, op, lane, 1, $"the thread count of a barrier is a multiple of 32: got {count}");
        else if (count > observers.Cluster.Launch.Threads + 31 >> 5 << 5) Find(w, op, lane, 2, $"the barrier waits for {count} threads, but the block has {observers.Cluster.Launch.Threads}");
    }

    /// <summary>Lanes come to an instruction that is for whole warps. Those that have nothing left to do but to end are as good as gone.</summary>
    public void Align(Warp w, Op op, uint mask)
    {
        uint needed = w.Live & ~w.Ending;
        if ((needed & ~mask) != 0) Find(w, op, BitOperations.TrailingZeroCount(mask), 0, $"the barrier needs all threads of the warp together: only the lanes 0x{mask:X8} of 0x{needed:X8} come to it");
    }

    void Find(Warp w, Op op, int lane, int kind, string message) => observers.Findings.Add("barrier", op, kind, w.SpotOf(lane), message);
}
