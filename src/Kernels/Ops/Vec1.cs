using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera;

/// <summary>One float32: the scalar version of every formula.</summary>
public readonly struct Vec1 : IVec<Vec1>
{
    readonly float v;

    Vec1(float v) => this.v = v;

    /// <inheritdoc/>
    public static int Lanes => 1;

    /// <summary>The number.</summary>
    public static explicit operator float(Vec1 x) => x.v;

    /// <inheritdoc/>
    public static Vec1 Create(float x) => new(x);

    /// <inheritdoc/>
    public static Vec1 FromBits(uint bits) => new(BitConverter.UInt32BitsToSingle(bits));

    /// <inheritdoc/>
    public static Vec1 operator +(Vec1 a, Vec1 b) => new(a.v + b.v);

    /// <inheritdoc/>
    public static Vec1 operator -(Vec1 a, Vec1 b) => new(a.v - b.v);

    /// <inheritdoc/>
    public static Vec1 operator *(Vec1 a, Vec1 b) => new(a.v * b.v);

    /// <inheritdoc/>
    public static Vec1 operator /(Vec1 a, Vec1 b) => new(a.v / b.v);

    /// <inheritdoc/>
    public static Vec1 operator -(Vec1 a) => FromBits(Bits(a) ^ 0x80000000);

    /// <inheritdoc/>
    public static Vec1 operator &(Vec1 a, Vec1 b) => FromBits(Bits(a) & Bits(b));

    /// <inheritdoc/>
    public static Vec1 operator |(Vec1 a, Vec1 b) => FromBits(Bits(a) | Bits(b));

    /// <inheritdoc/>
    public static Vec1 operator ^(Vec1 a, Vec1 b) => FromBits(Bits(a) ^ Bits(b));

    /// <inheritdoc/>
    public static Vec1 Fma(Vec1 a, Vec1 b, Vec1 c) => new(MathF.FusedMultiplyAdd(a.v, b.v, c.v));

    /// <inheritdoc/>
    public static Vec1 Sqrt(Vec1 x) => new(MathF.Sqrt(x.v));

    /// <inheritdoc/>
    public static Vec1 Abs(Vec1 x) => FromBits(Bits(x) & 0x7FFFFFFF);

    /// <inheritdoc/>
    public static Vec1 Max(Vec1 a, Vec1 b) => new(MathF.Max(a.v, b.v));

    /// <inheritdoc/>
    public static Vec1 Min(Vec1 a, Vec1 b) => new(MathF.Min(a.v, b.v));

    /// <inheritdoc/>
    public static Vec1 Larger(Vec1 a, Vec1 b)
        => Sse.IsSupported ? new(Sse.MaxScalar(Vector128.CreateScalarUnsafe(a.v), Vector128.CreateScalarUnsafe(b.v)).ToScalar()) : a.v > b.v ? a : b; // no branch to guess

    /// <inheritdoc/>
    public static Vec1 Floor(Vec1 x) => new(MathF.Floor(x.v));

    /// <inheritdoc/>
    public static Vec1 Round(Vec1 x) => new(MathF.Round(x.v));

    /// <inheritdoc/>
    public static Vec1 Truncate(Vec1 x) => new(MathF.Truncate(x.v));

    /// <inheritdoc/>
    public static Vec1 Less(Vec1 a, Vec1 b) => Mask(a.v < b.v);

    /// <inheritdoc/>
    public static Vec1 LessEqual(Vec1 a, Vec1 b) => Mask(a.v <= b.v);

    /// <inheritdoc/>
    public static Vec1 Equal(Vec1 a, Vec1 b) => Mask(a.v == b.v);

    /// <inheritdoc/>
    public static Vec1 Select(Vec1 mask, Vec1 a, Vec1 b) => FromBits((Bits(mask) & Bits(a)) | (~Bits(mask) & Bits(b)));

    /// <inheritdoc/>
    public static Vec1 ToInt(Vec1 x) => FromInt32(float.ConvertToIntegerNative<int>(x.v));

    /// <inheritdoc/>
    public static Vec1 FromInt(Vec1 bits) => new((int)Bits(bits));

    /// <inheritdoc/>
    public static Vec1 AddInt(Vec1 a, Vec1 b) => FromBits(Bits(a) + Bits(b));

    /// <inheritdoc/>
    public static bool Any(Vec1 mask) => Bits(mask) >> 31 != 0;

    /// <inheritdoc/>
    public static Vec1 PerLane<F>(Vec1 a, Vec1 b) where F : ILaneFunction => new(F.Apply(a.v, b.v));

    /// <inheritdoc/>
    public static Vec1 ShiftLeft(Vec1 bits, int count) => FromBits(Bits(bits) << count);

    /// <inheritdoc/>
    public static Vec1 ShiftRight(Vec1 bits, int count) => FromInt32((int)Bits(bits) >> count);

    static uint Bits(Vec1 x) => BitConverter.SingleToUInt32Bits(x.v);

    static Vec1 FromInt32(int bits) => new(BitConverter.Int32BitsToSingle(bits));

    static Vec1 Mask(bool set) => FromBits(set ? 0xFFFFFFFF : 0);
}
