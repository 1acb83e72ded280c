using System.Numerics;

namespace Tessera.Emulator;

/// <summary>
/// Addresses of shared memory in a cluster: the offset in a block's memory, above it the block's rank and one. Zero there is the block of the thread
/// itself, so every address of its own memory is one of the cluster's too.
/// </summary>
static class ClusterAddress
{
    const int shift = 24;

    public static ulong Of(ulong offset, int rank) => offset | (ulong)(rank + 1) << shift;

    public static uint Offset(ulong address) => (uint)address & ((1u << shift) - 1);

    /// <summary>The block's rank; that of the thread's own where none is named.</summary>
    public static int Rank(ulong address, int own) => (int)((uint)address >> shift) is > 0 and var named ? named - 1 : own;

    public static bool NamesRank(ulong address) => (uint)address >> shift != 0;
}

/// <summary>barrier.cluster.arrive and barrier.cluster.wait.</summary>
sealed class ClusterBarrierOp(bool waits, bool releases, bool aligned, int resume) : Op
{
    public override void Run(Warp w, uint mask)
    {
        w.Cta.Observers?.ComeToCluster(w, this, mask, aligned);
        ClusterBarrier barrier = w.Cta.Cluster.Barrier;
        if (waits)
        {
            barrier.Wait(w, this, mask, resume);
            return;
        }
        w.Frame.Add(resume, mask);
        barrier.Arrive(w, this, mask, releases);
    }
}

/// <summary>mapa: the same place in the shared memory of another block of the cluster; of a generic address with its window.</summary>
sealed unsafe class MapToBlock(Slot64 d, Slot64 a, Slot64 rank, ulong window) : Op
{
    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            ulong from = a.Read(w.Registers, lane), to = rank.Read(w.Registers, lane);
            if (to >= (ulong)w.Cta.Cluster.Size) throw w.Fail(this, lane, "memory", $"there is no block {to} in a cluster of {w.Cta.Cluster.Size}");
            if ((from & Address.WindowMask) != window || (uint)from != (from & ~Address.WindowMask)) throw w.Fail(this, lane, "memory", $"0x{from:X} is no address of shared memory");
            d.Write(w.Registers, lane, window | ClusterAddress.Of(ClusterAddress.Offset(from), (int)to));
        }
    }
}

/// <summary>getctarank: the block of the cluster whose shared memory an address lies in.</summary>
sealed unsafe class RankOfAddress(Slot64 d, Slot64 a) : Op
{
    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            d.Write(w.Registers, lane, (ulong)ClusterAddress.Rank(a.Read(w.Registers, lane), w.Cta.Rank));
        }
    }
}

/// <summary>mov.pred of %is_explicit_cluster.</summary>
sealed unsafe class ReadClusterPredicate(int d) : Op
{
    public override void Run(Warp w, uint mask) => SetPredicate(w.Registers, d, mask, w.Cta.Launch.HasClusters ? ~0u : 0);
}

/// <summary>st.async and red.async: done at once, and a barrier in the same block's memory is told of the bytes.</summary>
sealed unsafe class AnnouncedStore(Address to, int bytes, Slot64[] values, Func<ulong, ulong, ulong, ulong>? f, Address barrier) : MbarrierUser(to)
{
    public override void Run(Warp w, uint mask)
    {
        int all = bytes * values.Length;
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            byte* p = Pointer(w, lane, all, all);
            foreach (Slot64 value in values)
            {
                ulong x = value.Read(w.Registers, lane);
                if (bytes == 4) *(uint*)p = (uint)(f == null ? x : f(*(uint*)p, x, 0));
                else *(ulong*)p = f == null ? x : f(*(ulong*)p, x, 0);
                p += bytes;
            }
            Complete(w, barrier, lane, all);
        }
    }

    public override void Observe(Warp w, uint mask)
    {
        Note(w, mask, bytes * values.Length, f == null ? Access.Write : Access.Atomic);
        NoteEach(w, mask, 8, 8, Access.Atomic, _ => barrier);
    }
}
