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

/// <summary>
/// The floats of 8, 6 and 4 bits: e4m3 (largest 448, no infinity), e5m2 (largest 57344), and without infinity and NaN e2m3 (7.5), e3m2 (28) and
/// e2m1 (6).
/// </summary>
/// <param name="Mantissa">Bits of fraction.</param>
/// <param name="Low">The exponent of the smallest normal value.</param>
/// <param name="Most">The largest finite value.</param>
/// <param name="Sign">The bit of the sign, above exponent and fraction.</param>
readonly record struct SmallFloat(int Mantissa, int Low, double Most, int Sign)
{
    const int nan = 0x7F;

    static readonly Dictionary<PtxType, SmallFloat> all = new()
    {
        [PtxType.E4m3] = new(3, -6, 448, 7),
        [PtxType.E5m2] = new(2, -14, 57344, 7),
        [PtxType.E2m3] = new(3, 0, 7.5, 5),
        [PtxType.E3m2] = new(2, -2, 28, 5),
        [PtxType.E2m1] = new(1, 0, 6, 3),
    };

    /// <summary>The format of a type, or of one of a pair's two.</summary>
    public static SmallFloat? Of(PtxType type) => all.TryGetValue(type switch
    {
        PtxType.E4m3x2 => PtxType.E4m3,
        PtxType.E5m2x2 => PtxType.E5m2,
        PtxType.E2m3x2 => PtxType.E2m3,
        PtxType.E3m2x2 => PtxType.E3m2,
        PtxType.E2m1x2 => PtxType.E2m1,
        _ => type,
    }, out SmallFloat format) ? format : null;

    bool HasNaN => Sign == 7;

    /// <summary>How far the second of a pair lies above the first: a byte, or half of one.</summary>
    public int Step => Sign == 3 ? 4 : 8;

    /// <summary>The nearest value, ties to even; what is too large becomes the largest, and so does NaN where there is none.</summary>
    public ulong Bits(double x, bool relu)
    {
        if (double.IsNaN(x)) return HasNaN ? nan : (1ul << Sign) - 1;
        if (relu && !(x > 0)) return 0;
        double y = Math.Min(Rounding.To(Math.Min(Math.Abs(x), Most), 0, Mantissa + 1, Low, 15, RoundingMode.Nearest), Most);
        int exponent = y == 0 ? Low : Math.Max(Math.ILogB(y), Low);
        int steps = (int)(y / Math.ScaleB(1, exponent - Mantissa));
        // Subnormals have an exponent field of 0 and no hidden bit.
        int bits = (exponent - Low << Mantissa) + steps;
        return (uint)bits | (double.IsNegative(x) ? 1ul << Sign : 0);
    }

    public double Value(ulong bits)
    {
        int magnitude = (int)bits & ((1 << Sign) - 1), field = magnitude >> Mantissa, fraction = magnitude & ((1 << Mantissa) - 1);
        double value = Sign == 7 && Mantissa == 3 && magnitude == nan || Mantissa == 2 && field == 31 && fraction != 0 ? double.NaN
            : Mantissa == 2 && field == 31 ? double.PositiveInfinity
            : Math.ScaleB(field == 0 ? fraction : fraction + (1 << Mantissa), Math.Max(field, 1) - 1 + Low - Mantissa);
        return (bits >> Sign & 1) != 0 ? -value : value;
    }
}
