namespace Tessera;

/// <summary>The functions of mathematics over <see cref="IVec{V}"/>: building blocks of formulas, the same bits at every width.</summary>
public static class VMath
{
    /// <summary>eˣ.</summary>
    public static V Exp<V>(V x) where V : struct, IVec<V> => V.PerLane<ExpLane>(x, x);

    /// <summary>2ˣ.</summary>
    public static V Exp2<V>(V x) where V : struct, IVec<V> => V.PerLane<Exp2Lane>(x, x);

    /// <summary>eˣ - 1, accurate near 0.</summary>
    public static V Expm1<V>(V x) where V : struct, IVec<V> => V.PerLane<Expm1Lane>(x, x);

    /// <summary>ln x; NaN below 0, -∞ at 0.</summary>
    public static V Log<V>(V x) where V : struct, IVec<V> => V.PerLane<LogLane>(x, x);

    /// <summary>log₂ x.</summary>
    public static V Log2<V>(V x) where V : struct, IVec<V> => V.PerLane<Log2Lane>(x, x);

    /// <summary>ln(1 + x), accurate near 0.</summary>
    public static V Log1p<V>(V x) where V : struct, IVec<V> => V.PerLane<Log1pLane>(x, x);

    /// <summary>sin x, x in radians.</summary>
    public static V Sin<V>(V x) where V : struct, IVec<V> => V.PerLane<SinLane>(x, x);

    /// <summary>cos x, x in radians.</summary>
    public static V Cos<V>(V x) where V : struct, IVec<V> => V.PerLane<CosLane>(x, x);

    /// <summary>The hyperbolic tangent.</summary>
    public static V Tanh<V>(V x) where V : struct, IVec<V> => V.PerLane<TanhLane>(x, x);

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    public static V Sigmoid<V>(V x) where V : struct, IVec<V>
    {
        V e = Exp(-V.Abs(x)), one = V.Create(1);
        return V.Select(V.Less(x, V.Create(0)), e, one) / (one + e);
    }

    /// <summary>The error function 2/√π ∫₀ˣ e^(-t²) dt.</summary>
    public static V Erf<V>(V x) where V : struct, IVec<V> => V.PerLane<ErfLane>(x, x);

    /// <summary>ln(1 + eˣ).</summary>
    public static V Softplus<V>(V x) where V : struct, IVec<V>
        => V.Max(x, V.Create(0)) + Log1p(Exp(-V.Abs(x)));

    /// <summary>aᵇ.</summary>
    public static V Pow<V>(V a, V b) where V : struct, IVec<V> => V.PerLane<PowLane>(a, b);

    /// <summary>The angle of the point (x, y), in -π..π.</summary>
    public static V Atan2<V>(V y, V x) where V : struct, IVec<V> => V.PerLane<Atan2Lane>(y, x);

    /// <summary>a - b · trunc(a / b), exactly; the sign of a.</summary>
    public static V Fmod<V>(V a, V b) where V : struct, IVec<V> => V.PerLane<FmodLane>(a, b);

    readonly struct ExpLane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Exp(a); }
    readonly struct Exp2Lane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Pow(2, a); }
    readonly struct Expm1Lane : ILaneFunction { public static float Apply(float a, float b) => Math.Abs(a) < 1e-4f ? (float)(a + (0.5 * a * a)) : (float)(Math.Exp(a) - 1); }
    readonly struct LogLane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Log(a); }
    readonly struct Log2Lane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Log2(a); }
    readonly struct Log1pLane : ILaneFunction { public static float Apply(float a, float b) => Math.Abs(a) < 1e-4f ? (float)(a - (0.5 * a * a)) : (float)Math.Log(1.0 + a); }
    readonly struct SinLane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Sin(a); }
    readonly struct CosLane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Cos(a); }
    readonly struct TanhLane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Tanh(a); }
    readonly struct PowLane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Pow(a, b); }
    readonly struct Atan2Lane : ILaneFunction { public static float Apply(float a, float b) => (float)Math.Atan2(a, b); }
    readonly struct FmodLane : ILaneFunction { public static float Apply(float a, float b) => a % b; }

    readonly struct ErfLane : ILaneFunction
    {
        public static float Apply(float a, float b)
        {
            double x = a, sum = x, term = x;
            if (Math.Abs(x) > 4.5) return float.IsNaN(a) ? a : Math.Sign(x);
            for (int n = 1; n < 120; n++)
            {
                term *= -x * x / n;
                sum += term / ((2 * n) + 1);
            }
            return (float)(sum * 1.1283791670955126);
        }
    }
}
