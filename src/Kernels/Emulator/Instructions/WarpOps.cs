using System.Numerics;

namespace Tessera.Emulator;

/// <summary>An instruction that the lanes of a member mask run together; several such groups may come to it at once.</summary>
abstract unsafe class Collective : Op
{
    public sealed override void Run(Warp w, uint mask)
    {
        while (mask != 0)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            uint group = Members is Slot64 members ? ((uint)members.Read(w.Registers, lane) & mask) | 1u << lane : mask;
            Together(w, group);
            mask &= ~group;
        }
    }

    protected abstract void Together(Warp w, uint mask);
}

/// <summary>Moves values between lanes: shfl.</summary>
sealed unsafe class Shuffle(string mode, Slot64 d, int p, Slot64 a, Slot64 b, Slot64 c, Slot64? members) : Op
{
    /// <summary>The lane that a lane reads from; null where it is outside of its segment, and the lane keeps its own value.</summary>
    public int? SourceOf(byte* r, int lane)
    {
        uint control = (uint)c.Read(r, lane);
        int clamp = (int)(control & 31), segment = (int)(control >> 8 & 31), by = (int)(b.Read(r, lane) & 31);
        int highest = (lane & segment) | (clamp & ~segment), lowest = lane & segment;
        int from = mode switch { "up" => lane - by, "down" => lane + by, "bfly" => lane ^ by, _ => lowest | (by & ~segment) };
        return (mode == "up" ? from >= highest : from <= highest) ? from & 31 : null;
    }

    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint* values = stackalloc uint[32];
        for (int i = 0; i < 32; i++) values[i] = (uint)a.Read(r, i);
        uint inside = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            if (members is Slot64 s && ((uint)s.Read(r, i) >> i & 1) == 0) throw w.Fail(this, i, "warp", "the lane is not in the member mask of its own shuffle");
            int? from = SourceOf(r, i);
            if (from != null) inside |= 1u << i;
            d.Write(r, i, values[from ?? i]);
        }
        SetPredicate(r, p, mask, inside);
    }
}

/// <summary>vote.sync: all, any, uni as a predicate, or ballot as a mask.</summary>
sealed unsafe class Vote(string mode, int result, int p, bool negated, int constant) : Collective
{
    protected override void Together(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint votes = (p < 0 ? constant != 0 ? ~0u : 0 : negated ? ~*(uint*)(r + p) : *(uint*)(r + p)) & mask;
        if (mode == "ballot")
        {
            for (uint m = mask; m != 0; m &= m - 1) ((uint*)(r + result))[BitOperations.TrailingZeroCount(m)] = votes;
            return;
        }
        bool value = mode switch { "all" => votes == mask, "any" => votes != 0, _ => votes == mask || votes == 0 };
        SetPredicate(r, result, mask, value ? ~0u : 0);
    }
}

/// <summary>match.sync: the lanes that hold the same value.</summary>
sealed unsafe class Match(bool all, Slot64 d, int p, Slot64 a) : Collective
{
    protected override void Together(Warp w, uint mask)
    {
        byte* r = w.Registers;
        ulong* values = stackalloc ulong[32];
        uint* same = stackalloc uint[32];
        for (int i = 0; i < 32; i++) values[i] = a.Read(r, i);
        bool equal = true;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            same[i] = 0;
            for (uint k = mask; k != 0; k &= k - 1)
            {
                int j = BitOperations.TrailingZeroCount(k);
                if (values[i] == values[j]) same[i] |= 1u << j;
            }
            equal &= same[i] == mask;
        }
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            d.Write(r, i, all ? equal ? mask : 0 : same[i]);
        }
        SetPredicate(r, p, mask, equal ? ~0u : 0);
    }
}

/// <summary>redux.sync: one value from all lanes.</summary>
sealed unsafe class Reduce(Slot64 d, Slot64 a, Func<uint, uint, uint> f) : Collective
{
    protected override void Together(Warp w, uint mask)
    {
        byte* r = w.Registers;
        int first = BitOperations.TrailingZeroCount(mask);
        uint value = (uint)a.Read(r, first);
        for (uint m = mask & (mask - 1); m != 0; m &= m - 1) value = f(value, (uint)a.Read(r, BitOperations.TrailingZeroCount(m)));
        for (uint m = mask; m != 0; m &= m - 1) d.Write(r, BitOperations.TrailingZeroCount(m), value);
    }
}

/// <summary>Reads a register that depends on the warp, block or lane.</summary>
sealed unsafe class ReadSpecial(Slot64 d, Func<Warp, int, ulong> f) : Op
{
    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            d.Write(w.Registers, i, f(w, i));
        }
    }
}

/// <summary>Gives every lane the mask of the lanes that run with it.</summary>
sealed unsafe class ActiveMask(Slot64 d) : Op
{
    public override void Run(Warp w, uint mask)
    {
        for (uint m = mask; m != 0; m &= m - 1) d.Write(w.Registers, BitOperations.TrailingZeroCount(m), mask);
    }
}
