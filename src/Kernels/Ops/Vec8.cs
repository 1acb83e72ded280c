using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera;

/// <summary>8 lanes of float32 in one 256-bit register.</summary>
public readonly struct Vec8 : IVec<Vec8>
{
    readonly Vector256<float> v;

    Vec8(Vector256<float> v) => this.v = v;

    /// <inheritdoc/>
    public static int Lanes => 8;

    /// <inheritdoc/>
    public static Vec8 Create(float x) => new(Vector256.Create(x));

    /// <inheritdoc/>
    public static Vec8 FromBits(uint bits) => new(Vector256.Create(bits).AsSingle());

    /// <inheritdoc/>
    public static Vec8 operator +(Vec8 a, Vec8 b) => new(a.v + b.v);

    /// <inheritdoc/>
    public static Vec8 operator -(Vec8 a, Vec8 b) => new(a.v - b.v);

    /// <inheritdoc/>
    public static Vec8 operator *(Vec8 a, Vec8 b) => new(a.v * b.v);

    /// <inheritdoc/>
    public static Vec8 operator /(Vec8 a, Vec8 b) => new(a.v / b.v);

    /// <inheritdoc/>
    public static Vec8 operator -(Vec8 a) => new(a.v ^ Vector256.Create(-0f));

    /// <inheritdoc/>
    public static Vec8 operator &(Vec8 a, Vec8 b) => new(a.v & b.v);

    /// <inheritdoc/>
    public static Vec8 operator |(Vec8 a, Vec8 b) => new(a.v | b.v);

    /// <inheritdoc/>
    public static Vec8 operator ^(Vec8 a, Vec8 b) => new(a.v ^ b.v);

    /// <inheritdoc/>
    public static Vec8 Fma(Vec8 a, Vec8 b, Vec8 c) => new(Vector256.FusedMultiplyAdd(a.v, b.v, c.v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IVec<Vec8>.AddProduct(ref Vec8 sum, Vec8 a, Vec8 b) => Unsafe.AsRef(in sum.v) = Vector256.FusedMultiplyAdd(a.v, b.v, sum.v);

    /// <inheritdoc/>
    public static Vec8 Sqrt(Vec8 x) => new(Vector256.Sqrt(x.v));

    /// <inheritdoc/>
    public static Vec8 Abs(Vec8 x) => new(x.v & Vector256.Create(0x7FFFFFFF).AsSingle());

    /// <inheritdoc/>
    public static Vec8 Max(Vec8 a, Vec8 b) => new(Vector256.Max(a.v, b.v));

    /// <inheritdoc/>
    public static Vec8 Min(Vec8 a, Vec8 b) => new(Vector256.Min(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec8 Relu(Vec8 x)
        => new(Avx.IsSupported ? Avx.Max(default, x.v) : Vector256.ConditionalSelect(Vector256.LessThan(x.v, default), default, x.v)); // vmaxps gives its second operand for NaN and for two zeros

    /// <inheritdoc/>
    public static Vec8 Larger(Vec8 a, Vec8 b) => Avx.IsSupported ? new(Avx.Max(a.v, b.v)) : Select(Less(b, a), a, b);

    /// <inheritdoc/>
    public static Vec8 Floor(Vec8 x) => new(Vector256.Floor(x.v));

    /// <inheritdoc/>
    public static Vec8 Round(Vec8 x) => new(Vector256.Round(x.v));

    /// <inheritdoc/>
    public static Vec8 Truncate(Vec8 x) => new(Vector256.Truncate(x.v));

    /// <inheritdoc/>
    public static Vec8 Less(Vec8 a, Vec8 b) => new(Vector256.LessThan(a.v, b.v));

    /// <inheritdoc/>
    public static Vec8 LessEqual(Vec8 a, Vec8 b) => new(Vector256.LessThanOrEqual(a.v, b.v));

    /// <inheritdoc/>
    public static Vec8 Equal(Vec8 a, Vec8 b) => new(Vector256.Equals(a.v, b.v));

    /// <inheritdoc/>
    public static Vec8 Select(Vec8 mask, Vec8 a, Vec8 b) => new(Vector256.ConditionalSelect(mask.v, a.v, b.v));

    /// <inheritdoc/>
    public static Vec8 ToInt(Vec8 x) => new(Vector256.ConvertToInt32Native(x.v).AsSingle());

    /// <inheritdoc/>
    public static Vec8 FromInt(Vec8 bits) => new(Vector256.ConvertToSingle(bits.v.AsInt32()));

    /// <inheritdoc/>
    public static Vec8 AddInt(Vec8 a, Vec8 b) => new((a.v.AsInt32() + b.v.AsInt32()).AsSingle());

    /// <inheritdoc/>
    public static bool Any(Vec8 mask) => mask.v.AsUInt32().ExtractMostSignificantBits() != 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vec8 PerLane<F>(Vec8 a, Vec8 b) where F : ILaneFunction
    {
        Span<float> y = stackalloc float[8];
        for (int i = 0; i < 8; i++) y[i] = F.Apply(a.v.GetElement(i), b.v.GetElement(i));
        return new(Vector256.Create<float>(y));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec8 ShiftLeft(Vec8 bits, int count) => new((bits.v.AsInt32() << count).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec8 ShiftRight(Vec8 bits, int count) => new((bits.v.AsInt32() >> count).AsSingle());
}
