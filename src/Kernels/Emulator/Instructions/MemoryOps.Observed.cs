using System.Numerics;
using System.Runtime.CompilerServices;

namespace Tessera.Emulator;

/// <summary>What a memory instruction tells those who look on, before it runs.</summary>
abstract unsafe partial class MemoryOp
{
    /// <summary>Atomic, volatile, relaxed, acquire or release: does not race with its like.</summary>
    public bool Strong { get; set; }

    /// <summary>Hands over what the block did before.</summary>
    public bool Releases { get; set; }

    /// <summary>The bytes a lane is about to write; false where that is not known beforehand.</summary>
    public virtual bool ValueOf(Warp w, int lane, byte* value) => false;

    /// <summary>The instruction's own address: each lane touches <paramref name="bytes"/>.</summary>
    [SkipLocalsInit]
    protected void Note(Warp w, uint mask, int bytes, Access access)
    {
        ulong* at = stackalloc ulong[32];
        if (!Together(w, mask, bytes, at, out byte* origin))
        {
            NoteEach(w, mask, bytes, bytes, access, _ => address);
            return;
        }
        if (address.Space != Space.Shared) for (int i = 0; i < 32; i++) at[i] += (ulong)origin;
        Space space = address.Space is Space.Shared or Space.Param ? address.Space : Space.Global;
        w.Cta.Observers!.Touch(new(w, this, mask, space, bytes, Strong ? access | Access.Strong : access, at));
    }

    /// <summary>Addresses that differ by lane, checked one by one and told by state space.</summary>
    protected void NoteEach(Warp w, uint mask, int bytes, int align, Access access, Func<int, Address> from)
    {
        ulong* at = stackalloc ulong[32];
        uint shared = 0, local = 0, param = 0, global = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            byte* p = Pointer(w, from(lane), lane, bytes, align);
            Space space = w.SpaceOf(p, from(lane).Space);
            at[lane] = space == Space.Shared ? (ulong)(p - w.Cta.Shared) : (ulong)p;
            (space == Space.Shared ? ref shared : ref space == Space.Local ? ref local : ref space == Space.Param ? ref param : ref global) |= 1u << lane;
        }
        if (Strong) access |= Access.Strong;
        Observers observers = w.Cta.Observers!;
        if (shared != 0) observers.Touch(new(w, this, shared, Space.Shared, bytes, access, at));
        if (local != 0) observers.Touch(new(w, this, local, Space.Local, bytes, access, at));
        if (param != 0) observers.Touch(new(w, this, param, Space.Param, bytes, access, at));
        if (global != 0) observers.Touch(new(w, this, global, Space.Global, bytes, access, at));
    }
}
