using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>The error function.</content>
public static partial class VMath
{
    /// <summary>The error function 2/√π ∫₀ˣ e^(-t²) dt: a polynomial near 0, else 1 - e^(ln erfc).</summary>
    [MethodImpl(Inline)]
    public static V Erf<V>(V x) where V : struct, IVec<V>
    {
        V s = x * x;
        V p = V.Create(8.36228646e-5f); // erf(x)/x - 1 in x², |x| to 0.927
        p = V.Fma(p, s, V.Create(-0.000814147468f));
        p = V.Fma(p, s, V.Create(0.00520098954f));
        p = V.Fma(p, s, V.Create(-0.0268594138f));
        p = V.Fma(p, s, V.Create(0.112836964f));
        p = V.Fma(p, s, V.Create(-0.376126349f));
        p = V.Fma(p, s, V.Create(0.128379166f));
        V near = V.Fma(x, p, x);

        V t = V.Min(V.Abs(x), V.Create(4)); // erf(4) rounds to 1
        V l = V.Create(-2.11617953e-5f); // ln erfc t on 0.92..4
        l = V.Fma(l, t, V.Create(0.000435217575f));
        l = V.Fma(l, t, V.Create(-0.00417463621f));
        l = V.Fma(l, t, V.Create(0.0251286067f));
        l = V.Fma(l, t, V.Create(-0.108293921f));
        l = V.Fma(l, t, V.Create(-0.633334696f));
        l = V.Fma(l, t, V.Create(-1.12952077f));
        l = V.Fma(l, t, V.Create(0.000175871784f));
        V far = (V.Create(1) - Exp(l)) | (x & V.FromBits(SignBit));
        return V.Select(V.Less(V.Abs(x), V.Create(0.925f)), near, far);
    }
}
