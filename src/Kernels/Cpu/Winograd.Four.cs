using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

internal static unsafe partial class Winograd
{
    /// <summary>F(4x4, 3x3): 6x6 pixels and 4x4 results a tile, 36 products in place of 144.</summary>
    public static class Four
    {
        /// <summary>Bᵀ.</summary>
        public readonly struct Input : ITileTransform
        {
            public static int From => 6;

            public static int To => 6;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* d, nint ds, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V d1 = Get<V>(d + ds), d2 = Get<V>(d + (2 * ds)), d3 = Get<V>(d + (3 * ds)), d4 = Get<V>(d + (4 * ds)), four = V.Create(4), minus4 = V.Create(-4), minus5 = V.Create(-5);
                V a = V.Fma(minus4, d2, d4), b = V.Fma(minus4, d1, d3), c = d4 - d2, e = (d3 - d1) * V.Create(2);
                Put(o, V.Fma(four, Get<V>(d), V.Fma(minus5, d2, d4)));
                Put(o + os, a + b);
                Put(o + (2 * os), a - b);
                Put(o + (3 * os), c + e);
                Put(o + (4 * os), c - e);
                Put(o + (5 * os), V.Fma(four, d1, V.Fma(minus5, d3, Get<V>(d + (5 * ds)))));
            }
        }

        /// <summary>G.</summary>
        public readonly struct Weight : ITileTransform
        {
            public static int From => 3;

            public static int To => 6;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* g, nint gs, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V g0 = Get<V>(g), g1 = Get<V>(g + gs), g2 = Get<V>(g + (2 * gs)), s = g0 + g2, minusSixth = V.Create(-1f / 6);
                V e = V.Fma(V.Create(1f / 24), g0, V.Create(1f / 6) * g2), h = V.Create(1f / 12) * g1;
                Put(o, V.Create(0.25f) * g0);
                Put(o + os, minusSixth * (s + g1));
                Put(o + (2 * os), minusSixth * (s - g1));
                Put(o + (3 * os), e + h);
                Put(o + (4 * os), e - h);
                Put(o + (5 * os), g2);
            }
        }

        /// <summary>Aᵀ.</summary>
        public readonly struct Output : ITileTransform
        {
            public static int From => 6;

            public static int To => 4;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* m, nint ms, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V m1 = Get<V>(m + ms), m2 = Get<V>(m + (2 * ms)), m3 = Get<V>(m + (3 * ms)), m4 = Get<V>(m + (4 * ms));
                V s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
                Put(o, Get<V>(m) + s1 + s2);
                Put(o + os, V.Fma(V.Create(2), d2, d1));
                Put(o + (2 * os), V.Fma(V.Create(4), s2, s1));
                Put(o + (3 * os), V.Fma(V.Create(8), d2, d1) + Get<V>(m + (5 * ms)));
            }
        }

        /// <summary>A: the output's transform, transposed.</summary>
        public readonly struct OutputGradient : ITileTransform
        {
            public static int From => 4;

            public static int To => 6;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* y, nint ys, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V y0 = Get<V>(y), y1 = Get<V>(y + ys), y2 = Get<V>(y + (2 * ys)), y3 = Get<V>(y + (3 * ys)), e = y0 + y2, f = y1 + y3;
                V g = V.Fma(V.Create(4), y2, y0), h = V.Fma(V.Create(8), y3, V.Create(2) * y1);
                Put(o, y0);
                Put(o + os, e + f);
                Put(o + (2 * os), e - f);
                Put(o + (3 * os), g + h);
                Put(o + (4 * os), g - h);
                Put(o + (5 * os), y3);
            }
        }

        /// <summary>Gᵀ: the weight's transform, transposed.</summary>
        public readonly struct WeightGradient : ITileTransform
        {
            public static int From => 6;

            public static int To => 3;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* m, nint ms, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V m1 = Get<V>(m + ms), m2 = Get<V>(m + (2 * ms)), m3 = Get<V>(m + (3 * ms)), m4 = Get<V>(m + (4 * ms));
                V a = m1 + m2, b = m2 - m1, c = m3 + m4, d = m3 - m4;
                Put(o, V.Fma(V.Create(1f / 24), c, V.Fma(V.Create(-1f / 6), a, V.Create(0.25f) * Get<V>(m))));
                Put(o + os, V.Fma(V.Create(1f / 12), d, V.Create(1f / 6) * b));
                Put(o + (2 * os), V.Fma(V.Create(1f / 6), c - a, Get<V>(m + (5 * ms))));
            }
        }
    }
}
