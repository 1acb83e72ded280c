using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <content>Filling, copying and casting.</content>
internal sealed unsafe partial class CpuBackend
{
    public override void Fill(View y, double value)
    {
        var nest = Nest.Of(y);
        switch (y.DType)
        {
            case DType.Float32: nest.Run(new FillRow<float>((float)value)); break;
            case DType.Float16: nest.Run(new FillRow<Half>((Half)value)); break;
            case DType.BFloat16: nest.Run(new FillRow<BFloat16>((BFloat16)(float)value)); break;
            case DType.UInt8: nest.Run(new FillRow<byte>((byte)(long)value)); break;
            case DType.Int32: nest.Run(new FillRow<int>((int)value)); break;
            case DType.Int64: nest.Run(new FillRow<long>((long)value)); break;
            default: nest.Run(new FillRow<bool>(value != 0)); break;
        }
    }

    public override void Copy(View x, View y)
    {
        var nest = Nest.Of(y, x);
        if (x.DType != y.DType) nest.Run(new CastRow(x.DType, y.DType));
        else if (y.DType.Size() == 1) nest.Run(new CopyRow<byte>());
        else if (y.DType.Size() == 2) nest.Run(new CopyRow<ushort>());
        else if (y.DType.Size() == 4 && x.Storage != y.Storage && Around.Pays(y.Count * sizeof(uint))) nest.Run(new CopyRow<uint>(around: true));
        else if (y.DType.Size() == 4) nest.Run(new CopyRow<uint>());
        else nest.Run(new CopyRow<ulong>());
    }

    /// <summary>n elements of one type and step to another.</summary>
    internal static void Cast(DType from, nint x, long sx, DType to, nint y, long sy, long n)
    {
        switch (from)
        {
            case DType.Float32: Cast<float>(x, sx, to, y, sy, n); break;
            case DType.Float16: Cast<Half>(x, sx, to, y, sy, n); break;
            case DType.BFloat16: Cast<BFloat16>(x, sx, to, y, sy, n); break;
            case DType.Int32: Cast<int>(x, sx, to, y, sy, n); break;
            case DType.Int64: Cast<long>(x, sx, to, y, sy, n); break;
            default: Cast<byte>(x, sx, to, y, sy, n); break;
        }
    }

    static void Cast<TFrom>(nint x, long sx, DType to, nint y, long sy, long n) where TFrom : unmanaged
    {
        switch (to)
        {
            case DType.Float32: Cast<TFrom, float>(x, sx, y, sy, n); break;
            case DType.Float16: Cast<TFrom, Half>(x, sx, y, sy, n); break;
            case DType.BFloat16: Cast<TFrom, BFloat16>(x, sx, y, sy, n); break;
            case DType.UInt8: Cast<TFrom, byte>(x, sx, y, sy, n); break;
            case DType.Int32: Cast<TFrom, int>(x, sx, y, sy, n); break;
            case DType.Int64: Cast<TFrom, long>(x, sx, y, sy, n); break;
            default: Cast<TFrom, bool>(x, sx, y, sy, n); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Cast<TFrom, TTo>(nint x, long sx, nint y, long sy, long n) where TFrom : unmanaged where TTo : unmanaged
    {
        if (sx == sizeof(TFrom) && sy == sizeof(TTo))
            for (long i = HalfCasts.Run<TFrom, TTo>(x, y, n); i < n; i++) ((TTo*)y)[i] = Convert<TFrom, TTo>(((TFrom*)x)[i]);
        else
            for (long i = 0; i < n; i++, x += (nint)sx, y += (nint)sy) *(TTo*)y = Convert<TFrom, TTo>(*(TFrom*)x);
    }

    // The type tests are constants to the compiler. Floats go through a float, which holds them all; integers through a long.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static TTo Convert<TFrom, TTo>(TFrom x) where TFrom : unmanaged where TTo : unmanaged
    {
        if (typeof(TFrom) == typeof(float)) return FromFloat<TTo>((float)(object)x);
        if (typeof(TFrom) == typeof(Half)) return FromFloat<TTo>((float)(Half)(object)x);
        if (typeof(TFrom) == typeof(BFloat16)) return FromFloat<TTo>((float)(BFloat16)(object)x);
        if (typeof(TFrom) == typeof(int)) return FromLong<TTo>((int)(object)x);
        return FromLong<TTo>(typeof(TFrom) == typeof(long) ? (long)(object)x : (byte)(object)x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T FromFloat<T>(float x) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return (T)(object)x;
        if (typeof(T) == typeof(Half)) return (T)(object)(Half)x;
        if (typeof(T) == typeof(BFloat16)) return (T)(object)(BFloat16)x;
        if (typeof(T) == typeof(bool)) return (T)(object)(x != 0);
        return FromLong<T>((long)x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T FromLong<T>(long x) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return (T)(object)(float)x;
        if (typeof(T) == typeof(Half)) return (T)(object)(Half)x;
        if (typeof(T) == typeof(BFloat16)) return (T)(object)(BFloat16)(float)x;
        if (typeof(T) == typeof(byte)) return (T)(object)(byte)x;
        if (typeof(T) == typeof(int)) return (T)(object)(int)x;
        if (typeof(T) == typeof(bool)) return (T)(object)(x != 0);
        return (T)(object)x;
    }

    readonly struct FillRow<T>(T value) : IRow where T : unmanaged
    {
        public void Row(in Nest nest, nint y, nint p1, nint p2, nint p3, long n)
        {
            long sy = nest.Step(0);
            if (sy == sizeof(T) && n <= int.MaxValue) new Span<T>((void*)y, (int)n).Fill(value);
            else for (long i = 0; i < n; i++, y += (nint)sy) *(T*)y = value;
        }
    }

    readonly struct CopyRow<T>(bool around) : IRow where T : unmanaged
    {
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n)
        {
            nint sy = (nint)nest.Step(0), sx = (nint)nest.Step(1);
            if (sx == sizeof(T) && sy == sizeof(T) && around && sizeof(T) == sizeof(float) && n >= Around.Least) Around.Copy((float*)x, (float*)y, n);
            else if (sx == sizeof(T) && sy == sizeof(T)) Buffer.MemoryCopy((void*)x, (void*)y, n * sizeof(T), n * sizeof(T));
            else for (long i = 0; i < n; i++, x += sx, y += sy) *(T*)y = *(T*)x;
        }
    }

    readonly struct CastRow(DType from, DType to) : IRow
    {
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n) => Cast(from, x, nest.Step(1), to, y, nest.Step(0), n);
    }
}
