using System.Numerics;

namespace Tessera.Emulator;

/// <summary>Instructions that compilers write seldom: kinds of numbers and addresses, cache policies, masks of bits, products of 24 bits.</summary>
sealed partial class Decoder
{
    Op Rare(Instruction i, PtxType t, PtxType[] types, Operand[] o) => i.Opcode switch
    {
        "elect" => new Elect(o[0] is PairOperand { First: SinkOperand } or SinkOperand ? default : Result(o[0]), SecondPredicate(o[0])),
        "isspacep" => new IsSpace(Result(o[0]).Offset, Source(o[1], t == PtxType.None ? PtxType.U64 : t), SpaceOf(i), i.Has("const"), i.Has("param") || i.Has("param::entry")),
        "testp" => TestNumber(i, t, o),
        "movmatrix" => new MatrixTranspose(Result(o[0]), Source(o[1], PtxType.B32)),
        "createpolicy" => CachePolicy(i, o),
        "setmaxnreg" => new Nothing(),
        "atom" => new AtomicWide(Address(o[1], SpaceOf(i)), o[0] is SinkOperand ? default : Result(o[0]), Source(o[2], t), i.Has("cas") ? Source(o[3], t) : null),
        _ => new Map(Result(o[0]), Source(o[1], PtxType.B32), Source(o[2], PtxType.B32), Source(o[o.Length > 3 ? 3 : 2], PtxType.B32), BitFormula(i, types)),
    };

    Compare TestNumber(Instruction i, PtxType t, Operand[] o)
    {
        Func<double, bool> f = i.Modifiers[0] switch
        {
            "finite" => double.IsFinite,
            "infinite" => double.IsInfinity,
            "number" => x => !double.IsNaN(x),
            "notanumber" => double.IsNaN,
            // Zeros count as normal here (PTX ISA, testp).
            "normal" => x => double.IsFinite(x) && !IsSubnormal(t, x),
            _ => x => IsSubnormal(t, x),
        };
        Slot64 a = Source(o[1], t);
        return new(Result(o[0]).Offset, -1, a, a, (x, _) => f(Converter.Float(t, x)), null, -1, false);
    }

    static bool IsSubnormal(PtxType t, double x) => t == PtxType.F32 ? float.IsSubnormal((float)x) : double.IsSubnormal(x);

    /// <summary>A policy says how long caches shall keep what an access brings: nothing that a result could depend on.</summary>
    Op CachePolicy(Instruction i, Operand[] o)
    {
        Slot64 d = Result(o[0]), from = i.Has("cvt") ? Source(o[1], PtxType.B64) : Constant(0, 8);
        return new Vector1<ulong, Copy<ulong>>(d.Offset, from.Offset);
    }

    static Func<ulong, ulong, ulong, ulong> BitFormula(Instruction i, PtxType[] types)
    {
        bool signed = types[0].Kind() == TypeKind.Signed, wrap = i.Has("wrap"), high = i.Has("hi");
        switch (i.Opcode)
        {
            case "mul24": return (x, y, _) => (uint)(Product24(x, y, signed) >> (high ? 16 : 0));
            case "mad24" when i.Has("sat"): return (x, y, z) => (uint)Math.Clamp((Product24(x, y, signed) >> 16) + (int)z, int.MinValue, int.MaxValue);
            case "mad24": return (x, y, z) => (uint)((Product24(x, y, signed) >> (high ? 16 : 0)) + (uint)z);
            case "bmsk": return (at, width, _) => Ones(Bounded(at, wrap) + Bounded(width, wrap)) & ~Ones(Bounded(at, wrap));
            case "szext": return (x, width, _) => Narrowed((uint)x, Bounded(width, wrap), signed);
            case "fns": return (x, from, nth) => FindNth((uint)x, (uint)from, (int)nth);
            default: return (x, y, z) => Dot2((uint)x, (uint)y, (uint)z, signed, types[1].Kind() == TypeKind.Signed, high);
        }
    }

    static long Product24(ulong x, ulong y, bool signed) => signed ? (long)((int)((uint)x << 8) >> 8) * ((int)((uint)y << 8) >> 8) : (long)((x & 0xFF_FFFF) * (y & 0xFF_FFFF));

    static int Bounded(ulong n, bool wrap) => wrap ? (int)(n & 31) : (int)Math.Min((uint)n, 32);

    /// <summary>The lowest <paramref name="n"/> bits of 32.</summary>
    static uint Ones(int n) => n >= 32 ? uint.MaxValue : (1u << n) - 1;

    static uint Narrowed(uint x, int bits, bool signed) => signed && bits > 0 && (x >> (bits - 1) & 1) != 0 ? x | ~Ones(bits) : x & Ones(bits);

    /// <summary>Where the n-th set bit is, counted upwards from <paramref name="from"/>, downwards for negative n; with n = 0 the bit there itself.</summary>
    static uint FindNth(uint x, uint from, int n)
    {
        int step = n < 0 ? -1 : 1, left = n == 0 ? 1 : Math.Abs(Math.Max(n, -33));
        for (int at = from < 32 ? (int)from : 32; at is >= 0 and < 32; at += step)
        {
            if ((x >> at & 1) != 0 && --left == 0) return (uint)at;
            if (n == 0) break;
        }
        return uint.MaxValue;
    }

    static uint Dot2(uint a, uint b, uint c, bool signedA, bool signedB, bool high)
    {
        int sum = (int)c;
        for (int k = 0; k < 2; k++)
        {
            int at = (8 * k) + (high ? 16 : 0);
            sum += (signedA ? (short)(a >> (16 * k)) : (ushort)(a >> (16 * k))) * (signedB ? (sbyte)(b >> at) : (byte)(b >> at));
        }
        return (uint)sum;
    }
}
