using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <content>Elementwise verbs.</content>
internal sealed unsafe partial class CpuBackend
{
    public override void Unary<TOp>(TOp op, View x, View y)
    {
        ExpectFloat(TOp.Name, x, y);
        Nest.Of(y, x).Run(new UnaryRow<TOp>(op, x.Storage != y.Storage && Around.Pays(y.Count * sizeof(float))));
    }

    public override void Binary<TOp>(TOp op, View a, View b, View y)
    {
        ExpectFloat(TOp.Name, a, b, y);
        Nest.Of(y, a, b).Run(new BinaryRow<TOp>(op, a.Storage != y.Storage && b.Storage != y.Storage && Around.Pays(y.Count * sizeof(float))));
    }

    public override void Compare<TOp>(TOp op, View a, View b, View y)
    {
        if (a.DType != b.DType)
            throw new DTypeException($"{TOp.Name}: operands of two types: got {a.DType} and {b.DType}, expected one type. Hint: cast one with To(...).");
        _ = y.Pointer<bool>(TOp.Name);
        Nest.Of(y, a, b).Run(new CompareRow<TOp>(op, a.DType));
    }

    public override void Where(View condition, View a, View b, View y)
    {
        if (a.DType != b.DType || a.DType != y.DType)
            throw new DTypeException($"Where: operands of several types: got {a.DType}, {b.DType} into {y.DType}, expected one type. Hint: cast one with To(...).");
        _ = condition.Pointer<bool>();
        var nest = Nest.Of(y, condition, a, b);
        switch (y.DType.Size())
        {
            case 1: nest.Run(new WhereRow<byte>()); break;
            case 2: nest.Run(new WhereRow<ushort>()); break;
            case 4: nest.Run(new WhereRow<uint>()); break;
            default: nest.Run(new WhereRow<ulong>()); break;
        }
    }

    static void ExpectFloat(string op, params ReadOnlySpan<View> views)
    {
        foreach (var v in views) _ = v.Float(op);
    }

    readonly struct UnaryRow<TOp>(TOp op, bool around) : IRow where TOp : struct, IUnary
    {
        [SkipLocalsInit]
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n)
        {
            long sy = nest.Step(0), sx = nest.Step(1);
            if (sx == sizeof(float) && sy == sizeof(float))
            {
                if (around && n >= Around.Least) Around.Unary(op, (float*)x, (float*)y, n);
                else Maps.Unary(op, (float*)x, (float*)y, n);
                return;
            }
            float* buffer = stackalloc float[Pieces.Length];
            for (; n > 0; n -= Pieces.Length, x += (nint)(sx * Pieces.Length), y += (nint)(sy * Pieces.Length))
            {
                int m = (int)Math.Min(n, Pieces.Length);
                float* from = Pieces.Read(x, sx, buffer, m), to = sy == sizeof(float) ? (float*)y : buffer;
                Maps.Unary(op, from, to, m);
                Pieces.Write(to, y, sy, m);
            }
        }
    }

    readonly struct BinaryRow<TOp>(TOp op, bool around) : IRow where TOp : struct, IBinary
    {
        [SkipLocalsInit]
        public void Row(in Nest nest, nint y, nint a, nint b, nint p3, long n)
        {
            long sy = nest.Step(0), sa = nest.Step(1), sb = nest.Step(2);
            if (sa == sizeof(float) && sb == sizeof(float) && sy == sizeof(float))
            {
                if (around && n >= Around.Least) Around.Binary(op, (float*)a, (float*)b, (float*)y, n);
                else Maps.Binary(op, (float*)a, (float*)b, (float*)y, n);
                return;
            }
            float* bufferA = stackalloc float[2 * Pieces.Length], bufferB = bufferA + Pieces.Length;
            for (; n > 0; n -= Pieces.Length, a += (nint)(sa * Pieces.Length), b += (nint)(sb * Pieces.Length), y += (nint)(sy * Pieces.Length))
            {
                int m = (int)Math.Min(n, Pieces.Length);
                float* to = sy == sizeof(float) ? (float*)y : bufferA;
                Maps.Binary(op, Pieces.Read(a, sa, bufferA, m), Pieces.Read(b, sb, bufferB, m), to, m);
                Pieces.Write(to, y, sy, m);
            }
        }
    }

    readonly struct CompareRow<TOp>(TOp op, DType dtype) : IRow where TOp : struct, IBinary
    {
        [SkipLocalsInit]
        public void Row(in Nest nest, nint y, nint a, nint b, nint p3, long n)
        {
            long sy = nest.Step(0), sa = nest.Step(1), sb = nest.Step(2);
            float* bufferA = stackalloc float[3 * Pieces.Length], bufferB = bufferA + Pieces.Length, mask = bufferB + Pieces.Length;
            for (; n > 0; n -= Pieces.Length, a += (nint)(sa * Pieces.Length), b += (nint)(sb * Pieces.Length), y += (nint)(sy * Pieces.Length))
            {
                int m = (int)Math.Min(n, Pieces.Length);
                float* fa = bufferA, fb = bufferB;
                if (dtype == DType.Int64)
                {
                    Ranks<long>(a, sa, b, sb, fa, fb, m);
                }
                else if (dtype == DType.Int32)
                {
                    Ranks<int>(a, sa, b, sb, fa, fb, m);
                }
                else
                {
                    fa = Pieces.Read(dtype, a, sa, bufferA, m);
                    fb = Pieces.Read(dtype, b, sb, bufferB, m);
                }
                Maps.Binary(op, fa, fb, mask, m);
                for (int i = 0; i < m; i++) *(byte*)(y + (i * (nint)sy)) = (byte)(((uint*)mask)[i] >> 31);
            }
        }

        // Integers beyond 2^24 do not fit a float, but a comparison sees only their order and whether they are 0: small numbers of the same order.
        static void Ranks<T>(nint a, long sa, nint b, long sb, float* ra, float* rb, int n) where T : unmanaged, System.Numerics.IBinaryInteger<T>
        {
            for (int i = 0; i < n; i++)
            {
                T x = *(T*)(a + (i * (nint)sa)), y = *(T*)(b + (i * (nint)sb));
                ra[i] = T.Sign(x) * (T.Sign(x) * x.CompareTo(y) > 0 ? 2 : 1);
                rb[i] = T.Sign(y) * (T.Sign(y) * y.CompareTo(x) > 0 ? 2 : 1);
            }
        }
    }

    readonly struct WhereRow<T> : IRow where T : unmanaged
    {
        public void Row(in Nest nest, nint y, nint c, nint a, nint b, long n)
        {
            nint sy = (nint)nest.Step(0), sc = (nint)nest.Step(1), sa = (nint)nest.Step(2), sb = (nint)nest.Step(3);
            for (long i = 0; i < n; i++, y += sy, c += sc, a += sa, b += sb) *(T*)y = *(byte*)c != 0 ? *(T*)a : *(T*)b;
        }
    }
}
