using System.Numerics;

namespace Tessera.Emulator;

/// <summary>d = f(a, b, p), lane by lane, with a predicate.</summary>
sealed unsafe class MapWithPredicate(Slot64 d, Slot64 a, Slot64 b, int p, bool negated, Func<ulong, ulong, bool, ulong> f) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint predicate = negated ? ~*(uint*)(r + p) : *(uint*)(r + p);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            d.Write(r, i, f(a.Read(r, i), b.Read(r, i), (predicate >> i & 1) != 0));
        }
    }
}

/// <summary>Copies bytes between registers of different widths: of each lane, some bytes at a place in it.</summary>
sealed unsafe class WideMove((Slot64 From, int FromByte, Slot64 To, int ToByte, int Bytes)[] pieces) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        UInt128* lane = stackalloc UInt128[pieces.Length];
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            for (int k = 0; k < pieces.Length; k++)
            {
                var (from, at, _, _, bytes) = pieces[k];
                Buffer.MemoryCopy(r + from.Offset + (i * from.Bytes) + at, lane + k, 16, bytes);
            }
            for (int k = 0; k < pieces.Length; k++)
            {
                var (_, _, to, at, bytes) = pieces[k];
                Buffer.MemoryCopy(lane + k, r + to.Offset + (i * to.Bytes) + at, to.Bytes - at, bytes);
            }
        }
    }
}

/// <summary>Atomics on the values of a vector; its address is aligned to all of it.</summary>
sealed unsafe class AtomicVector(Address address, int bytes, Atomic[] parts) : MemoryOp(address)
{
    public override void Run(Warp w, uint mask)
    {
        for (uint m = mask; m != 0; m &= m - 1) Pointer(w, BitOperations.TrailingZeroCount(m), bytes, bytes);
        foreach (Atomic part in parts) part.Run(w, mask);
    }

    public override void Observe(Warp w, uint mask) => Note(w, mask, bytes, Access.Atomic);
}

/// <summary>The 8-bit floats: e4m3 (largest 448, no infinity) and e5m2 (largest 57344).</summary>
static class ByteFloat
{
    const int nan = 0x7F;

    /// <summary>The nearest value, ties to even; what is too large becomes the largest.</summary>
    public static ulong Bits(bool e4m3, double x, bool relu)
    {
        if (double.IsNaN(x)) return nan;
        if (relu && !(x > 0)) return 0;
        (int mantissa, int low, double most) = e4m3 ? (3, -6, 448.0) : (2, -14, 57344.0);
        double y = Math.Min(Rounding.To(Math.Min(Math.Abs(x), most), 0, mantissa + 1, low, 15, RoundingMode.Nearest), most);
        int exponent = y == 0 ? low : Math.Max(Math.ILogB(y), low);
        int steps = (int)(y / Math.ScaleB(1, exponent - mantissa));
        // Subnormals have an exponent field of 0 and no hidden bit.
        int bits = (exponent - low << mantissa) + steps;
        return (ulong)(bits | (double.IsNegative(x) ? 0x80 : 0));
    }

    public static double Value(bool e4m3, byte bits)
    {
        (int mantissa, int low) = e4m3 ? (3, -6) : (2, -14);
        int magnitude = bits & 0x7F, field = magnitude >> mantissa, fraction = magnitude & ((1 << mantissa) - 1);
        double value = e4m3 && magnitude == 0x7F || !e4m3 && field == 31 && fraction != 0 ? double.NaN
            : !e4m3 && field == 31 ? double.PositiveInfinity
            : Math.ScaleB(field == 0 ? fraction : fraction + (1 << mantissa), Math.Max(field, 1) - 1 + low - mantissa);
        return (bits & 0x80) != 0 ? -value : value;
    }
}
