using System.Runtime.CompilerServices;

namespace Tessera;

/// <summary>
/// The functions of mathematics over <see cref="IVec{V}"/>, building blocks of formulas: at most 2 units in the last place from the true value
/// (4 for <see cref="Pow{V}"/>), the same bits at every width. Polynomials are minimax (Remez) on the interval their comment names.
/// </summary>
public static partial class VMath
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    const uint SignBit = 0x80000000;

    /// <summary>eˣ.</summary>
    [MethodImpl(Inline)]
    public static V Exp<V>(V x) where V : struct, IVec<V>
    {
        // Beyond these bounds the result is 0 or ∞ all the same.
        x = V.Max(V.Min(x, V.Create(89)), V.Create(-104));
        V q = Reduced(x, out V n);
        return Scale(V.Create(1) + q, n);
    }

    /// <summary>eˣ for x ≤ 0, in half the time of <see cref="Exp{V}"/>; 0 where it is less than 10⁻³⁸.</summary>
    [MethodImpl(Inline)]
    internal static V ExpOfNegative<V>(V x) where V : struct, IVec<V>
    {
        // From -88.1 on n is -127. Behind 1.5·2²³ the integer n + 127 stands in the last bits of the sum, from where the shift makes it the exponent of 2ⁿ, or 0.
        V bias = V.Create(12582912 + 127);
        x = V.Larger(V.Create(-88.1f), x);
        V sum = V.Fma(x, V.Create(1.44269502f), bias), power = V.ShiftLeft(sum, 23);
        return V.Fma(Reduced(x, sum - bias), power, power);
    }

    /// <summary>The same of four vectors, step by step side by side, so that none waits for another: the same bits.</summary>
    [MethodImpl(Inline)]
    internal static void ExpOfNegative<V>(ref V a, ref V b, ref V c, ref V d) where V : struct, IVec<V>
    {
        V k = V.Create(-88.1f);
        (a, b, c, d) = (V.Larger(k, a), V.Larger(k, b), V.Larger(k, c), V.Larger(k, d));
        k = V.Create(1.44269502f);
        V bias = V.Create(12582912 + 127), na = V.Fma(a, k, bias), nb = V.Fma(b, k, bias), nc = V.Fma(c, k, bias), nd = V.Fma(d, k, bias);
        V powerA = V.ShiftLeft(na, 23), powerB = V.ShiftLeft(nb, 23), powerC = V.ShiftLeft(nc, 23), powerD = V.ShiftLeft(nd, 23);
        (na, nb, nc, nd) = (na - bias, nb - bias, nc - bias, nd - bias);
        k = V.Create(-0.693145752f);
        (a, b, c, d) = (V.Fma(na, k, a), V.Fma(nb, k, b), V.Fma(nc, k, c), V.Fma(nd, k, d));
        k = V.Create(-1.42860677e-6f);
        (a, b, c, d) = (V.Fma(na, k, a), V.Fma(nb, k, b), V.Fma(nc, k, c), V.Fma(nd, k, d));
        k = V.Create(0.00139476056f);
        V l = V.Create(0.00836724695f), pa = V.Fma(k, a, l), pb = V.Fma(k, b, l), pc = V.Fma(k, c, l), pd = V.Fma(k, d, l);
        k = V.Create(0.0416662656f);
        (pa, pb, pc, pd) = (V.Fma(pa, a, k), V.Fma(pb, b, k), V.Fma(pc, c, k), V.Fma(pd, d, k));
        k = V.Create(0.166665375f);
        (pa, pb, pc, pd) = (V.Fma(pa, a, k), V.Fma(pb, b, k), V.Fma(pc, c, k), V.Fma(pd, d, k));
        k = V.Create(0.5f);
        (pa, pb, pc, pd) = (V.Fma(pa, a, k), V.Fma(pb, b, k), V.Fma(pc, c, k), V.Fma(pd, d, k));
        (a, b, c, d) = (V.Fma(a * a, pa, a), V.Fma(b * b, pb, b), V.Fma(c * c, pc, c), V.Fma(d * d, pd, d));
        (a, b, c, d) = (V.Fma(a, powerA, powerA), V.Fma(b, powerB, powerB), V.Fma(c, powerC, powerC), V.Fma(d, powerD, powerD));
    }

    /// <summary>2ˣ.</summary>
    [MethodImpl(Inline)]
    public static V Exp2<V>(V x) where V : struct, IVec<V>
    {
        x = V.Max(V.Min(x, V.Create(129)), V.Create(-151));
        V n = V.Round(x);
        return Scale(Power2(x - n), n);
    }

    /// <summary>eˣ - 1, accurate near 0.</summary>
    [MethodImpl(Inline)]
    public static V Expm1<V>(V x) where V : struct, IVec<V>
    {
        V z = V.Max(V.Min(x, V.Create(89)), V.Create(-20));
        V q = Reduced(z, out V n);
        // eᶻ - 1 = 2ⁿ(1 + q) - 1, as twice 2ⁿ⁻¹q + (2ⁿ⁻¹ - 1/2) so that n = 128 does not overflow early.
        V s = PowerOf2(n - V.Create(1));
        V y = V.Fma(q, s, s - V.Create(0.5f));
        return V.Select(V.Equal(n, V.Create(0)), q, y + y) | (x & V.FromBits(SignBit));
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(Inline)]
    public static V Sigmoid<V>(V x) where V : struct, IVec<V>
    {
        V e = Exp(-V.Abs(x)), one = V.Create(1);
        return V.Select(V.Less(x, V.Create(0)), e, one) / (one + e);
    }

    /// <summary>The hyperbolic tangent: a polynomial near 0, else 1 - 2/(e²ˣ + 1).</summary>
    [MethodImpl(Inline)]
    public static V Tanh<V>(V x) where V : struct, IVec<V>
    {
        V t = V.Abs(x), s = x * x;
        V p = V.Create(-0.00630160095f); // (tanh t - t)/t³ in t², t to 0.56
        p = V.Fma(p, s, V.Create(0.021103872f));
        p = V.Fma(p, s, V.Create(-0.0538642667f));
        p = V.Fma(p, s, V.Create(0.133327574f));
        p = V.Fma(p, s, V.Create(-0.333333254f));
        V near = V.Fma(t * s, p, t);
        V far = V.Create(1) - (V.Create(2) / (Exp(t + t) + V.Create(1)));
        return V.Select(V.Less(t, V.Create(0.55f)), near, far) | (x & V.FromBits(SignBit));
    }

    /// <summary>ln(1 + eˣ).</summary>
    [MethodImpl(Inline)]
    public static V Softplus<V>(V x) where V : struct, IVec<V>
        => V.Max(x, V.Create(0)) + Log1p(Exp(-V.Abs(x)));

    /// <summary>eʳ - 1 for x = n ln 2 + r, n an integer and |r| ≤ ln 2 / 2 (Cody and Waite).</summary>
    [MethodImpl(Inline)]
    static V Reduced<V>(V x, out V n) where V : struct, IVec<V>
    {
        n = V.Round(x * V.Create(1.44269502f));
        return Reduced(x, n);
    }

    /// <inheritdoc cref="Reduced{V}(V, out V)"/>
    [MethodImpl(Inline)]
    static V Reduced<V>(V x, V n) where V : struct, IVec<V>
    {
        V r = V.Fma(n, V.Create(-0.693145752f), x);
        r = V.Fma(n, V.Create(-1.42860677e-6f), r);
        V p = V.Create(0.00139476056f); // (eʳ - 1 - r)/r²
        p = V.Fma(p, r, V.Create(0.00836724695f));
        p = V.Fma(p, r, V.Create(0.0416662656f));
        p = V.Fma(p, r, V.Create(0.166665375f));
        p = V.Fma(p, r, V.Create(0.5f));
        return V.Fma(r * r, p, r);
    }

    /// <summary>2ᶠ for |f| ≤ 1/2.</summary>
    [MethodImpl(Inline)]
    static V Power2<V>(V f) where V : struct, IVec<V>
    {
        V p = V.Create(0.000154777881f); // (2ᶠ - 1)/f
        p = V.Fma(p, f, V.Create(0.00134016108f));
        p = V.Fma(p, f, V.Create(0.00961799826f));
        p = V.Fma(p, f, V.Create(0.0555032454f));
        p = V.Fma(p, f, V.Create(0.240226507f));
        p = V.Fma(p, f, V.Create(0.693147182f));
        return V.Fma(p, f, V.Create(1));
    }

    /// <summary>x · 2ⁿ for an integer n of -252..254, rounded once also where the result is denormal.</summary>
    [MethodImpl(Inline)]
    static V Scale<V>(V x, V n) where V : struct, IVec<V>
    {
        V half = V.Floor(n * V.Create(0.5f));
        return x * PowerOf2(half) * PowerOf2(n - half);
    }

    /// <summary>2ⁿ for an integer n of -126..127: the exponent's bits.</summary>
    [MethodImpl(Inline)]
    static V PowerOf2<V>(V n) where V : struct, IVec<V>
        => V.ShiftLeft(V.AddInt(V.ToInt(n), V.FromBits(127)), 23);

    /// <summary>-k of integer lanes.</summary>
    [MethodImpl(Inline)]
    static V NegateInt<V>(V k) where V : struct, IVec<V>
        => V.AddInt(k ^ V.FromBits(uint.MaxValue), V.FromBits(1));
}
