using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Gradients of the plain functions, and the partial derivatives of binary ones.</content>
public static partial class Ops
{
    /// <summary>(g, x): g · sign x.</summary>
    public readonly struct AbsGrad : IBinary
    {
        static string IBinary.Name => "abs_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => V.Select(V.Less(V.Create(0), x), g, V.Select(V.Less(x, V.Create(0)), -g, V.Create(0)));
    }

    /// <summary>(g, x): 2 g x.</summary>
    public readonly struct SquareGrad : IBinary
    {
        static string IBinary.Name => "square_grad";
        V IBinary.Apply<V>(V g, V x) => V.Create(2) * g * x;
    }

    /// <summary>(g, y): g / 2y.</summary>
    public readonly struct SqrtGrad : IBinary
    {
        static string IBinary.Name => "sqrt_grad";
        V IBinary.Apply<V>(V g, V y) => g / (y + y);
    }

    /// <summary>(g, y): -g · y³ / 2.</summary>
    public readonly struct RsqrtGrad : IBinary
    {
        static string IBinary.Name => "rsqrt_grad";
        V IBinary.Apply<V>(V g, V y) => V.Create(-0.5f) * g * (y * y * y);
    }

    /// <summary>(g, y): -g · y².</summary>
    public readonly struct ReciprocalGrad : IBinary
    {
        static string IBinary.Name => "reciprocal_grad";
        V IBinary.Apply<V>(V g, V y) => -g * y * y;
    }

    /// <summary>(g, y): g · y.</summary>
    public readonly struct ExpGrad : IBinary
    {
        static string IBinary.Name => "exp_grad";
        V IBinary.Apply<V>(V g, V y) => g * y;
    }

    /// <summary>(g, y): g · y · ln 2.</summary>
    public readonly struct Exp2Grad : IBinary
    {
        static string IBinary.Name => "exp2_grad";
        V IBinary.Apply<V>(V g, V y) => g * y * V.Create(0.6931472f);
    }

    /// <summary>(g, y): g · (y + 1).</summary>
    public readonly struct Expm1Grad : IBinary
    {
        static string IBinary.Name => "expm1_grad";
        V IBinary.Apply<V>(V g, V y) => V.Fma(g, y, g);
    }

    /// <summary>(g, x): g / x.</summary>
    public readonly struct LogGrad : IBinary
    {
        static string IBinary.Name => "log_grad";
        V IBinary.Apply<V>(V g, V x) => g / x;
    }

    /// <summary>(g, x): g / (x ln 2).</summary>
    public readonly struct Log2Grad : IBinary
    {
        static string IBinary.Name => "log2_grad";
        V IBinary.Apply<V>(V g, V x) => g / (x * V.Create(0.6931472f));
    }

    /// <summary>(g, x): g / (1 + x).</summary>
    public readonly struct Log1pGrad : IBinary
    {
        static string IBinary.Name => "log1p_grad";
        V IBinary.Apply<V>(V g, V x) => g / (V.Create(1) + x);
    }

    /// <summary>(g, x): g · cos x.</summary>
    public readonly struct SinGrad : IBinary
    {
        static string IBinary.Name => "sin_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => g * VMath.Cos(x);
    }

    /// <summary>(g, x): -g · sin x.</summary>
    public readonly struct CosGrad : IBinary
    {
        static string IBinary.Name => "cos_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => -g * VMath.Sin(x);
    }

    /// <summary>(g, x): g · 2/√π · e^(-x²).</summary>
    public readonly struct ErfGrad : IBinary
    {
        static string IBinary.Name => "erf_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => g * V.Create(1.1283792f) * VMath.Exp(-x * x);
    }

    /// <summary>(g, x): g where min ≤ x ≤ max, else 0.</summary>
    /// <param name="min">Lower bound.</param>
    /// <param name="max">Upper bound.</param>
    public readonly struct ClampGrad(float min, float max) : IBinary
    {
        static string IBinary.Name => "clamp_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => V.LessEqual(V.Create(min), x) & V.LessEqual(x, V.Create(max)) & g;
    }

    /// <summary>(g, d) with d = a - b: -g where d ≤ -β, g where d ≥ β, else g · d/β: the gradient of <see cref="SmoothL1"/> by a.</summary>
    /// <param name="beta">Where the parabola meets the lines.</param>
    public readonly struct SmoothL1Grad(float beta) : IBinary
    {
        static string IBinary.Name => "smooth_l1_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V d)
            => V.Select(V.LessEqual(d, V.Create(-beta)), -g, V.Select(V.LessEqual(V.Create(beta), d), g, g * d / V.Create(beta)));
    }

    /// <summary>(g, x): g · e · xᵉ⁻¹; 0 where e = 0.</summary>
    /// <param name="exponent">The exponent e.</param>
    public readonly struct PowScalarGrad(float exponent) : IBinary
    {
        static string IBinary.Name => "pow_scalar_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
            => exponent == 0 ? V.Create(0) : g * V.Create(exponent) * VMath.Pow(x, V.Create(exponent - 1));
    }

    /// <summary>∂aᵇ/∂a = b · aᵇ⁻¹; 0 where b = 0.</summary>
    public readonly struct PowBaseSlope : IBinary
    {
        static string IBinary.Name => "pow_base_slope";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => V.Select(V.Equal(b, V.Create(0)), V.Create(0), b * VMath.Pow(a, b - V.Create(1)));
    }

    /// <summary>∂aᵇ/∂b = aᵇ · ln a; 0 where a = 0 and b ≥ 0.</summary>
    public readonly struct PowExponentSlope : IBinary
    {
        static string IBinary.Name => "pow_exponent_slope";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b)
        {
            V zero = V.Create(0);
            V flat = V.Equal(a, zero) & V.LessEqual(zero, b);
            return V.Select(flat, zero, VMath.Pow(a, b) * VMath.Log(a));
        }
    }

    /// <summary>∂atan2(a, b)/∂a = b / (a² + b²).</summary>
    public readonly struct Atan2YSlope : IBinary
    {
        static string IBinary.Name => "atan2_y_slope";
        V IBinary.Apply<V>(V a, V b) => b / V.Fma(a, a, b * b);
    }

    /// <summary>∂atan2(a, b)/∂b = -a / (a² + b²).</summary>
    public readonly struct Atan2XSlope : IBinary
    {
        static string IBinary.Name => "atan2_x_slope";
        V IBinary.Apply<V>(V a, V b) => -a / V.Fma(a, a, b * b);
    }

    /// <summary>∂max(a, b)/∂a: 1 where a &gt; b, 1/2 where equal, 0 where a &lt; b.</summary>
    public readonly struct MaximumSlope : IBinary
    {
        static string IBinary.Name => "maximum_slope";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => V.Select(V.Less(a, b), V.Create(0), V.Select(V.Equal(a, b), V.Create(0.5f), V.Create(1)));
    }

    /// <summary>∂min(a, b)/∂a: 1 where a &lt; b, 1/2 where equal, 0 where a &gt; b.</summary>
    public readonly struct MinimumSlope : IBinary
    {
        static string IBinary.Name => "minimum_slope";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => V.Select(V.Less(b, a), V.Create(0), V.Select(V.Equal(a, b), V.Create(0.5f), V.Create(1)));
    }
}
