using System.Runtime.CompilerServices;

namespace Tessera;

/// <summary>
/// The elementwise formulas, one struct each: <c>backend.Unary(new Ops.Exp(), x, y)</c>. A gradient stands beside its function as a binary
/// formula of the incoming gradient g and of x, or of y where that is cheaper; its summary says which.
/// </summary>
public static partial class Ops
{
    /// <summary>y = -x.</summary>
    public readonly struct Neg : IUnary
    {
        static string IUnary.Name => "neg";
        V IUnary.Apply<V>(V x) => -x;
    }

    /// <summary>y = |x|.</summary>
    public readonly struct Abs : IUnary
    {
        static string IUnary.Name => "abs";
        V IUnary.Apply<V>(V x) => V.Abs(x);
    }

    /// <summary>y = 1, 0 or -1; 0 for NaN.</summary>
    public readonly struct Sign : IUnary
    {
        static string IUnary.Name => "sign";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x)
            => V.Select(V.Less(V.Create(0), x), V.Create(1), V.Select(V.Less(x, V.Create(0)), V.Create(-1), V.Create(0)));
    }

    /// <summary>y = x².</summary>
    public readonly struct Square : IUnary
    {
        static string IUnary.Name => "square";
        V IUnary.Apply<V>(V x) => x * x;
    }

    /// <summary>y = √x.</summary>
    public readonly struct Sqrt : IUnary
    {
        static string IUnary.Name => "sqrt";
        V IUnary.Apply<V>(V x) => V.Sqrt(x);
    }

    /// <summary>y = 1/√x.</summary>
    public readonly struct Rsqrt : IUnary
    {
        static string IUnary.Name => "rsqrt";
        V IUnary.Apply<V>(V x) => V.Create(1) / V.Sqrt(x);
    }

    /// <summary>y = 1/x.</summary>
    public readonly struct Reciprocal : IUnary
    {
        static string IUnary.Name => "reciprocal";
        V IUnary.Apply<V>(V x) => V.Create(1) / x;
    }

    /// <summary>y = eˣ.</summary>
    public readonly struct Exp : IUnary
    {
        static string IUnary.Name => "exp";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Exp(x);
    }

    /// <summary>y = 2ˣ.</summary>
    public readonly struct Exp2 : IUnary
    {
        static string IUnary.Name => "exp2";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Exp2(x);
    }

    /// <summary>y = eˣ - 1.</summary>
    public readonly struct Expm1 : IUnary
    {
        static string IUnary.Name => "expm1";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Expm1(x);
    }

    /// <summary>y = ln x.</summary>
    public readonly struct Log : IUnary
    {
        static string IUnary.Name => "log";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Log(x);
    }

    /// <summary>y = log₂ x.</summary>
    public readonly struct Log2 : IUnary
    {
        static string IUnary.Name => "log2";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Log2(x);
    }

    /// <summary>y = ln(1 + x).</summary>
    public readonly struct Log1p : IUnary
    {
        static string IUnary.Name => "log1p";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Log1p(x);
    }

    /// <summary>y = sin x.</summary>
    public readonly struct Sin : IUnary
    {
        static string IUnary.Name => "sin";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Sin(x);
    }

    /// <summary>y = cos x.</summary>
    public readonly struct Cos : IUnary
    {
        static string IUnary.Name => "cos";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Cos(x);
    }

    /// <summary>y = erf x = 2/√π ∫₀ˣ e^(-t²) dt.</summary>
    public readonly struct Erf : IUnary
    {
        static string IUnary.Name => "erf";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Erf(x);
    }

    /// <summary>y = ⌊x⌋.</summary>
    public readonly struct Floor : IUnary
    {
        static string IUnary.Name => "floor";
        V IUnary.Apply<V>(V x) => V.Floor(x);
    }

    /// <summary>y = ⌈x⌉.</summary>
    public readonly struct Ceil : IUnary
    {
        static string IUnary.Name => "ceil";
        V IUnary.Apply<V>(V x) => -V.Floor(-x);
    }

    /// <summary>y = the nearest integer, ties to even.</summary>
    public readonly struct Round : IUnary
    {
        static string IUnary.Name => "round";
        V IUnary.Apply<V>(V x) => V.Round(x);
    }

    /// <summary>y = x rounded towards zero.</summary>
    public readonly struct Trunc : IUnary
    {
        static string IUnary.Name => "trunc";
        V IUnary.Apply<V>(V x) => V.Truncate(x);
    }

    /// <summary>y = min ≤ x ≤ max, clipped; NaN stays.</summary>
    /// <param name="min">Lower bound.</param>
    /// <param name="max">Upper bound.</param>
    public readonly struct Clamp(float min, float max) : IUnary
    {
        static string IUnary.Name => "clamp";
        V IUnary.Apply<V>(V x) => V.Min(V.Max(x, V.Create(min)), V.Create(max));
    }

    /// <summary>y = x + c.</summary>
    /// <param name="c">The constant.</param>
    public readonly struct AddScalar(float c) : IUnary
    {
        static string IUnary.Name => "add_scalar";
        V IUnary.Apply<V>(V x) => x + V.Create(c);
    }

    /// <summary>y = x · c.</summary>
    /// <param name="c">The constant.</param>
    public readonly struct MulScalar(float c) : IUnary
    {
        static string IUnary.Name => "mul_scalar";
        V IUnary.Apply<V>(V x) => x * V.Create(c);
    }

    /// <summary>y = x · a + b, rounded once.</summary>
    /// <param name="a">The factor.</param>
    /// <param name="b">The summand.</param>
    public readonly struct Affine(float a, float b) : IUnary
    {
        static string IUnary.Name => "affine";
        V IUnary.Apply<V>(V x) => V.Fma(x, V.Create(a), V.Create(b));
    }

    /// <summary>y = xᵉ.</summary>
    /// <param name="exponent">The exponent e.</param>
    public readonly struct PowScalar(float exponent) : IUnary
    {
        static string IUnary.Name => "pow_scalar";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Pow(x, V.Create(exponent));
    }

    /// <summary>y = 1 where x = 0, else 0; NaN counts as true.</summary>
    public readonly struct LogicalNot : IUnary
    {
        static string IUnary.Name => "logical_not";
        V IUnary.Apply<V>(V x) => V.Equal(x, V.Create(0)) & V.Create(1);
    }

    /// <summary>y = 1 where x is NaN, else 0.</summary>
    public readonly struct IsNaN : IUnary
    {
        static string IUnary.Name => "is_na_n";
        V IUnary.Apply<V>(V x) => V.Select(V.Equal(x, x), V.Create(0), V.Create(1));
    }

    /// <summary>y = 1 where x is neither infinite nor NaN, else 0.</summary>
    public readonly struct IsFinite : IUnary
    {
        static string IUnary.Name => "is_finite";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => V.Less(V.Abs(x), V.Create(float.PositiveInfinity)) & V.Create(1);
    }
}
