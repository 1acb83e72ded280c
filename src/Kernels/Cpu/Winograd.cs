using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>One matrix of Winograd's F(4x4, 3x3), applied to <c>From</c> vectors.</summary>
internal unsafe interface ITileTransform
{
    /// <summary>Columns of the matrix.</summary>
    static abstract int From { get; }

    /// <summary>Rows of the matrix.</summary>
    static abstract int To { get; }

    /// <summary>The vectors at o, o + os, ... ← matrix · (those at d, d + ds, ...).</summary>
    static abstract void Apply<V>(float* d, nint ds, float* o, nint os) where V : unmanaged, IVec<V>;
}

/// <summary>
/// Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
/// for a tile d of 6x6 pixels, a 3x3 kernel g and a tile y of 4x4 results; 36 products in place of 144. The gradients use the transposed matrices.
/// </summary>
internal static unsafe class Winograd
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Get<V>(float* p) where V : unmanaged, IVec<V> => Lanes.Load<V>(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put<V>(float* p, V x) where V : unmanaged, IVec<V> => Lanes.Store(p, x);

    /// <summary>
    /// The two-dimensional transform of <paramref name="channels"/> adjacent channels: the matrix on every column, then on every row. Element (i, j)
    /// begins <c>i·row + j·col</c> floats from the first.
    /// </summary>
    public static void Transform<T>(int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol) where T : struct, ITileTransform
    {
        if (channels >= 16 && GemmKernel.Lanes == 16) Transform<T, Vec16>(channels, from, row, col, to, toRow, toCol);
        else if (channels >= 8 && GemmKernel.Lanes == 8) Transform<T, Vec8>(channels, from, row, col, to, toRow, toCol);
        else Transform<T, Vec1>(channels, from, row, col, to, toRow, toCol);
    }

    // The last vector may overlap the one before it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    static void Transform<T, V>(int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol) where T : struct, ITileTransform where V : unmanaged, IVec<V>
    {
        float* room = stackalloc float[(36 * V.Lanes) + 16], work = (float*)(((nint)room + 63) & ~63);
        for (int c = 0; c < channels; c += V.Lanes)
        {
            int at = Math.Min(c, channels - V.Lanes);
            float* p = from + at, q = work, o = to + at;
            for (int j = 0; j < T.From; j++, p += col, q += V.Lanes) T.Apply<V>(p, row, q, T.From * V.Lanes);
            q = work;
            for (int i = 0; i < T.To; i++, q += T.From * V.Lanes, o += toRow) T.Apply<V>(q, V.Lanes, o, toCol);
        }
    }

    /// <summary>Tiles of 4x4 results over a batch of images, counted image by image.</summary>
    public readonly struct Grid(int n, int h, int w)
    {
        readonly int perRow = (w + 3) / 4, perColumn = (h + 3) / 4;

        /// <summary>Number of tiles.</summary>
        public int Count => n * perRow * perColumn;

        /// <summary>Products per result, relative to the 9 of a direct convolution.</summary>
        public double Cost => 36.0 * perRow * perColumn / (9.0 * h * w);

        /// <summary>Image of tile <paramref name="t"/>, and row and column of its first result.</summary>
        public (int N, int Y, int X) this[int t] => (t / (perRow * perColumn), t / perRow % perColumn * 4, t % perRow * 4);

        /// <summary>
        /// Address of the size x size pixels that begin <paramref name="dy"/>, <paramref name="dx"/> from the results of tile <paramref name="t"/>,
        /// <paramref name="row"/> floats from one row to the next: in the image, or where they reach over its border a copy with zeros.
        /// </summary>
        public float* Pixels(Image image, int t, int size, int dy, int dx, float* copy, out nint row)
        {
            var (n, y0, x0) = this[t];
            (y0, x0) = (y0 + dy, x0 + dx);
            int C = image.C, first = Math.Clamp(-x0, 0, size), end = Math.Clamp(image.W - x0, first, size);
            row = (nint)image.W * C;
            if (y0 >= 0 && y0 + size <= image.H && end - first == size) return image.At(n, y0, x0);
            row = (nint)size * C;
            for (int i = 0; i < size; i++)
            {
                float* to = copy + (i * row);
                int have = (uint)(y0 + i) < (uint)image.H ? end - first : 0;
                new Span<float>(to, first * C).Clear();
                if (have > 0) Panels.Copy(image.At(n, y0 + i, x0 + first), to + (first * C), have * C);
                new Span<float>(to + ((first + have) * C), (size - first - have) * C).Clear();
            }
            return copy;
        }

        /// <summary>Asks for the pixels of a tile that the tile to its left has not read.</summary>
        public void Prefetch(Image image, int t, int size, int dy, int dx)
        {
            if (t >= Count) return;
            var (n, y, x) = this[t];
            int y0 = Math.Max(y + dy, 0), y1 = Math.Min(y + dy + size, image.H), x0 = Math.Max(x + dx + (x > 0 ? size - 4 : 0), 0), x1 = Math.Min(x + dx + size, image.W);
            for (int i = y0; i < y1; i++)
            {
                float* p = image.At(n, i, x0);
                for (int j = 0; j < (x1 - x0) * image.C; j += 16) Lanes.Prefetch(p + j);
            }
        }
    }
}
