using System.Numerics;

namespace Tessera.Emulator;

/// <summary>elect.sync: the lowest lane of the members is the one elected; d is its number, p true for it alone.</summary>
sealed unsafe class Elect(Slot64 d, int p) : Collective
{
    protected override void Together(Warp w, uint mask)
    {
        int chosen = BitOperations.TrailingZeroCount(mask);
        if (d.Bytes > 0) for (uint m = mask; m != 0; m &= m - 1) d.Write(w.Registers, BitOperations.TrailingZeroCount(m), (ulong)chosen);
        SetPredicate(w.Registers, p, mask, 1u << chosen);
    }
}

/// <summary>isspacep: whether a generic address lies in a state space. Constants and a kernel's parameters are part of the global window.</summary>
sealed unsafe class IsSpace(int p, Slot64 a, Space space, bool isConst, bool isParam) : Op
{
    public override void Run(Warp w, uint mask)
    {
        uint inside = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            if (Holds(w, a.Read(w.Registers, lane))) inside |= 1u << lane;
        }
        SetPredicate(w.Registers, p, mask, inside);
    }

    bool Holds(Warp w, ulong at)
    {
        ulong window = at & Address.WindowMask;
        if (isConst) return w.Cta.Launch.Code.Image.IsConstant(at);
        if (isParam) return w.Cta.Launch.Memory.Find(at, 1)?.Start == w.Cta.Launch.Parameters;
        return space switch
        {
            Space.Cluster => window == Address.SharedWindow,
            Space.Shared => window == Address.SharedWindow && ClusterAddress.Rank(at, w.Cta.Rank) == w.Cta.Rank,
            Space.Local => window == Address.LocalWindow,
            _ => window is not (Address.SharedWindow or Address.LocalWindow),
        };
    }
}

/// <summary>movmatrix: an 8 by 8 matrix of 16-bit elements, two to a lane along its rows, transposed.</summary>
sealed unsafe class MatrixTranspose(Slot64 d, Slot64 a) : Op
{
    public override void Run(Warp w, uint mask)
    {
        if (mask != uint.MaxValue) throw w.Fail(this, BitOperations.TrailingZeroCount(mask), "warp", "all 32 lanes of the warp must take part");
        ushort* from = stackalloc ushort[64];
        for (int i = 0; i < 64; i++) from[i] = (ushort)(a.Read(w.Registers, i / 2) >> (i % 2 * 16));
        for (int lane = 0; lane < 32; lane++)
        {
            int row = lane / 4, column = lane % 4 * 2;
            d.Write(w.Registers, lane, from[(column * 8) + row] | (uint)from[((column + 1) * 8) + row] << 16);
        }
    }
}

/// <summary>atom.exch.b128 and, with a value to put where memory holds b, atom.cas.b128.</summary>
sealed unsafe class AtomicWide(Address address, Slot64 d, Slot64 b, Slot64? swap) : MemoryOp(address)
{
    static readonly Lock wide = new();

    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            UInt128* p = (UInt128*)Pointer(w, lane, 16, 16);
            UInt128 x = ((UInt128*)(w.Registers + b.Offset))[lane], old;
            lock (wide)
            {
                old = *p;
                if (swap is not Slot64 s) *p = x;
                else if (old == x) *p = ((UInt128*)(w.Registers + s.Offset))[lane];
            }
            if (d.Bytes > 0) ((UInt128*)(w.Registers + d.Offset))[lane] = old;
        }
    }

    public override void Observe(Warp w, uint mask) => Note(w, mask, 16, Access.Atomic);
}
