using System.Numerics;

namespace Tessera.Emulator;

/// <summary>
/// The 64 bits of an mbarrier object: how many arrivals a phase expects, how many are still pending, the bytes of copies that it waits for, the
/// phase's parity. NVIDIA leaves the content open; 0 is no barrier here.
/// </summary>
readonly record struct Mbarrier(int Expected, int Pending, int Bytes, bool Odd)
{
    public const int Most = (1 << 20) - 1;

    public ulong Bits => (uint)Expected | (ulong)(uint)Pending << 20 | (ulong)(uint)(Bytes & 0x3F_FFFF) << 40 | (Odd ? 1ul << 62 : 0) | 1ul << 63;

    public static bool IsOne(ulong bits) => bits >> 63 != 0;

    public static Mbarrier Of(ulong bits) => new((int)(bits & Most), (int)(bits >> 20 & Most), (int)(bits >> 40 << 10) >> 10, (bits >> 62 & 1) != 0);

    /// <summary>On to the next phase where this one is complete.</summary>
    public Mbarrier Settled => Pending == 0 && Bytes == 0 ? this with { Pending = Expected, Odd = !Odd } : this;
}

/// <summary>An instruction that has to do with an mbarrier object in shared memory.</summary>
abstract unsafe class MbarrierUser(Address address) : MemoryOp(address)
{
    protected ulong* Object(Warp w, Address at, int lane)
    {
        byte* p = Pointer(w, at, lane, 8, 8);
        return w.SpaceOf(p, at.Space) == Space.Shared ? (ulong*)p : throw Fault(w, lane, "an mbarrier lies in shared memory");
    }

    protected PtxException Fault(Warp w, int lane, string message) => w.Fail(this, lane, "mbarrier", message);

    protected Mbarrier Of(Warp w, int lane, ulong bits) => Mbarrier.IsOne(bits) ? Mbarrier.Of(bits) : throw Fault(w, lane, "there is no mbarrier here: mbarrier.init makes one");

    /// <summary>Waits for so many bytes of copies more, or fewer.</summary>
    protected Mbarrier Await(Warp w, int lane, Mbarrier b, long bytes) => Math.Abs(b.Bytes + bytes) <= Mbarrier.Most ? b with { Bytes = (int)(b.Bytes + bytes) }
        : throw Fault(w, lane, $"the barrier waits for {b.Bytes} bytes: got {bytes} more, {Mbarrier.Most} are the most");

    /// <summary>A barrier is told of bytes that are there.</summary>
    protected void Complete(Warp w, Address barrier, int lane, int bytes)
    {
        ulong* p = Object(w, barrier, lane);
        Release(w, p);
        *p = Await(w, lane, Of(w, lane, *p), -bytes).Settled.Bits;
    }

    /// <summary>What the warp did comes before what those do that see the phase complete.</summary>
    protected static void Release(Warp w, ulong* p) => w.Cta.Observers?.Clocks.Release(w.Number, Offset(w, p));

    protected static int Offset(Warp w, ulong* p) => (int)((byte*)p - w.Cta.Cluster.Shared);
}

/// <summary>The instructions <c>mbarrier</c>, lane by lane.</summary>
abstract unsafe class MbarrierOp(Address address) : MbarrierUser(address)
{
    public sealed override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            ulong* p = Object(w, From, lane);
            *p = Apply(w, lane, p);
        }
    }

    /// <summary>The object's new content.</summary>
    protected abstract ulong Apply(Warp w, int lane, ulong* p);

    public override void Observe(Warp w, uint mask) => Note(w, mask, 8, Access.Atomic);
}

/// <summary>mbarrier.init and mbarrier.inval.</summary>
sealed unsafe class MbarrierSet(Address address, Slot64? count) : MbarrierOp(address)
{
    protected override ulong Apply(Warp w, int lane, ulong* p)
    {
        if (count is not Slot64 slot)
        {
            Of(w, lane, *p);
            return 0;
        }
        uint expected = (uint)slot.Read(w.Registers, lane);
        return expected is > 0 and <= Mbarrier.Most ? new Mbarrier((int)expected, (int)expected, 0, false).Bits
            : throw Fault(w, lane, $"an mbarrier expects 1 to {Mbarrier.Most} arrivals: got {expected}");
    }

    public override void Observe(Warp w, uint mask) => Note(w, mask, 8, count is null ? Access.Read | Access.Write : Access.Write);
}

/// <summary>mbarrier.arrive, arrive_drop, and cp.async.mbarrier.arrive: <paramref name="count"/> arrivals, after the bytes that are to be expected.</summary>
sealed unsafe class MbarrierArrive(Address address, Slot64 state, Slot64? count, Slot64? bytes, bool drops, bool completes, bool copies, bool counts) : MbarrierOp(address)
{
    protected override ulong Apply(Warp w, int lane, ulong* p)
    {
        if (copies && w.Cta.Observers is { } observers)
        {
            observers.Groups.Commit(w.Number);
            observers.Wait(w.Number, 0);
        }
        Release(w, p);
        Mbarrier b = Of(w, lane, *p);
        if (bytes is Slot64 more) b = Await(w, lane, b, (uint)more.Read(w.Registers, lane));
        uint n = counts ? count is Slot64 slot ? (uint)slot.Read(w.Registers, lane) : 1 : 0;
        if (n > b.Pending) throw Fault(w, lane, $"the phase expects {b.Pending} more arrivals: got {n}");
        b = b with { Expected = drops ? b.Expected - (int)n : b.Expected, Pending = b.Pending - (int)n };
        if (state.Bytes > 0) state.Write(w.Registers, lane, *p);
        if (!completes && b.Settled != b) throw Fault(w, lane, "an arrival with .noComplete completes the phase");
        return b.Settled.Bits;
    }
}

/// <summary>mbarrier.expect_tx and complete_tx.</summary>
sealed unsafe class MbarrierBytes(Address address, Slot64 bytes, bool completes) : MbarrierOp(address)
{
    protected override ulong Apply(Warp w, int lane, ulong* p)
    {
        long n = (uint)bytes.Read(w.Registers, lane);
        return Await(w, lane, Of(w, lane, *p), completes ? -n : n) is var b && completes ? b.Settled.Bits : b.Bits;
    }
}

/// <summary>mbarrier.test_wait and try_wait: p = the phase of a state, or of a parity, is complete. Where it is not, another warp has its turn.</summary>
sealed unsafe class MbarrierWait(Address address, int result, Slot64 phase, bool parity) : MbarrierOp(address)
{
    protected override ulong Apply(Warp w, int lane, ulong* p)
    {
        ulong asked = phase.Read(w.Registers, lane);
        bool odd = parity ? (asked & 1) != 0 : Mbarrier.Of(asked).Odd, complete = Of(w, lane, *p).Odd != odd;
        SetPredicate(w.Registers, result, 1u << lane, complete ? ~0u : 0);
        if (complete) w.Cta.Observers?.Clocks.Acquire(w.Number, Offset(w, p));
        else w.Yield();
        return *p;
    }
}

/// <summary>
/// cp.async.bulk: as many bytes as a register says, done at once; the barrier, if there is one, is told of them. With a mask of blocks, all of
/// that at the same places of each block's memory. <c>cp.reduce</c> joins each element with what is there.
/// </summary>
sealed unsafe class BulkCopy(Address to, Address source, Slot64 size, Address? barrier, Slot64? blocks, (Func<ulong, ulong, ulong, ulong> Formula, int Bytes)? reduce) : MbarrierUser(to)
{
    const int unit = 16;

    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask), bytes = Size(w, lane);
            foreach (int rank in Ranks(w, lane))
            {
                if (bytes > 0) Put(Pointer(w, source, lane, bytes, unit), Pointer(w, From.InBlock(rank), lane, bytes, unit, writes: true), bytes);
                if (barrier is Address at) Complete(w, at.InBlock(rank), lane, bytes);
            }
        }
    }

    void Put(byte* from, byte* target, int bytes)
    {
        if (reduce is not var (f, each))
        {
            Buffer.MemoryCopy(from, target, bytes, bytes);
            return;
        }
        for (int at = 0; at < bytes; at += each)
        {
            switch (each)
            {
                case 2: *(ushort*)(target + at) = (ushort)f(*(ushort*)(target + at), *(ushort*)(from + at), 0); break;
                case 4: *(uint*)(target + at) = (uint)f(*(uint*)(target + at), *(uint*)(from + at), 0); break;
                default: *(ulong*)(target + at) = f(*(ulong*)(target + at), *(ulong*)(from + at), 0); break;
            }
        }
    }

    /// <summary>The blocks to copy to; -1 for where the address leads.</summary>
    int[] Ranks(Warp w, int lane)
    {
        if (blocks is not Slot64 slot) return [-1];
        uint mask = (ushort)slot.Read(w.Registers, lane);
        int size = w.Cta.Cluster.Size;
        if (mask >> size != 0) throw w.Fail(this, lane, "memory", $"the mask 0x{mask:X4} names blocks that a cluster of {size} has not");
        return [.. Enumerable.Range(0, size).Where(rank => (mask >> rank & 1) != 0)];
    }

    int Size(Warp w, int lane)
    {
        uint bytes = (uint)size.Read(w.Registers, lane);
        return bytes % unit == 0 && bytes <= int.MaxValue ? (int)bytes : throw Fault(w, lane, $"a bulk copy has a multiple of {unit} bytes: got {bytes}");
    }

    public override void Observe(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask), bytes = Size(w, lane);
            for (int at = 0; at < bytes; at += unit)
            {
                int offset = at;
                NoteEach(w, 1u << lane, unit, unit, Access.Read, _ => source with { Offset = source.Offset + offset });
                foreach (int rank in Ranks(w, lane)) NoteEach(w, 1u << lane, unit, unit, reduce == null ? Access.Write : Access.Atomic, _ => From.InBlock(rank) with { Offset = From.Offset + offset });
            }
            if (barrier is Address b) foreach (int rank in Ranks(w, lane)) NoteEach(w, 1u << lane, 8, 8, Access.Atomic, _ => b.InBlock(rank));
        }
    }
}
