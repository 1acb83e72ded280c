using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tessera.Cpu;

/// <summary>Adjacent float32 numbers to 16 bits, rounded to nearest even, and back, 16 at a time; the bits are those of the scalar conversions, NaN stays a NaN.</summary>
internal static unsafe class HalfCasts
{
    const int Step = 16;

    /// <summary>Converts the first numbers of n; returns how many, 0 where the types are not float32 and one of 16 bits.</summary>
    public static long Run<TFrom, TTo>(nint x, nint y, long n)
    {
        long whole = n - (n % Step);
        if (typeof(TFrom) == typeof(float) && typeof(TTo) == typeof(Half)) Narrow<ToHalf>((float*)x, (ushort*)y, whole);
        else if (typeof(TFrom) == typeof(float) && typeof(TTo) == typeof(BFloat16)) Narrow<ToBFloat16>((float*)x, (ushort*)y, whole);
        else if (typeof(TFrom) == typeof(Half) && typeof(TTo) == typeof(float)) Widen<FromHalf>((ushort*)x, (float*)y, whole);
        else if (typeof(TFrom) == typeof(BFloat16) && typeof(TTo) == typeof(float)) Widen<FromBFloat16>((ushort*)x, (float*)y, whole);
        else return 0;
        return whole;
    }

    static void Narrow<T>(float* x, ushort* y, long n) where T : struct, IBits
    {
        for (long i = 0; i < n; i += Step)
            Vector256.Narrow(T.Of(Vector256.Load(x + i).AsUInt32()), T.Of(Vector256.Load(x + i + (Step / 2)).AsUInt32())).Store(y + i);
    }

    static void Widen<T>(ushort* x, float* y, long n) where T : struct, IBits
    {
        for (long i = 0; i < n; i += Step)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(x + i));
            T.Of(low).AsSingle().Store(y + i);
            T.Of(high).AsSingle().Store(y + i + (Step / 2));
        }
    }

    interface IBits
    {
        static abstract Vector256<uint> Of(Vector256<uint> bits);
    }

    readonly struct FromBFloat16 : IBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<uint> Of(Vector256<uint> bits) => bits << 16;
    }

    readonly struct ToBFloat16 : IBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<uint> Of(Vector256<uint> bits)
        {
            var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
            var isNaN = Vector256.GreaterThan((bits & Vector256.Create(0x7FFFFFFFu)).AsInt32(), Vector256.Create(0x7F800000)).AsUInt32();
            return Vector256.ConditionalSelect(isNaN, (bits >> 16) | Vector256.Create(0x40u), rounded);
        }
    }

    // The exponent is moved from bias 15 to bias 127; numbers below 2^-14 are made by a subtraction of floats, which is exact.
    readonly struct FromHalf : IBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<uint> Of(Vector256<uint> bits)
        {
            var moved = (bits & Vector256.Create(0x7FFFu)) << 13;
            var exponent = moved & Vector256.Create(0x7C00u << 13);
            var normal = moved + Vector256.Create((127u - 15) << 23);
            var special = normal + Vector256.Create((128u - 16) << 23);
            var tiny = ((normal + Vector256.Create(1u << 23)).AsSingle() - Vector256.Create(1f / (1 << 14))).AsUInt32();
            var y = Vector256.ConditionalSelect(Vector256.Equals(exponent, Vector256<uint>.Zero), tiny, normal);
            y = Vector256.ConditionalSelect(Vector256.Equals(exponent, Vector256.Create(0x7C00u << 13)), special, y);
            return y | ((bits & Vector256.Create(0x8000u)) << 16);
        }
    }

    // Numbers below 2^-14 are rounded by the addition of 0.5, whose last bit is worth 2^-24: that of the smallest half.
    readonly struct ToHalf : IBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<uint> Of(Vector256<uint> bits)
        {
            var sign = bits & Vector256.Create(0x80000000u);
            var x = bits ^ sign;
            var normal = (x - Vector256.Create((127u - 15) << 23) + Vector256.Create(0xFFFu) + ((x >> 13) & Vector256<uint>.One)) >> 13;
            var tiny = (x.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(126u << 23);
            var special = Vector256.ConditionalSelect(Vector256.GreaterThan(x.AsInt32(), Vector256.Create(0x7F800000)).AsUInt32(), Vector256.Create(0x7E00u), Vector256.Create(0x7C00u));
            var y = Vector256.ConditionalSelect(Vector256.LessThan(x.AsInt32(), Vector256.Create(113 << 23)).AsUInt32(), tiny, normal);
            y = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(x.AsInt32(), Vector256.Create(143 << 23)).AsUInt32(), special, y);
            return y | (sign >> 16);
        }
    }
}
