using System.Numerics;

namespace Tessera.Emulator;

/// <summary>f64 in any direction: the processor's nearest value, moved a step where the exact error, an integer times a power of two, says so.</summary>
static partial class Rounding
{
    public static double Fma(double a, double b, double c, RoundingMode mode)
    {
        double r = Math.FusedMultiplyAdd(a, b, c);
        if (mode == RoundingMode.Nearest || !double.IsFinite(a) || !double.IsFinite(b) || !double.IsFinite(c)) return r;
        if (double.IsInfinity(r)) return Direct(r, -Math.Sign(r), mode);
        int error = Sign([(a, b), (c, 1), (-r, 1)]);
        // A sum of opposite numbers is -0 when rounding down.
        bool opposite = double.IsNegative(a) != double.IsNegative(b) != double.IsNegative(c);
        return r == 0 && error == 0 && opposite ? mode == RoundingMode.Down ? -0.0 : 0.0 : Direct(r, error, mode);
    }

    public static double Add(double a, double b, RoundingMode mode) => Fma(a, 1, b, mode);

    /// <summary>The product and a zero of its sign.</summary>
    public static double Mul(double a, double b, RoundingMode mode) => Fma(a, b, double.IsNegative(a) != double.IsNegative(b) ? -0.0 : 0.0, mode);

    public static double Div(double a, double b, RoundingMode mode)
    {
        double q = a / b;
        if (mode == RoundingMode.Nearest || !double.IsFinite(a) || !double.IsFinite(b) || a == 0 || b == 0) return q;
        return Direct(q, double.IsInfinity(q) ? -Math.Sign(q) : Sign([(a, 1), (-q, b)]) * Math.Sign(b), mode);
    }

    public static double Sqrt(double a, RoundingMode mode)
    {
        double q = Math.Sqrt(a);
        return mode == RoundingMode.Nearest || !double.IsFinite(q) ? q : Direct(q, Sign([(a, 1), (-q, q)]), mode);
    }

    /// <summary>The sign of a sum of products of finite numbers, exactly.</summary>
    static int Sign(ReadOnlySpan<(double A, double B)> products)
    {
        const int least = 2 * -1074;
        BigInteger sum = 0;
        foreach (var (a, b) in products)
        {
            (long m, int e) = Split(a);
            (long n, int f) = Split(b);
            sum += (BigInteger)m * n << e + f - least;
        }
        return sum.Sign;
    }

    /// <summary>A finite number as m · 2^e with a whole m.</summary>
    static (long Mantissa, int Exponent) Split(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x), fraction = bits & ((1L << 52) - 1);
        int field = (int)(bits >> 52) & 0x7FF;
        long magnitude = field == 0 ? fraction : fraction | 1L << 52;
        return (x < 0 ? -magnitude : magnitude, Math.Max(field, 1) - 1075);
    }
}
