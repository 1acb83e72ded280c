using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Powers and division with remainder.</content>
public static partial class VMath
{
    /// <summary>aᵇ = 2^(b log₂ a), the logarithm in two floats; special values as IEEE 754 pow: 1 for b = 0 or a = 1, NaN for a &lt; 0 and b no integer.</summary>
    [MethodImpl(Inline)]
    public static V Pow<V>(V a, V b) where V : struct, IVec<V>
    {
        V zero = V.Create(0), one = V.Create(1), infinity = V.Create(float.PositiveInfinity), size = V.Abs(a);
        V high = Log2Pair(size, out V low);
        // The exponent b (high + low), clipped to where the result is 0 or ∞ all the same.
        V limit = V.Create(300), product = b * high;
        V rest = V.Fma(b, low, V.Fma(b, high, -product));
        rest = V.Select(V.Less(V.Abs(product), limit), rest, zero);
        product = V.Max(V.Min(product, limit), -limit);
        V n = V.Max(V.Min(V.Round(product), V.Create(150)), V.Create(-160));
        V y = Scale(Power2(V.Min(V.Max((product - n) + rest, -one), one)), n);
        y = V.Select(V.Less(V.Create(129), product), infinity, V.Select(V.Less(product, V.Create(-151)), zero, y));

        V grows = V.Less(zero, b);
        y = V.Select(V.Equal(size, zero), V.Select(grows, zero, infinity), y);
        y = V.Select(V.Equal(size, infinity), V.Select(grows, infinity, zero), y);
        V half = b * V.Create(0.5f);
        V whole = V.Equal(V.Truncate(b), b), even = V.Equal(V.Truncate(half), half);
        V finite = V.Less(zero, size) & V.Less(size, infinity);
        y = V.Select(V.Less(a, zero) & finite, V.Select(whole, y, V.Create(float.NaN)), y);
        V odd = V.Select(even, zero, whole);
        y = V.Select(odd, y ^ (a & V.FromBits(SignBit)), y);
        y = V.Select(V.Equal(size, one) & V.Equal(V.Abs(b), infinity), one, y);
        y = V.Select(V.Equal(a, a) & V.Equal(b, b), y, a + b);
        return V.Select(V.Equal(b, zero) | V.Equal(a, one), one, y);
    }

    /// <summary>a - b · trunc(a / b), exactly; the sign of a.</summary>
    [MethodImpl(Inline)]
    public static V Fmod<V>(V a, V b) where V : struct, IVec<V>
    {
        V quotient = V.Truncate(a / b), sign = a & V.FromBits(SignBit);
        V r = V.Fma(-quotient, b, a);
        // The rounded quotient may be one too large: then r has the other sign.
        V over = V.Less((r ^ sign), V.Create(0));
        r = V.Select(over, r + (V.Abs(b) | sign), r);
        r = V.Abs(r) | sign;
        V usual = V.Less(V.Abs(quotient), V.Create(4194304)) & V.Less(V.Abs(b), V.Create(float.PositiveInfinity));
        V rare = usual ^ V.FromBits(uint.MaxValue);
        return V.Any(rare) ? V.Select(usual, r, V.PerLane<FmodLane>(a, b)) : r;
    }

    /// <summary>log₂ x of a positive finite x as the unevaluated sum of two floats, to about 2⁻³⁰.</summary>
    [MethodImpl(Inline)]
    static V Log2Pair<V>(V x, out V low) where V : struct, IVec<V>
    {
        V f = Split(x, out V e, out _);
        // ln(1 + f) = 2 atanh s, s = f/(2 + f) in two floats.
        V two = V.Create(2), u = two + f, lost = f - (u - two);
        V s = f / u;
        V sLow = V.Fma(-s, lost, V.Fma(-s, u, f)) / u;
        V q = s * s;
        V p = V.Create(0.119154699f); // (atanh s - s)/s³ in s² on 0..0.04
        p = V.Fma(p, q, V.Create(0.142639682f));
        p = V.Fma(p, q, V.Create(0.200001895f));
        p = V.Fma(p, q, V.Create(0.333333343f));
        V rest = V.Fma(s * q, p, sLow);
        V factor = V.Create(2.88539004f), factorLow = V.Create(3.85192607e-8f); // 2 log₂ e
        V main = s * factor;
        V mainLow = V.Fma(rest, factor, V.Fma(s, factorLow, V.Fma(s, factor, -main)));
        V sum = e + main;
        V sumLow = ((e - sum) + main) + mainLow;
        V high = sum + sumLow;
        low = sumLow - (high - sum);
        return high;
    }

    readonly struct FmodLane : ILaneFunction
    {
        public static float Apply(float a, float b) => a % b;
    }
}
