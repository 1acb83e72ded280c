using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera;

/// <summary>16 lanes of float32 in one 512-bit register.</summary>
public readonly struct Vec16 : IVec<Vec16>
{
    readonly Vector512<float> v;

    Vec16(Vector512<float> v) => this.v = v;

    /// <inheritdoc/>
    public static int Lanes => 16;

    /// <inheritdoc/>
    public static Vec16 Create(float x) => new(Vector512.Create(x));

    /// <inheritdoc/>
    public static Vec16 FromBits(uint bits) => new(Vector512.Create(bits).AsSingle());

    /// <inheritdoc/>
    public static Vec16 operator +(Vec16 a, Vec16 b) => new(a.v + b.v);

    /// <inheritdoc/>
    public static Vec16 operator -(Vec16 a, Vec16 b) => new(a.v - b.v);

    /// <inheritdoc/>
    public static Vec16 operator *(Vec16 a, Vec16 b) => new(a.v * b.v);

    /// <inheritdoc/>
    public static Vec16 operator /(Vec16 a, Vec16 b) => new(a.v / b.v);

    /// <inheritdoc/>
    public static Vec16 operator -(Vec16 a) => new(a.v ^ Vector512.Create(-0f));

    /// <inheritdoc/>
    public static Vec16 operator &(Vec16 a, Vec16 b) => new(a.v & b.v);

    /// <inheritdoc/>
    public static Vec16 operator |(Vec16 a, Vec16 b) => new(a.v | b.v);

    /// <inheritdoc/>
    public static Vec16 operator ^(Vec16 a, Vec16 b) => new(a.v ^ b.v);

    /// <inheritdoc/>
    public static Vec16 Fma(Vec16 a, Vec16 b, Vec16 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IVec<Vec16>.AddProduct(ref Vec16 sum, Vec16 a, Vec16 b) => Unsafe.AsRef(in sum.v) = Vector512.FusedMultiplyAdd(a.v, b.v, sum.v);

    /// <inheritdoc/>
    public static Vec16 Sqrt(Vec16 x) => new(Vector512.Sqrt(x.v));

    /// <inheritdoc/>
    public static Vec16 Abs(Vec16 x) => new(x.v & Vector512.Create(0x7FFFFFFF).AsSingle());

    /// <inheritdoc/>
    public static Vec16 Max(Vec16 a, Vec16 b) => new(Vector512.Max(a.v, b.v));

    /// <inheritdoc/>
    public static Vec16 Min(Vec16 a, Vec16 b) => new(Vector512.Min(a.v, b.v));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec16 Relu(Vec16 x)
        => new(Avx512F.IsSupported ? Avx512F.Max(default, x.v) : Vector512.ConditionalSelect(Vector512.LessThan(x.v, default), default, x.v)); // vmaxps gives its second operand for NaN and for two zeros

    /// <inheritdoc/>
    public static Vec16 Larger(Vec16 a, Vec16 b) => Avx512F.IsSupported ? new(Avx512F.Max(a.v, b.v)) : Select(Less(b, a), a, b);

    /// <inheritdoc/>
    public static Vec16 Floor(Vec16 x) => new(Vector512.Floor(x.v));

    /// <inheritdoc/>
    public static Vec16 Round(Vec16 x) => new(Vector512.Round(x.v));

    /// <inheritdoc/>
    public static Vec16 Truncate(Vec16 x) => new(Vector512.Truncate(x.v));

    /// <inheritdoc/>
    public static Vec16 Less(Vec16 a, Vec16 b) => new(Vector512.LessThan(a.v, b.v));

    /// <inheritdoc/>
    public static Vec16 LessEqual(Vec16 a, Vec16 b) => new(Vector512.LessThanOrEqual(a.v, b.v));

    /// <inheritdoc/>
    public static Vec16 Equal(Vec16 a, Vec16 b) => new(Vector512.Equals(a.v, b.v));

    /// <inheritdoc/>
    public static Vec16 Select(Vec16 mask, Vec16 a, Vec16 b) => new(Vector512.ConditionalSelect(mask.v, a.v, b.v));

    /// <inheritdoc/>
    public static Vec16 ToInt(Vec16 x) => new(Vector512.ConvertToInt32Native(x.v).AsSingle());

    /// <inheritdoc/>
    public static Vec16 FromInt(Vec16 bits) => new(Vector512.ConvertToSingle(bits.v.AsInt32()));

    /// <inheritdoc/>
    public static Vec16 AddInt(Vec16 a, Vec16 b) => new((a.v.AsInt32() + b.v.AsInt32()).AsSingle());

    /// <inheritdoc/>
    public static bool Any(Vec16 mask) => mask.v.AsUInt32().ExtractMostSignificantBits() != 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vec16 PerLane<F>(Vec16 a, Vec16 b) where F : ILaneFunction
    {
        Span<float> y = stackalloc float[16];
        for (int i = 0; i < 16; i++) y[i] = F.Apply(a.v.GetElement(i), b.v.GetElement(i));
        return new(Vector512.Create<float>(y));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec16 ShiftLeft(Vec16 bits, int count) => new((bits.v.AsInt32() << count).AsSingle());

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec16 ShiftRight(Vec16 bits, int count) => new((bits.v.AsInt32() >> count).AsSingle());
}
