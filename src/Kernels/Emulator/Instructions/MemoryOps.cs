using System.Numerics;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>An address: a register or nothing, plus an offset, in a state space.</summary>
readonly record struct Address(Space Space, Slot64? Register, long Offset, bool FrameLocal)
{
    public const ulong SharedWindow = 0x8000_0000_0000_0000, LocalWindow = 0x9000_0000_0000_0000, WindowMask = 0xF000_0000_0000_0000;

    /// <summary>For shared memory of a cluster: the block whose memory is meant, whatever the register says; -1 for what it says.</summary>
    public int Rank { get; init; } = -1;

    public Address InBlock(int rank) => rank < 0 ? this : this with { Space = Space.Cluster, Rank = rank };

    public unsafe ulong Of(Warp w, int lane)
    {
        ulong at = unchecked((Register is Slot64 s ? s.Read(w.Registers, lane) : 0) + (ulong)Offset + (FrameLocal ? (ulong)w.LocalBase : 0));
        return Rank < 0 ? at : ClusterAddress.Of(ClusterAddress.Offset(at), Rank);
    }
}

/// <summary>What reads and writes memory: finds the bytes behind an address and refuses what is outside or misaligned.</summary>
abstract unsafe partial class MemoryOp(Address address) : Op
{
    Allocation? last;

    /// <summary>Whether it writes at its address.</summary>
    public bool Writes { get; set; }

    protected Address From => address;

    protected byte* Pointer(Warp w, int lane, int bytes, int align) => Pointer(w, address, lane, bytes, align, Writes);

    protected byte* Pointer(Warp w, Address from, int lane, int bytes, int align, bool writes = false)
    {
        ulong at = from.Of(w, lane);
        if ((at & (uint)(align - 1)) != 0) throw Misaligned(w, from.Space, lane, at, align);
        Space space = from.Space;
        if (space == Space.Param) { at += w.Cta.Launch.Parameters; space = Space.Global; }
        if (space == Space.Generic)
        {
            if ((at & Address.WindowMask) == Address.SharedWindow) space = Space.Cluster;
            else if ((at & Address.WindowMask) == Address.LocalWindow) space = Space.Local;
        }
        if (space == Space.Shared || (space == Space.Cluster && !ClusterAddress.NamesRank(at))) return Shared(w, w.Cta, lane, (uint)at, bytes);
        if (space == Space.Cluster) return Shared(w, BlockOf(w, lane, at), lane, ClusterAddress.Offset(at), bytes);
        if (space == Space.Local) return w.Local(lane, (uint)at, bytes, this);
        Allocation? known = last;
        if (known == null || !known.Holds(at, bytes))
        {
            known = w.Cta.Launch.Memory.Find(at, bytes);
            if (known == null) throw Outside(w, lane, at, bytes);
            if (!known.IsConstant || !Writes) last = known;
        }
        if (writes && known.IsConstant) throw w.Fail(this, lane, "memory", $"writes {bytes} bytes to constant memory: {known.Owner} + {at - known.Start} of {known.Bytes}");
        return (byte*)at;
    }

    byte* Shared(Warp w, Cta block, int lane, uint offset, int bytes) => offset <= (uint)(block.SharedBytes - bytes) && bytes <= block.SharedBytes ? block.Shared + offset
        : throw w.Fail(this, lane, "memory", $"shared address {offset} is outside the {block.SharedBytes} bytes of shared memory", $"shared memory + {offset} of {block.SharedBytes}");

    /// <summary>The block of the cluster that an address names; it must not have ended.</summary>
    Cta BlockOf(Warp w, int lane, ulong at)
    {
        int rank = ClusterAddress.Rank(at, w.Cta.Rank);
        if (rank >= w.Cta.Cluster.Size) throw w.Fail(this, lane, "memory", $"shared address 0x{(uint)at:X} is in no block of the cluster, which has {w.Cta.Cluster.Size}: mapa makes such addresses");
        Cta block = w.Cta.Cluster.Block(rank);
        return block.Live > 0 ? block : throw w.Fail(this, lane, "memory",
            $"shared memory of block {w.Cta.Launch.BlockAt(block.Index)}, which has ended: a barrier of the cluster before its end keeps it");
    }

    /// <summary>
    /// The addresses of all lanes, relative to <paramref name="origin"/>, checked at once. False where lanes reach into different
    /// allocations, or where one is wrong: then each lane is looked at by itself.
    /// </summary>
    protected bool Together(Warp w, uint mask, int bytes, ulong* at, out byte* origin)
    {
        if (!Gathered(w, mask, bytes, out Reach reach)) return InOne(w, mask, bytes, at, out origin);
        origin = reach.Origin;
        Widen(reach.Low, at, 0);
        Widen(reach.High, at + 16, 0);
        return true;
    }

    /// <summary>The same for addresses of any kind.</summary>
    bool InOne(Warp w, uint mask, int bytes, ulong* at, out byte* origin)
    {
        origin = null;
        if (address.Space is Space.Local or Space.Cluster || (mask != uint.MaxValue && address.Register == null)) return false;
        Addresses(w, at);
        ulong low = ulong.MaxValue, high = 0, all = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            ulong one = at[BitOperations.TrailingZeroCount(m)];
            (low, high, all) = (Math.Min(low, one), Math.Max(high, one), all | one);
        }
        if ((all & (uint)(bytes - 1)) != 0) return false;
        if (address.Space == Space.Shared)
        {
            origin = w.Cta.Shared;
            return bytes <= w.Cta.SharedBytes && high <= (ulong)(w.Cta.SharedBytes - bytes);
        }
        if (address.Space == Space.Param) { origin = (byte*)w.Cta.Launch.Parameters; low += (ulong)origin; high += (ulong)origin; }
        Allocation? known = last;
        if (known == null || !known.Holds(low, bytes)) known = w.Cta.Launch.Memory.Find(low, bytes);
        if (known == null || (known.IsConstant && Writes)) return false;
        last = known;
        return known.Holds(high, bytes);
    }

    void Addresses(Warp w, ulong* at)
    {
        for (int i = 0; i < 32; i++)
        {
            ulong one = address.Of(w, i);
            at[i] = address.Space == Space.Shared ? (uint)one : one;
        }
    }

    PtxException Misaligned(Warp w, Space space, int lane, ulong at, int align)
    {
        string place = PlaceOf(w, space, at);
        return w.Fail(this, lane, "memory", $"address 0x{at:X} is not aligned to {align} bytes{(place.Length > 0 ? $": {place}" : "")}", place);
    }

    /// <summary>An address as its owner sees it; empty where it is nobody's.</summary>
    static string PlaceOf(Warp w, Space space, ulong at)
    {
        ulong window = at & Address.WindowMask;
        if (space is Space.Shared || (space is Space.Generic or Space.Cluster && window == Address.SharedWindow) || (space is Space.Cluster && window == 0))
            return w.Cta.Launch.Code.Layout.NameOf((int)ClusterAddress.Offset(at));
        if (space is Space.Local || (space is Space.Generic && window == Address.LocalWindow)) return w.LocalPlace((uint)at);
        if (space is Space.Param) at += w.Cta.Launch.Parameters;
        return w.Cta.Launch.Memory.Find(at, 1) is { } owned ? $"{owned.Owner} + {at - owned.Start} of {owned.Bytes}" : "";
    }

    PtxException Outside(Warp w, int lane, ulong at, int bytes)
    {
        if (w.Cta.Launch.Memory.Freed(at) is var (freed, size))
            return w.Fail(this, lane, "memory",
                $"{bytes} bytes at address 0x{at:X} were freed{(freed.FreedAt > 0 ? $" at line {freed.FreedAt}" : "")}: {at - freed.Start} bytes after the start of {freed.Owner}, which had {size}",
                $"{freed.Owner} + {at - freed.Start} of {size}");
        Allocation? near = w.Cta.Launch.Memory.Before(at);
        bool isNear = at >= 4096 && near != null && at - near.Start <= (ulong)near.Bytes + (1 << 20);
        string where = at < 4096 ? ": a null pointer" : isNear ? $": {at - near!.Start} bytes after the start of {near.Owner}, which has {near.Bytes}" : "";
        return w.Fail(this, lane, "memory", $"{bytes} bytes at address 0x{at:X} are outside every allocation{where}", isNear ? $"{near!.Owner} + {at - near.Start} of {near.Bytes}" : "");
    }
}

/// <summary>d = [a], one or several values, widened with sign or zeros.</summary>
sealed unsafe class Load(Address address, PtxType type, Slot64[] d) : MemoryOp(address)
{
    readonly int bytes = type.Bits() / 8;
    readonly bool signed = type.Kind() == TypeKind.Signed, isWord = type.Bits() == 32 && d is [{ Bytes: 4 }];
    readonly int to = d[0].Offset;

    public override void Run(Warp w, uint mask)
    {
        uint* word = (uint*)(w.Registers + to);
        if (isWord && mask == uint.MaxValue && Aligned(w, out Rows rows))
        {
            Vector512<uint> high = rows.High.Read();
            rows.Low.Read().Store(word);
            high.Store(word + 16);
            return;
        }
        if (!isWord || !Gathered(w, mask, 4, out Reach reach)) { RunEach(w, mask); return; }
        Lanes.Store(word, 0, Words(reach.Origin, reach.Low), mask);
        Lanes.Store(word, 16, Words(reach.Origin, reach.High), mask);
    }

    void RunEach(Warp w, uint mask)
    {
        byte* r = w.Registers;
        ulong* at = w.Cta.Places;
        bool together = Together(w, mask, bytes * d.Length, at, out byte* origin);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            byte* p = together ? origin + at[i] : Pointer(w, i, bytes * d.Length, bytes * d.Length);
            for (int k = 0; k < d.Length; k++, p += bytes)
            {
                if (d[k].Bytes == 0) continue;
                if (bytes == 16) ((UInt128*)(r + d[k].Offset))[i] = *(UInt128*)p;
                else d[k].Write(r, i, Read(p));
            }
        }
    }

    public override void Observe(Warp w, uint mask) => Note(w, mask, bytes * d.Length, Access.Read);

    ulong Read(byte* p) => bytes switch
    {
        1 => signed ? (ulong)*(sbyte*)p : *p,
        2 => signed ? (ulong)*(short*)p : *(ushort*)p,
        4 => signed ? (ulong)*(int*)p : *(uint*)p,
        _ => *(ulong*)p,
    };
}

/// <summary>[a] = v, one or several values.</summary>
sealed unsafe class Store(Address address, PtxType type, Slot64[] v) : MemoryOp(address)
{
    readonly int bytes = type.Bits() / 8;
    readonly bool isWord = type.Bits() == 32 && v is [{ Bytes: 4 }];
    readonly int from = v[0].Offset;

    public override void Run(Warp w, uint mask)
    {
        uint* word = (uint*)(w.Registers + from);
        if (isWord && mask == uint.MaxValue && Aligned(w, out Rows rows) && !rows.Low.Same && !rows.High.Same)
        {
            Vector512.Load(word).Store(rows.Low.At);
            Vector512.Load(word + 16).Store(rows.High.At);
            return;
        }
        if (!isWord || mask != uint.MaxValue || !Gathered(w, mask, 4, out Reach reach)) { RunEach(w, mask); return; }
        PutWords(reach.Origin, reach.Low, Vector512.Load(word));
        PutWords(reach.Origin, reach.High, Vector512.Load(word + 16));
    }

    void RunEach(Warp w, uint mask)
    {
        byte* r = w.Registers;
        ulong* at = w.Cta.Places;
        bool together = Together(w, mask, bytes * v.Length, at, out byte* origin);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            Put(r, i, together ? origin + at[i] : Pointer(w, i, bytes * v.Length, bytes * v.Length));
        }
    }

    void Put(byte* r, int lane, byte* p)
    {
        for (int k = 0; k < v.Length; k++, p += bytes)
        {
            if (bytes == 16) { *(UInt128*)p = ((UInt128*)(r + v[k].Offset))[lane]; continue; }
            ulong value = v[k].Read(r, lane);
            switch (bytes)
            {
                case 1: *p = (byte)value; break;
                case 2: *(ushort*)p = (ushort)value; break;
                case 4: *(uint*)p = (uint)value; break;
                default: *(ulong*)p = value; break;
            }
        }
    }

    public override void Observe(Warp w, uint mask) => Note(w, mask, bytes * v.Length, Access.Write);

    public override bool ValueOf(Warp w, int lane, byte* value)
    {
        Put(w.Registers, lane, value);
        return true;
    }
}

/// <summary>d = [a], [a] = f(d, b, c) as one step that nobody can come between; d may be absent.</summary>
sealed unsafe class Atomic(Address address, int bytes, Slot64 d, Slot64 b, Slot64 c, Func<ulong, ulong, ulong, ulong> formula, Func<ulong, ulong, ulong, ulong>? inGlobal = null) : MemoryOp(address)
{
    Func<ulong, ulong, ulong, ulong> Formula(Warp w, int lane) =>
        inGlobal == null || (From.Space == Space.Generic && (From.Of(w, lane) & Address.WindowMask) is Address.SharedWindow or Address.LocalWindow) ? formula : inGlobal;

    static readonly Lock narrow = new();

    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            byte* p = Pointer(w, i, bytes, bytes);
            ulong x = b.Bytes == 0 ? 0 : b.Read(r, i), y = c.Bytes == 0 ? 0 : c.Read(r, i), old;
            var f = Formula(w, i);
            if (bytes == 4)
            {
                uint seen;
                do seen = Volatile.Read(ref *(uint*)p);
                while (Interlocked.CompareExchange(ref *(uint*)p, (uint)f(seen, x, y), seen) != seen);
                old = seen;
            }
            else if (bytes == 8)
            {
                ulong seen;
                do seen = Volatile.Read(ref *(ulong*)p);
                while (Interlocked.CompareExchange(ref *(ulong*)p, f(seen, x, y), seen) != seen);
                old = seen;
            }
            else
            {
                lock (narrow)
                {
                    old = *(ushort*)p;
                    *(ushort*)p = (ushort)f(old, x, y);
                }
            }
            if (d.Bytes > 0) d.Write(r, i, old);
        }
    }

    public override void Observe(Warp w, uint mask) => Note(w, mask, bytes, Access.Atomic);

    public override bool IsWriting(Warp w, int lane)
    {
        if (c.Bytes == 0) return true;
        byte* p = Pointer(w, lane, bytes, bytes);
        return (bytes == 8 ? *(ulong*)p : bytes == 4 ? *(uint*)p : *(ushort*)p) == b.Read(w.Registers, lane);
    }
}

/// <summary>Copies from global to shared memory; done at once, which every use of groups allows. Bytes beyond the source's size are zeros, and all of them where a predicate says so.</summary>
sealed unsafe class AsyncCopy(Address to, Address from, int bytes, Slot64? size, int ignore, bool negated) : MemoryOp(to)
{
    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            int take = Taken(w, i);
            byte* target = Pointer(w, i, bytes, bytes);
            if (take > 0) Buffer.MemoryCopy(Pointer(w, from, i, take, bytes), target, bytes, take);
            new Span<byte>(target + take, bytes - take).Clear();
        }
    }

    int Taken(Warp w, int lane)
    {
        if (ignore >= 0 && (*(uint*)(w.Registers + ignore) >> lane & 1) != 0 != negated) return 0;
        return size is Slot64 s ? (int)Math.Min((uint)bytes, (uint)s.Read(w.Registers, lane)) : bytes;
    }

    public override void Observe(Warp w, uint mask)
    {
        // One request for each number of bytes that lanes take: all of them, and at the end of a row perhaps fewer.
        for (uint rest = mask; rest != 0;)
        {
            int take = Taken(w, BitOperations.TrailingZeroCount(rest));
            uint same = 0;
            for (uint m = rest; m != 0; m &= m - 1) if (Taken(w, BitOperations.TrailingZeroCount(m)) == take) same |= m & (0 - m);
            if (take > 0) NoteEach(w, same, take, bytes, Access.Read, _ => from);
            rest &= ~same;
        }
        Note(w, mask, bytes, Access.Write | Access.Asynchronous);
    }
}

/// <summary>cp.async.commit_group, wait_group and wait_all: copies are done at once here, so only those who look on care.</summary>
sealed class AsyncGroup(bool commits, int keep) : Op
{
    public override void Run(Warp w, uint mask)
    {
        if (w.Cta.Observers is not { } observers) return;
        if (commits) observers.Groups.Commit(w.Number);
        if (keep >= 0) observers.Wait(w.Number, keep);
    }
}
