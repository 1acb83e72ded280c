using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Formulas of two numbers; the comparisons give masks and go through <see cref="Backend.Compare"/>.</content>
public static partial class Ops
{
    /// <summary>y = a + b.</summary>
    public readonly struct Add : IBinary
    {
        static string IBinary.Name => "add";
        V IBinary.Apply<V>(V a, V b) => a + b;
    }

    /// <summary>y = a - b.</summary>
    public readonly struct Sub : IBinary
    {
        static string IBinary.Name => "sub";
        V IBinary.Apply<V>(V a, V b) => a - b;
    }

    /// <summary>y = a · b.</summary>
    public readonly struct Mul : IBinary
    {
        static string IBinary.Name => "mul";
        V IBinary.Apply<V>(V a, V b) => a * b;
    }

    /// <summary>y = a / b.</summary>
    public readonly struct Div : IBinary
    {
        static string IBinary.Name => "div";
        V IBinary.Apply<V>(V a, V b) => a / b;
    }

    /// <summary>y = the larger; NaN where either is NaN.</summary>
    public readonly struct Maximum : IBinary
    {
        static string IBinary.Name => "maximum";
        V IBinary.Apply<V>(V a, V b) => V.Max(a, b);
    }

    /// <summary>y = the smaller; NaN where either is NaN.</summary>
    public readonly struct Minimum : IBinary
    {
        static string IBinary.Name => "minimum";
        V IBinary.Apply<V>(V a, V b) => V.Min(a, b);
    }

    /// <summary>y = a · scale where b is at least p, else 0: with a uniform random number as b, dropout.</summary>
    /// <param name="p">Probability of 0.</param>
    /// <param name="scale">The factor of what is kept.</param>
    public readonly struct Dropout(float p, float scale) : IBinary
    {
        static string IBinary.Name => "dropout";
        V IBinary.Apply<V>(V a, V b) => V.Select(V.Less(b, V.Create(p)), V.Create(0), a * V.Create(scale));
    }

    /// <summary>y = aᵇ.</summary>
    public readonly struct Pow : IBinary
    {
        static string IBinary.Name => "pow";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => VMath.Pow(a, b);
    }

    /// <summary>y = the angle of the point (b, a), in -π..π.</summary>
    public readonly struct Atan2 : IBinary
    {
        static string IBinary.Name => "atan2";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => VMath.Atan2(a, b);
    }

    /// <summary>y = a - b · trunc(a/b): the sign of a.</summary>
    public readonly struct Fmod : IBinary
    {
        static string IBinary.Name => "fmod";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => VMath.Fmod(a, b);
    }

    /// <summary>y = a - b · ⌊a/b⌋: the sign of b.</summary>
    public readonly struct Remainder : IBinary
    {
        static string IBinary.Name => "remainder";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b)
        {
            V r = VMath.Fmod(a, b), zero = V.Create(0);
            V wrong = (V.Less(r, zero) ^ V.Less(b, zero)) & V.Less(zero, V.Abs(r));
            return V.Select(wrong, r + b, r);
        }
    }

    /// <summary>y = a + c · b.</summary>
    /// <param name="c">The factor of b.</param>
    public readonly struct AddScaled(float c) : IBinary
    {
        static string IBinary.Name => "add_scaled";
        V IBinary.Apply<V>(V a, V b) => V.Fma(V.Create(c), b, a);
    }

    /// <summary>y = a + t · (b - a).</summary>
    /// <param name="t">0 gives a, 1 gives b.</param>
    public readonly struct Lerp(float t) : IBinary
    {
        static string IBinary.Name => "lerp";
        V IBinary.Apply<V>(V a, V b) => V.Fma(V.Create(t), b - a, a);
    }

    /// <summary>y = d²/2β where d = |a - b| is below β, else d - β/2.</summary>
    /// <param name="beta">Where the parabola meets the lines; 0 gives |a - b|.</param>
    public readonly struct SmoothL1(float beta) : IBinary
    {
        static string IBinary.Name => "smooth_l1";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b)
        {
            V d = V.Abs(a - b), half = V.Create(0.5f);
            return V.Select(V.Less(d, V.Create(beta)), half * d * d / V.Create(beta), d - (half * V.Create(beta)));
        }
    }

    /// <summary>a = b.</summary>
    public readonly struct Equal : IBinary
    {
        static string IBinary.Name => "equal";
        V IBinary.Apply<V>(V a, V b) => V.Equal(a, b);
    }

    /// <summary>a ≠ b; true for NaN.</summary>
    public readonly struct NotEqual : IBinary
    {
        static string IBinary.Name => "not_equal";
        V IBinary.Apply<V>(V a, V b) => V.Equal(a, b) ^ V.FromBits(uint.MaxValue);
    }

    /// <summary>a &lt; b.</summary>
    public readonly struct Less : IBinary
    {
        static string IBinary.Name => "less";
        V IBinary.Apply<V>(V a, V b) => V.Less(a, b);
    }

    /// <summary>a ≤ b.</summary>
    public readonly struct LessEqual : IBinary
    {
        static string IBinary.Name => "less_equal";
        V IBinary.Apply<V>(V a, V b) => V.LessEqual(a, b);
    }

    /// <summary>a &gt; b.</summary>
    public readonly struct Greater : IBinary
    {
        static string IBinary.Name => "greater";
        V IBinary.Apply<V>(V a, V b) => V.Less(b, a);
    }

    /// <summary>a ≥ b.</summary>
    public readonly struct GreaterEqual : IBinary
    {
        static string IBinary.Name => "greater_equal";
        V IBinary.Apply<V>(V a, V b) => V.LessEqual(b, a);
    }

    /// <summary>a ≠ 0 and b ≠ 0.</summary>
    public readonly struct LogicalAnd : IBinary
    {
        static string IBinary.Name => "logical_and";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => (V.Equal(a, V.Create(0)) | V.Equal(b, V.Create(0))) ^ V.FromBits(uint.MaxValue);
    }

    /// <summary>a ≠ 0 or b ≠ 0.</summary>
    public readonly struct LogicalOr : IBinary
    {
        static string IBinary.Name => "logical_or";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V a, V b) => (V.Equal(a, V.Create(0)) & V.Equal(b, V.Create(0))) ^ V.FromBits(uint.MaxValue);
    }

    /// <summary>One of a, b is 0, the other is not.</summary>
    public readonly struct LogicalXor : IBinary
    {
        static string IBinary.Name => "logical_xor";
        V IBinary.Apply<V>(V a, V b) => V.Equal(a, V.Create(0)) ^ V.Equal(b, V.Create(0));
    }
}
