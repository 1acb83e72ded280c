using System.Numerics;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>What a memory instruction tells those who look on, before it runs.</summary>
abstract unsafe partial class MemoryOp
{
    /// <summary>What it orders.</summary>
    public Ordering Order { get; set; }

    /// <summary>Whether a lane is about to write; a compare-and-swap that finds something else does not.</summary>
    public virtual bool IsWriting(Warp w, int lane) => true;

    /// <summary>The bytes a lane is about to write; false where that is not known beforehand.</summary>
    public virtual bool ValueOf(Warp w, int lane, byte* value) => false;

    /// <summary>The instruction's own address: each lane touches <paramref name="bytes"/>.</summary>
    protected void Note(Warp w, uint mask, int bytes, Access access)
    {
        ulong* at = w.Cta.Places;
        bool isShared = address.Space is Space.Shared or Space.Cluster;
        Pattern low, high;
        if (bytes == 4 && mask == uint.MaxValue && Aligned(w, out Rows rows))
        {
            byte* from = isShared ? w.Cta.Cluster.Shared : null;
            rows.Low.Places(from, at);
            rows.High.Places(from, at + 16);
            (low, high) = (rows.Low.Pattern, rows.High.Pattern);
        }
        else if (Gathered(w, mask, bytes, out Reach reach))
        {
            ulong origin = (ulong)reach.Origin - (isShared ? (ulong)w.Cta.Cluster.Shared : 0);
            Widen(reach.Low, at, origin);
            Widen(reach.High, at + 16, origin);
            (low, high) = (Patterns.Of(reach.Low, bytes, mask), Patterns.Of(reach.High, bytes, mask >> 16));
        }
        else if (InOne(w, mask, bytes, at, out byte* origin))
        {
            ulong from = (ulong)origin - (isShared ? (ulong)w.Cta.Cluster.Shared : 0);
            for (int i = 0; i < 32; i++) at[i] += from;
            (low, high) = (Patterns.Of(at, bytes, mask), Patterns.Of(at + 16, bytes, mask >> 16));
        }
        else
        {
            NoteEach(w, mask, bytes, bytes, access, _ => address);
            return;
        }
        Space space = isShared ? Space.Shared : address.Space is Space.Param ? Space.Param : Space.Global;
        w.Cta.Observers!.Touch(new(w, this, mask, space, bytes, Order.Strong ? access | Access.Strong : access, at, low, high));
    }

    static void Widen(Vector512<uint> offsets, ulong* to, ulong origin)
    {
        Vector512<ulong> all = Vector512.Create(origin);
        (Vector512.WidenLower(offsets) + all).Store(to);
        (Vector512.WidenUpper(offsets) + all).Store(to + 8);
    }

    /// <summary>Addresses that differ by lane, checked one by one and told by state space.</summary>
    protected void NoteEach(Warp w, uint mask, int bytes, int align, Access access, Func<int, Address> from)
    {
        ulong* at = w.Cta.Places;
        uint shared = 0, local = 0, param = 0, global = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            byte* p = Pointer(w, from(lane), lane, bytes, align);
            Space space = w.SpaceOf(p, from(lane).Space);
            at[lane] = space == Space.Shared ? (ulong)(p - w.Cta.Cluster.Shared) : (ulong)p;
            (space == Space.Shared ? ref shared : ref space == Space.Local ? ref local : ref space == Space.Param ? ref param : ref global) |= 1u << lane;
        }
        if (Order.Strong) access |= Access.Strong;
        Tell(w, shared, Space.Shared, bytes, access, at);
        Tell(w, local, Space.Local, bytes, access, at);
        Tell(w, param, Space.Param, bytes, access, at);
        Tell(w, global, Space.Global, bytes, access, at);
    }

    void Tell(Warp w, uint mask, Space space, int bytes, Access access, ulong* at)
    {
        if (mask != 0) w.Cta.Observers!.Touch(new(w, this, mask, space, bytes, access, at, Patterns.Of(at, bytes, mask), Patterns.Of(at + 16, bytes, mask >> 16)));
    }
}

/// <summary>
/// What a memory instruction orders. Strong ones (atomic, volatile, relaxed, acquire or release) do not race with their like in a scope of both: 0 is the
/// block, 1 the cluster, 2 the device; mbarriers are updated as one step whatever their scope. Non-coherent ones may give what lay there when the kernel began.
/// </summary>
readonly record struct Ordering(bool Strong, bool Acquires, bool Releases, int Level, bool IsNonCoherent)
{
    public static Ordering Of(Instruction i) => new(FormTable.Is(i.Opcode, "atomic") || i.Has("volatile") || i.Has("relaxed") || i.Has("acquire") || i.Has("release") || i.Has("mmio"),
        i.Has("acquire") || i.Has("acq_rel"), i.Has("release") || i.Has("acq_rel"), i.Opcode == "mbarrier" || i.Has("async") ? 2 : LevelOf(i), i.Has("nc"));

    /// <summary>The scope of an access or a fence.</summary>
    public static int LevelOf(Instruction i) => i.Has("cta") ? 0 : i.Has("cluster") ? 1 : 2;
}
