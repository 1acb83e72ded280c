namespace Tessera.Emulator;

/// <summary>Instructions of the special function unit: the nearest value, or one end of the documented error.</summary>
sealed partial class Decoder
{
    Op Approximate(Instruction i, PtxType t, Operand[] o)
    {
        Slot64 a = Source(o[1], t), b = o.Length > 2 ? Source(o[2], t) : a;
        if (t == PtxType.F64) return new Map(Result(o[0]), a, a, a, Gross(i, Exact(i)));
        if (numerics.Approximation == PtxApproximation.Nearest && t == PtxType.F32 && Quick(i, Result(o[0]).Offset, a.Offset, b.Offset) is Op quick) return quick;
        var one = One(i, t is PtxType.F16x2 ? PtxType.F16 : t is PtxType.Bf16x2 ? PtxType.Bf16 : t);
        return new Map(Result(o[0]), a, b, a, t.Bits() == 32 && t != PtxType.F32 ? (x, y, _) => one(x, y) | one(x >> 16, y >> 16) << 16 : (x, y, _) => one(x, y));
    }

    static Op? Quick(Instruction i, int d, int a, int b) => i.Opcode switch
    {
        "rcp" => F1<RcpF>(d, a, i.Has("ftz"), false),
        "sqrt" => F1<SqrtF>(d, a, i.Has("ftz"), false),
        "div" => i.Has("approx") ? F2<DivApproxF>(d, a, b, i.Has("ftz"), false) : F2<DivF>(d, a, b, i.Has("ftz"), false),
        _ => null,
    };

    static Func<double, double, double> Exact(Instruction i) => i.Opcode switch
    {
        "rcp" => (x, _) => 1 / x,
        // Divisors above 2^126 have an inverse of zero.
        "div" => i.Has("approx") ? (x, y) => Math.Abs(y) > Math.ScaleB(1, 126) ? x * Math.CopySign(0, y) : x / y : (x, y) => x / y,
        "sqrt" => (x, _) => Math.Sqrt(x),
        "rsqrt" => (x, _) => 1 / Math.Sqrt(x),
        "sin" => (x, _) => Math.Sin(x),
        "cos" => (x, _) => Math.Cos(x),
        "lg2" => (x, _) => Math.Log2(x),
        "ex2" => (x, _) => Math.Pow(2, x),
        _ => (x, _) => Math.Tanh(x),
    };

    /// <summary>One value of f32, f16 or bf16. Zeros, infinities and NaN have exact results.</summary>
    Func<ulong, ulong, ulong> One(Instruction i, PtxType type)
    {
        var f = Exact(i);
        bool ftz = i.Has("ftz"), absolute = i.Opcode is "sin" or "cos" or "lg2" or "tanh" && !(i.Opcode == "tanh" && type == PtxType.F32), divides = i.Opcode == "div";
        return (a, b) =>
        {
            double x = Flushed(type, Converter.Float(type, a), ftz), y = divides ? Flushed(type, Converter.Float(type, b), ftz) : 1, exact = f(x, y);
            bool open = double.IsFinite(exact) && exact != 0 && x != 0 && double.IsFinite(x) && double.IsFinite(y) || (exact == 0 && absolute && x != 0);
            double value = Approximation.Value(type, exact, open ? Approximation.Error(i.Opcode, type, x, exact) : 0, absolute, open ? numerics.Approximation : PtxApproximation.Nearest);
            return Converter.FloatBits(type, Flushed(type, value, ftz));
        };
    }

    static double Flushed(PtxType type, double x, bool ftz)
    {
        if (!ftz) return x;
        double smallest = type == PtxType.F16 ? Math.ScaleB(1, -14) : Math.ScaleB(1, -126);
        return Math.Abs(x) < smallest ? Math.CopySign(0, x) : x;
    }

    /// <summary>
    /// f64: with <c>.ftz</c> from and to the upper 32 bits alone, else a value rounded once. No error is documented: the ends are one unit of the
    /// last place that the result has.
    /// </summary>
    Func<ulong, ulong, ulong, ulong> Gross(Instruction i, Func<double, double, double> f)
    {
        ulong unit = i.Has("ftz") ? 1ul << 32 : 1, kept = ~(unit - 1);
        return (bits, _, _) =>
        {
            double x = BitConverter.UInt64BitsToDouble(bits & kept);
            if (i.Has("ftz") && double.IsSubnormal(x)) x = Math.CopySign(0, x);
            double y = f(x, 1);
            if (!double.IsFinite(y) || y == 0 || x == 0) return BitConverter.DoubleToUInt64Bits(y);
            if (i.Has("ftz") && double.IsSubnormal(y)) return BitConverter.DoubleToUInt64Bits(Math.CopySign(0, y));
            ulong value = BitConverter.DoubleToUInt64Bits(y) & kept;
            bool away = numerics.Approximation == PtxApproximation.High == y > 0;
            return numerics.Approximation == PtxApproximation.Nearest ? value : away ? value + unit : value - unit;
        };
    }
}
