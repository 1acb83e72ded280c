using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

internal static unsafe partial class Winograd
{
    /// <summary>F(2x2, 3x3): 4x4 pixels and 2x2 results a tile, 16 products in place of 36.</summary>
    public static class Two
    {
        /// <summary>Bᵀ.</summary>
        public readonly struct Input : ITileTransform
        {
            public static int From => 4;

            public static int To => 4;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* d, nint ds, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V d1 = Get<V>(d + ds), d2 = Get<V>(d + (2 * ds));
                Put(o, Get<V>(d) - d2);
                Put(o + os, d1 + d2);
                Put(o + (2 * os), d2 - d1);
                Put(o + (3 * os), d1 - Get<V>(d + (3 * ds)));
            }
        }

        /// <summary>G.</summary>
        public readonly struct Weight : ITileTransform
        {
            public static int From => 3;

            public static int To => 4;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* g, nint gs, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V g0 = Get<V>(g), g2 = Get<V>(g + (2 * gs)), half = V.Create(0.5f), s = half * (g0 + g2), g1 = half * Get<V>(g + gs);
                Put(o, g0);
                Put(o + os, s + g1);
                Put(o + (2 * os), s - g1);
                Put(o + (3 * os), g2);
            }
        }

        /// <summary>Aᵀ.</summary>
        public readonly struct Output : ITileTransform
        {
            public static int From => 4;

            public static int To => 2;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public static void Apply<V>(float* m, nint ms, float* o, nint os) where V : unmanaged, IVec<V>
            {
                V m1 = Get<V>(m + ms), m2 = Get<V>(m + (2 * ms));
                Put(o, Get<V>(m) + m1 + m2);
                Put(o + os, m1 - m2 - Get<V>(m + (3 * ms)));
            }
        }
    }
}
