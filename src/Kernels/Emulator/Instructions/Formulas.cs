using System.Numerics;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

struct Add<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => a + b; }
struct Sub<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => a - b; }
struct Mul<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => a * b; }
struct And<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => a & b; }
struct Or<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => a | b; }
struct Xor<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => a ^ b; }
struct Min<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.Min(a, b); }
struct Max<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.Max(a, b); }
struct MulAdd<T> : IFormula3<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b, Vector512<T> c) => (a * b) + c; }
struct Copy<T> : IFormula1<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a) => a; }
struct Not<T> : IFormula1<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a) => ~a; }
struct Equal<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.Equals(a, b); }
struct NotEqual<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => ~Vector512.Equals(a, b); }
struct Less<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.LessThan(a, b); }
struct LessEqual<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.LessThanOrEqual(a, b); }
struct Greater<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.GreaterThan(a, b); }
struct GreaterEqual<T> : IFormula2<T> where T : unmanaged { public static Vector512<T> Invoke(Vector512<T> a, Vector512<T> b) => Vector512.GreaterThanOrEqual(a, b); }
struct FmaD : IFormula3<double> { public static Vector512<double> Invoke(Vector512<double> a, Vector512<double> b, Vector512<double> c) => Vector512.FusedMultiplyAdd(a, b, c); }

// f32: an operation that gives a NaN gives the one with the bits 7FFFFFFF.
struct AddF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(a + b); }
struct SubF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(a - b); }
struct MulF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(a * b); }
struct DivF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(a / b); }

/// <summary>div.approx: divisors above 2^126 have an inverse of zero.</summary>
struct DivApproxF : IFormula2<float>
{
    public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b)
    {
        Vector512<float> zero = (b.AsUInt32() & Vector512.Create(0x8000_0000u)).AsSingle();
        return Single.Canonical(Vector512.ConditionalSelect(Vector512.GreaterThan(Vector512.Abs(b), Vector512.Create(8.507059173e37f)), a * zero, a / b));
    }
}

struct MinF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(Vector512.MinNumber(a, b)); }
struct MaxF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(Vector512.MaxNumber(a, b)); }
struct MinNanF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(Vector512.Min(a, b)); }
struct MaxNanF : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Canonical(Vector512.Max(a, b)); }
struct FmaF : IFormula3<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Single.Canonical(Vector512.FusedMultiplyAdd(a, b, c)); }
struct FmsF : IFormula3<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Single.Canonical(Vector512.FusedMultiplyAdd(a, b, -c)); }
struct FnmaF : IFormula3<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Single.Canonical(Vector512.FusedMultiplyAdd(-a, b, c)); }
struct SqrtF : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => Single.Canonical(Vector512.Sqrt(a)); }
struct RcpF : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => Single.Canonical(Vector512<float>.One / a); }
struct AbsF : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => Vector512.Abs(a); }
struct NegF : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => (a.AsUInt32() ^ Vector512.Create(0x8000_0000u)).AsSingle(); }
struct CopyF : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => a; }

/// <summary>.ftz: subnormal inputs and results are zeros of their sign.</summary>
struct Ftz1<F> : IFormula1<float> where F : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => Single.Flush(F.Invoke(Single.Flush(a))); }
struct Ftz2<F> : IFormula2<float> where F : IFormula2<float>
{
    public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) =>
        Single.Flush(F.Invoke(Single.Flush(a), Single.Flush(b)));
}

struct Ftz3<F> : IFormula3<float> where F : IFormula3<float>
{
    public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Single.Flush(F.Invoke(Single.Flush(a), Single.Flush(b), Single.Flush(c)));
}

/// <summary>.sat: results between 0 and 1; NaN gives 0.</summary>
struct Sat1<F> : IFormula1<float> where F : IFormula1<float> { public static Vector512<float> Invoke(Vector512<float> a) => Single.Saturate(F.Invoke(a)); }
struct Sat2<F> : IFormula2<float> where F : IFormula2<float> { public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b) => Single.Saturate(F.Invoke(a, b)); }
struct Sat3<F> : IFormula3<float> where F : IFormula3<float>
{
    public static Vector512<float> Invoke(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Single.Saturate(F.Invoke(a, b, c));
}

/// <summary>The rules of f32 beside those of IEEE 754, for vectors and for single values.</summary>
static class Single
{
    const uint nan = 0x7FFF_FFFF;

    public static Vector512<float> Canonical(Vector512<float> x) => Vector512.ConditionalSelect(Vector512.Equals(x, x), x, Vector512.Create(nan).AsSingle());

    public static Vector512<float> Flush(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32();
        Vector512<uint> tiny = Vector512.LessThan(bits & Vector512.Create(0x7FFF_FFFFu), Vector512.Create(0x0080_0000u));
        return Vector512.ConditionalSelect(tiny, bits & Vector512.Create(0x8000_0000u), bits).AsSingle();
    }

    public static Vector512<float> Saturate(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), Vector512.Min(x, Vector512<float>.One), Vector512<float>.Zero);

    public static float Of(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    public static ulong Bits(float x) => float.IsNaN(x) ? nan : BitConverter.SingleToUInt32Bits(x);

    public static float Flush(float x) => float.IsSubnormal(x) ? MathF.CopySign(0, x) : x;

    public static float Saturate(float x) => x > 0 ? MathF.Min(x, 1) : 0;
}
