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
        else if (y.DType.Size() == 4) nest.Run(new CopyRow<uint>());
        else nest.Run(new CopyRow<ulong>());
    }

    /// <summary>n elements of one type and step to another.</summary>
    internal static void Cast(DType from, nint x, long sx, DType to, nint y, long sy, long n)
    {
        switch (from)
        {
            case DType.Float32: CastFloats<Single32, float>(x, sx, to, y, sy, n); break;
            case DType.Float16: CastFloats<Half16, Half>(x, sx, to, y, sy, n); break;
            case DType.BFloat16: CastFloats<Brain16, BFloat16>(x, sx, to, y, sy, n); break;
            case DType.Int32: CastIntegers<int>(x, sx, to, y, sy, n); break;
            case DType.Int64: CastIntegers<long>(x, sx, to, y, sy, n); break;
            default: CastIntegers<byte>(x, sx, to, y, sy, n); break;
        }
    }

    static void CastFloats<TFloat, T>(nint x, long sx, DType to, nint y, long sy, long n) where TFloat : IFloat<T> where T : unmanaged
    {
        for (long i = 0; i < n; i++, x += (nint)sx, y += (nint)sy)
        {
            float v = TFloat.Value(*(T*)x);
            switch (to)
            {
                case DType.Float32: *(float*)y = v; break;
                case DType.Float16: *(Half*)y = (Half)v; break;
                case DType.BFloat16: *(BFloat16*)y = (BFloat16)v; break;
                case DType.UInt8: *(byte*)y = (byte)(long)v; break;
                case DType.Int32: *(int*)y = (int)v; break;
                case DType.Int64: *(long*)y = (long)v; break;
                default: *(bool*)y = v != 0; break;
            }
        }
    }

    static void CastIntegers<T>(nint x, long sx, DType to, nint y, long sy, long n) where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        for (long i = 0; i < n; i++, x += (nint)sx, y += (nint)sy)
        {
            long v = long.CreateTruncating(*(T*)x);
            switch (to)
            {
                case DType.Float32: *(float*)y = v; break;
                case DType.Float16: *(Half*)y = (Half)v; break;
                case DType.BFloat16: *(BFloat16*)y = (BFloat16)(float)v; break;
                case DType.UInt8: *(byte*)y = (byte)v; break;
                case DType.Int32: *(int*)y = (int)v; break;
                case DType.Int64: *(long*)y = v; break;
                default: *(bool*)y = v != 0; break;
            }
        }
    }

    interface IFloat<T>
    {
        static abstract float Value(T x);
    }

    readonly struct Single32 : IFloat<float>
    {
        public static float Value(float x) => x;
    }

    readonly struct Half16 : IFloat<Half>
    {
        public static float Value(Half x) => (float)x;
    }

    readonly struct Brain16 : IFloat<BFloat16>
    {
        public static float Value(BFloat16 x) => (float)x;
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

    readonly struct CopyRow<T> : IRow where T : unmanaged
    {
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n)
        {
            nint sy = (nint)nest.Step(0), sx = (nint)nest.Step(1);
            if (sx == sizeof(T) && sy == sizeof(T)) Buffer.MemoryCopy((void*)x, (void*)y, n * sizeof(T), n * sizeof(T));
            else for (long i = 0; i < n; i++, x += sx, y += sy) *(T*)y = *(T*)x;
        }
    }

    readonly struct CastRow(DType from, DType to) : IRow
    {
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n) => Cast(from, x, nest.Step(1), to, y, nest.Step(0), n);
    }
}
