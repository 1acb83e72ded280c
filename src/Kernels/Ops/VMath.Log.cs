using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Logarithms.</content>
public static partial class VMath
{
    const float Ln2 = 0.693147182f;

    /// <summary>ln x; NaN below 0, -∞ at 0.</summary>
    [MethodImpl(Inline)]
    public static V Log<V>(V x) where V : struct, IVec<V>
    {
        V f = Split(x, out V e, out _);
        return LogLimits(x, V.Fma(e, V.Create(Ln2), LogNear1(f)));
    }

    /// <summary>log₂ x; exact for powers of two.</summary>
    [MethodImpl(Inline)]
    public static V Log2<V>(V x) where V : struct, IVec<V>
    {
        V f = Split(x, out V e, out _);
        V p = V.Create(-0.19204694f); // (log₂(1 + f) - f log₂ e)/f² on -1/3..1/3
        p = V.Fma(p, f, V.Create(0.202067122f));
        p = V.Fma(p, f, V.Create(-0.174251214f));
        p = V.Fma(p, f, V.Create(0.201989233f));
        p = V.Fma(p, f, V.Create(-0.240778595f));
        p = V.Fma(p, f, V.Create(0.288694412f));
        p = V.Fma(p, f, V.Create(-0.360666662f));
        p = V.Fma(p, f, V.Create(0.480896533f));
        p = V.Fma(p, f, V.Create(-0.72134757f));
        V tail = V.Fma(f, V.Create(1.925963033e-8f), f * f * p); // log₂ e = 1.44269502 + 1.93e-8
        return LogLimits(x, e + V.Fma(f, V.Create(1.44269502f), tail));
    }

    /// <summary>ln(1 + x), accurate near 0.</summary>
    [MethodImpl(Inline)]
    public static V Log1p<V>(V x) where V : struct, IVec<V>
    {
        V one = V.Create(1), u = one + x;
        V virtualX = u - one;
        V lost = (one - (u - virtualX)) + (x - virtualX); // u + lost = 1 + x exactly
        V f = Split(u, out V e, out V shift);
        // ln(u + lost) = e ln 2 + ln(1 + f + lost/2ᵉ); from 2²⁴ on nothing was lost that counts.
        V scale = V.AddInt(one, NegateInt(shift));
        f += V.Select(V.Less(x, V.Create(16777216)), lost * scale, V.Create(0));
        return LogLimits(u, V.Fma(e, V.Create(Ln2), LogNear1(f))) | (x & V.FromBits(SignBit));
    }

    /// <summary>x = 2ᵉ(1 + f) with 1 + f in 2/3..4/3; <paramref name="shift"/> holds e at the place of the exponent's bits (of normal x).</summary>
    [MethodImpl(Inline)]
    static V Split<V>(V x, out V e, out V shift) where V : struct, IVec<V>
    {
        V denormal = V.Less(x, V.Create(1.17549435e-38f));
        x = V.Select(denormal, x * V.Create(8388608), x);
        shift = V.AddInt(x, V.FromBits(0xC0D55555)) & V.FromBits(0xFF800000); // minus the bits of 2/3
        V m = V.AddInt(x, NegateInt(shift));
        e = V.FromInt(V.ShiftRight(shift, 23)) - (denormal & V.Create(23));
        return m - V.Create(1);
    }

    /// <summary>ln(1 + f) on -1/3..1/3.</summary>
    [MethodImpl(Inline)]
    static V LogNear1<V>(V f) where V : struct, IVec<V>
    {
        V p = V.Create(-0.133116797f); // (ln(1 + f) - f)/f²
        p = V.Fma(p, f, V.Create(0.140062258f));
        p = V.Fma(p, f, V.Create(-0.120781735f));
        p = V.Fma(p, f, V.Create(0.140008271f));
        p = V.Fma(p, f, V.Create(-0.166895002f));
        p = V.Fma(p, f, V.Create(0.200107709f));
        p = V.Fma(p, f, V.Create(-0.249995068f));
        p = V.Fma(p, f, V.Create(0.333332092f));
        p = V.Fma(p, f, V.Create(-0.5f));
        return V.Fma(f * f, p, f);
    }

    /// <summary>y for 0 &lt; x &lt; ∞; -∞ at 0, NaN below, else x itself.</summary>
    [MethodImpl(Inline)]
    static V LogLimits<V>(V x, V y) where V : struct, IVec<V>
    {
        V zero = V.Create(0), infinity = V.Create(float.PositiveInfinity);
        V other = V.Select(V.Equal(x, zero), -infinity, V.Select(V.Less(x, zero), V.Create(float.NaN), x));
        return V.Select(V.Less(zero, x) & V.Less(x, infinity), y, other);
    }
}
