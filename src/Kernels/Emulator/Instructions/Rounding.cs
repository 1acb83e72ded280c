namespace Tessera.Emulator;

enum RoundingMode : byte { Nearest, Zero, Down, Up }

/// <summary>Exact rounding of x + e, where e is too small to change x, to floats of any format.</summary>
static partial class Rounding
{
    public static RoundingMode Parse(string modifier) => modifier switch
    {
        "rz" or "rzi" => RoundingMode.Zero,
        "rm" or "rmi" => RoundingMode.Down,
        "rp" or "rpi" => RoundingMode.Up,
        _ => RoundingMode.Nearest,
    };

    /// <summary>Rounds to an integer.</summary>
    public static double Whole(double x, RoundingMode mode) => mode switch
    {
        RoundingMode.Zero => Math.Truncate(x),
        RoundingMode.Down => Math.Floor(x),
        RoundingMode.Up => Math.Ceiling(x),
        _ => Math.Round(x, MidpointRounding.ToEven),
    };

    /// <summary>x + e as the nearest value, in the sense of the mode, with p bits and exponents from low to high.</summary>
    public static double To(double x, double e, int p, int low, int high, RoundingMode mode)
    {
        if (!double.IsFinite(x) || (x == 0 && e == 0)) return x;
        if (x == 0) x = e;
        int exponent = Math.ILogB(x);
        // What lies just inside of a power of two has the finer steps below it.
        if (e != 0 && e < 0 == x > 0 && Math.ScaleB(1, exponent) == Math.Abs(x)) exponent--;
        exponent = Math.Max(exponent, low);
        double quantum = Math.ScaleB(1, exponent - (p - 1)), q = x / quantum, whole = Math.Floor(q);
        double rest = q - whole;
        bool exact = rest == 0 && e == 0, below = rest == 0 && e < 0;
        if (below) whole -= 1;
        bool up = mode switch
        {
            RoundingMode.Down => false,
            RoundingMode.Up => true,
            RoundingMode.Zero => x < 0,
            _ => below || (rest == 0.5 ? e > 0 || (e == 0 && whole % 2 != 0) : rest > 0.5),
        };
        double result = (exact ? q : up ? whole + 1 : whole) * quantum;
        double most = Math.ScaleB(2 - Math.ScaleB(1, 1 - p), high);
        if (Math.Abs(result) > most)
        {
            bool infinite = mode == RoundingMode.Nearest || (mode == RoundingMode.Up && x > 0) || (mode == RoundingMode.Down && x < 0);
            return Math.CopySign(infinite ? double.PositiveInfinity : most, x);
        }
        return result == 0 ? Math.CopySign(0, x) : result;
    }

    public static float ToSingle(double x, double e, RoundingMode mode) => (float)To(x, e, 24, -126, 127, mode);

    public static double ToHalf(double x, double e, RoundingMode mode) => To(x, e, 11, -14, 15, mode);

    public static double ToBFloat(double x, double e, RoundingMode mode) => To(x, e, 8, -126, 127, mode);

    /// <summary>a + b = sum + error, exactly.</summary>
    public static (double Sum, double Error) TwoSum(double a, double b)
    {
        double s = a + b;
        if (!double.IsFinite(s)) return (s, 0);
        double t = s - a;
        return (s, (a - (s - t)) + (b - t));
    }

    public static float Add(float a, float b, RoundingMode mode)
    {
        (double s, double e) = TwoSum(a, b);
        return Zero(ToSingle(s, e, mode), a, b, mode);
    }

    /// <summary>A sum of opposite numbers is -0 when rounding down.</summary>
    static float Zero(float sum, double a, double b, RoundingMode mode) => sum == 0 && a == -b && double.IsNegative(a) != double.IsNegative(b) ? mode == RoundingMode.Down ? -0f : 0f : sum;

    public static float Fma(float a, float b, float c, RoundingMode mode)
    {
        double p = (double)a * b;
        (double s, double e) = TwoSum(p, c);
        return Zero(ToSingle(s, e, mode), p, c, mode);
    }

    public static float Mul(float a, float b, RoundingMode mode) => ToSingle((double)a * b, 0, mode);

    public static float Div(float a, float b, RoundingMode mode)
    {
        double q = (double)a / b;
        return double.IsFinite(q) && q != 0 && float.IsFinite(b) ? ToSingle(q, Math.Sign(Math.FusedMultiplyAdd(-q, b, a)) * Math.Sign(b), mode) : (float)q;
    }

    public static float Sqrt(float a, RoundingMode mode)
    {
        double q = Math.Sqrt(a);
        return double.IsFinite(q) && q != 0 ? ToSingle(q, Math.FusedMultiplyAdd(-q, q, a), mode) : (float)q;
    }

    /// <summary>Moves a double that was rounded to nearest, perhaps to infinity, one step where the error says so.</summary>
    public static double Direct(double r, double error, RoundingMode mode) => mode switch
    {
        RoundingMode.Down when error < 0 => Math.BitDecrement(r),
        RoundingMode.Up when error > 0 => Math.BitIncrement(r),
        RoundingMode.Zero when r > 0 && error < 0 => Math.BitDecrement(r),
        RoundingMode.Zero when r < 0 && error > 0 => Math.BitIncrement(r),
        _ => r,
    };
}
