namespace Tessera.Emulator;

/// <summary>How a kernel is decoded where its text leaves results open.</summary>
readonly record struct Numerics(PtxApproximation Approximation, PtxContraction Contraction);

/// <summary>The errors that NVIDIA's PTX ISA documents for its approximate instructions, and the values at the ends of them.</summary>
static class Approximation
{
    /// <summary>How far a result may be from the exact <paramref name="y"/>, for the first operand <paramref name="x"/>.</summary>
    public static double Error(string opcode, PtxType type, double x, double y) => (opcode, type) switch
    {
        ("rcp", _) => Ulp(y),
        ("div", _) => 2 * Ulp(y),
        ("ex2", PtxType.F32) => 2 * Ulp(y),
        ("ex2", PtxType.F16) => Math.Pow(2, -9.9) * y,
        ("ex2", _) => Math.Pow(2, -7) * y,
        ("sqrt", _) => Math.Pow(2, -23) * y,
        ("rsqrt", _) => Math.Pow(2, -22.9) * y,
        // Beyond 100 pi nothing is guaranteed: the last error given is kept.
        ("sin" or "cos", _) => Math.Abs(x) <= 2 * Math.PI ? Math.Pow(2, -20.5) : Math.Pow(2, -14.7),
        ("lg2", _) => x is > 0.5 and < 2 ? Math.Pow(2, -22) : Math.Pow(2, -22) * Math.Abs(y),
        ("tanh", PtxType.F32) => Math.Pow(2, -11) * Math.Abs(y),
        ("tanh", PtxType.F16) => Math.Pow(2, -10.987),
        ("tanh", _) => Math.Pow(2, -8),
        _ => 0,
    };

    /// <summary>The distance of neighbouring f32 values at y.</summary>
    static double Ulp(double y)
    {
        float below = Rounding.ToSingle(Math.Abs(y), 0, RoundingMode.Zero);
        return below == float.MaxValue ? (double)below - MathF.BitDecrement(below) : (double)MathF.BitIncrement(below) - below;
    }

    /// <summary>
    /// The value of a type that is nearest to y, or the last one below or above that is at most <paramref name="error"/> away; it keeps y's sign where the
    /// error is not an absolute one.
    /// </summary>
    public static double Value(PtxType type, double y, double error, bool absolute, PtxApproximation which)
    {
        double nearest = Converter.Round(type, y, 0, RoundingMode.Nearest);
        if (which == PtxApproximation.Nearest || !double.IsFinite(nearest)) return nearest;
        bool low = which == PtxApproximation.Low;
        double end = Converter.Round(type, low ? y - error : y + error, 0, low ? RoundingMode.Up : RoundingMode.Down);
        if (low ? end > nearest : end < nearest) return nearest;
        return !absolute && (y < 0 ? end > 0 : end < 0) ? 0 : end;
    }
}
