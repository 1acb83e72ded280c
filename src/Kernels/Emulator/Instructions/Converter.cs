namespace Tessera.Emulator;

/// <summary>Values of the types of instructions as 64 bits, and conversions between them.</summary>
static class Converter
{
    /// <summary>The value of a float type.</summary>
    public static double Float(PtxType type, ulong bits) => type switch
    {
        PtxType.F16 => (double)BitConverter.UInt16BitsToHalf((ushort)bits),
        PtxType.Bf16 => BitConverter.UInt32BitsToSingle((uint)(ushort)bits << 16),
        PtxType.F32 or PtxType.Tf32 => BitConverter.UInt32BitsToSingle((uint)bits),
        _ => BitConverter.UInt64BitsToDouble(bits),
    };

    /// <summary>The bits of a value that the type holds exactly.</summary>
    public static ulong FloatBits(PtxType type, double value) => type switch
    {
        PtxType.F16 => double.IsNaN(value) ? 0x7FFFu : BitConverter.HalfToUInt16Bits((Half)value),
        PtxType.Bf16 => double.IsNaN(value) ? 0x7FFFu : BitConverter.SingleToUInt32Bits((float)value) >> 16,
        PtxType.F32 => Single.Bits((float)value),
        _ => BitConverter.DoubleToUInt64Bits(value),
    };

    /// <summary>x + e, rounded to the type.</summary>
    public static double Round(PtxType type, double x, double e, RoundingMode mode) => type switch
    {
        PtxType.F16 => Rounding.ToHalf(x, e, mode),
        PtxType.Bf16 => Rounding.ToBFloat(x, e, mode),
        PtxType.F32 => Rounding.ToSingle(x, e, mode),
        _ => Rounding.Direct(x, e, mode),
    };

    public static long Signed(PtxType type, ulong bits) => type.Bits() switch { 8 => (sbyte)bits, 16 => (short)bits, 32 => (int)bits, _ => (long)bits };

    /// <summary>The value of an integer type.</summary>
    public static Int128 Integer(PtxType type, ulong bits) =>
        type.Kind() == TypeKind.Signed ? Signed(type, bits) : type.Bits() == 64 ? bits : bits & ((1ul << type.Bits()) - 1);

    static (Int128 Low, Int128 High) Range(PtxType type) => type.Kind() == TypeKind.Signed
        ? (-(Int128.One << (type.Bits() - 1)), (Int128.One << (type.Bits() - 1)) - 1)
        : (0, (Int128.One << type.Bits()) - 1);

    static ulong Wrap(PtxType type, Int128 value) => type.Kind() == TypeKind.Signed ? (ulong)Signed(type, (ulong)(value & ulong.MaxValue)) : (ulong)(value & Range(type).High);

    static Int128 Clamp(PtxType type, Int128 value) => Int128.Clamp(value, Range(type).Low, Range(type).High);

    /// <summary>The function of <c>cvt.mode.ftz.sat.to.from</c>; results of signed types are extended with their sign.</summary>
    public static Func<ulong, ulong> Make(PtxType to, PtxType from, string? mode, bool ftz, bool sat, bool relu)
    {
        bool wholeMode = mode is "rni" or "rzi" or "rmi" or "rpi";
        RoundingMode rounding = Rounding.Parse(mode ?? "rn");
        if (to.IsInteger() && from.IsInteger()) return sat ? x => Wrap(to, Clamp(to, Integer(from, x))) : x => Wrap(to, Integer(from, x));
        if (to.IsInteger()) return x => ToInteger(to, from, Flushed(from, Float(from, x), ftz), rounding);
        if (from.IsInteger()) return x => Finish(to, FromInteger(to, Integer(from, x), rounding), ftz, sat, relu);
        return x =>
        {
            double value = Flushed(from, Float(from, x), ftz);
            if (wholeMode) value = Rounding.Whole(value, rounding);
            return Finish(to, Round(to, value, 0, wholeMode ? RoundingMode.Nearest : rounding), ftz, sat, relu);
        };
    }

    static double Flushed(PtxType type, double x, bool ftz) => ftz && type == PtxType.F32 ? Single.Flush((float)x) : x;

    /// <summary>NaN is 0, but with 64 bits on one of the sides the highest bit alone (PTX ISA, cvt).</summary>
    static ulong ToInteger(PtxType to, PtxType from, double x, RoundingMode mode)
    {
        if (double.IsNaN(x)) return from.Bits() < 64 && to.Bits() < 64 ? 0 : Wrap(to, Int128.One << (to.Bits() - 1));
        (Int128 low, Int128 high) = Range(to);
        double whole = Rounding.Whole(x, mode);
        Int128 value = whole <= (double)low ? low : whole >= (double)high ? high : (Int128)whole;
        return Wrap(to, value);
    }

    static double FromInteger(PtxType to, Int128 value, RoundingMode mode)
    {
        double x = (double)value;
        double error = (double)(value - (Int128)x);
        return Round(to, x, error, mode);
    }

    static ulong Finish(PtxType to, double value, bool ftz, bool sat, bool relu)
    {
        if (ftz && to == PtxType.F32) value = Single.Flush((float)value);
        if (sat) value = value > 0 ? Math.Min(value, 1) : 0;
        if (relu) value = value > 0 || double.IsNaN(value) ? value : 0;
        return FloatBits(to, value);
    }
}
