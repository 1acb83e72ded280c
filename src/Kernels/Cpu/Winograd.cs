using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>One matrix of Winograd's F(4x4, 3x3), applied to <c>From</c> vectors.</summary>
internal unsafe interface ITileTransform
{
    /// <summary>Columns of the matrix.</summary>
    static abstract int From { get; }

    /// <summary>Rows of the matrix.</summary>
    static abstract int To { get; }

    /// <summary>o[0], o[step], ... ← matrix · (d[0], d[1], ...).</summary>
    static abstract void Apply<V>(V* d, V* o, int step) where V : unmanaged, IVec<V>;
}

/// <summary>
/// Winograd's F(4x4, 3x3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
/// for a tile d of 6x6 pixels, a 3x3 kernel g and a tile y of 4x4 results; 36 products in place of 144. The gradients use the transposed matrices.
/// </summary>
internal static unsafe class Winograd
{
    const int LeastChannels = 16, LeastTiles = 24;
    const double MostCost = 0.7;

    /// <summary>Off: every convolution is a direct sum, with an error of 1e-6 in place of 1e-5.</summary>
    public static bool Enabled { get; set; } = true;

    /// <summary>True where the transforms pay: a 3x3 kernel without stride, dilation or groups, enough channels, and tiles that are well filled.</summary>
    public static bool Fits(Window2d window, int n, int c, int k, int h, int w)
        => Enabled && window is { R: 3, S: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1 } && Math.Min(c, k) >= LeastChannels
            && (long)n * h * w > 0 && new Grid(n, h, w) is { Count: >= LeastTiles, Cost: < MostCost };

    /// <summary>Bᵀ.</summary>
    public readonly struct Input : ITileTransform
    {
        public static int From => 6;

        public static int To => 6;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<V>(V* d, V* o, int step) where V : unmanaged, IVec<V>
        {
            V d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3], d4 = d[4], d5 = d[5], four = V.Create(4), minus4 = V.Create(-4), minus5 = V.Create(-5);
            V a = V.Fma(minus4, d2, d4), b = V.Fma(minus4, d1, d3), c = d4 - d2, e = (d3 - d1) * V.Create(2);
            o[0] = V.Fma(four, d0, V.Fma(minus5, d2, d4));
            o[step] = a + b;
            o[2 * step] = a - b;
            o[3 * step] = c + e;
            o[4 * step] = c - e;
            o[5 * step] = V.Fma(four, d1, V.Fma(minus5, d3, d5));
        }
    }

    /// <summary>G.</summary>
    public readonly struct Weight : ITileTransform
    {
        public static int From => 3;

        public static int To => 6;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<V>(V* g, V* o, int step) where V : unmanaged, IVec<V>
        {
            V g0 = g[0], g1 = g[1], g2 = g[2], s = g0 + g2, minusSixth = V.Create(-1f / 6);
            V e = V.Fma(V.Create(1f / 24), g0, V.Create(1f / 6) * g2), h = V.Create(1f / 12) * g1;
            o[0] = V.Create(0.25f) * g0;
            o[step] = minusSixth * (s + g1);
            o[2 * step] = minusSixth * (s - g1);
            o[3 * step] = e + h;
            o[4 * step] = e - h;
            o[5 * step] = g2;
        }
    }

    /// <summary>Aᵀ.</summary>
    public readonly struct Output : ITileTransform
    {
        public static int From => 6;

        public static int To => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<V>(V* m, V* o, int step) where V : unmanaged, IVec<V>
        {
            V s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
            o[0] = m[0] + s1 + s2;
            o[step] = V.Fma(V.Create(2), d2, d1);
            o[2 * step] = V.Fma(V.Create(4), s2, s1);
            o[3 * step] = V.Fma(V.Create(8), d2, d1) + m[5];
        }
    }

    /// <summary>A: the output's transform, transposed.</summary>
    public readonly struct OutputGradient : ITileTransform
    {
        public static int From => 4;

        public static int To => 6;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<V>(V* y, V* o, int step) where V : unmanaged, IVec<V>
        {
            V y0 = y[0], y1 = y[1], y2 = y[2], y3 = y[3], e = y0 + y2, f = y1 + y3;
            V g = V.Fma(V.Create(4), y2, y0), h = V.Fma(V.Create(8), y3, V.Create(2) * y1);
            o[0] = y0;
            o[step] = e + f;
            o[2 * step] = e - f;
            o[3 * step] = g + h;
            o[4 * step] = g - h;
            o[5 * step] = y3;
        }
    }

    /// <summary>Gᵀ: the weight's transform, transposed.</summary>
    public readonly struct WeightGradient : ITileTransform
    {
        public static int From => 6;

        public static int To => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<V>(V* m, V* o, int step) where V : unmanaged, IVec<V>
        {
            V a = m[1] + m[2], b = m[2] - m[1], c = m[3] + m[4], d = m[3] - m[4];
            o[0] = V.Fma(V.Create(1f / 24), c, V.Fma(V.Create(-1f / 6), a, V.Create(0.25f) * m[0]));
            o[step] = V.Fma(V.Create(1f / 12), d, V.Create(1f / 6) * b);
            o[2 * step] = V.Fma(V.Create(1f / 6), c - a, m[5]);
        }
    }

    /// <summary>The two-dimensional transform of adjacent channels: the matrix on every column, then on every row.</summary>
    public struct Tile<T> : ILane where T : struct, ITileTransform
    {
        /// <summary>Channel 0 of each of From x From elements.</summary>
        public float** Source;

        /// <summary>Where channel 0 of each of To x To results goes; null where it is not wanted.</summary>
        public float** Target;

        /// <summary>Room for <see cref="WorkFloats"/> floats.</summary>
        public float* Work;

        /// <summary>Floats needed by the widest vector.</summary>
        public const int WorkFloats = (6 + 36) * 16;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V* line = (V*)Work, middle = line + 6;
            for (int j = 0; j < T.From; j++)
            {
                for (int i = 0; i < T.From; i++) line[i] = Lanes.Load<V>(Source[(i * T.From) + j] + c);
                T.Apply(line, middle + j, T.From);
            }
            for (int i = 0; i < T.To; i++)
            {
                T.Apply(middle + (i * T.From), line, 1);
                for (int j = 0; j < T.To; j++)
                    if (Target[(i * T.To) + j] is var to && to != null) Lanes.Store(to + c, line[j]);
            }
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

        /// <summary>
        /// Addresses of size x size pixels of tile <paramref name="t"/>, beginning <paramref name="dy"/>, <paramref name="dx"/> from its results;
        /// <paramref name="outside"/> for pixels beyond the image.
        /// </summary>
        public void Pixels(Image image, int t, int size, int dy, int dx, float* outside, float** to)
        {
            int x0 = (t % perRow * 4) + dx, rest = t / perRow, y0 = (rest % perColumn * 4) + dy, image0 = rest / perColumn;
            for (int i = 0; i < size; i++)
                for (int j = 0; j < size; j++)
                    to[(i * size) + j] = (uint)(y0 + i) < (uint)image.H && (uint)(x0 + j) < (uint)image.W ? image.At(image0, y0 + i, x0 + j) : outside;
        }
    }

    /// <summary>Addresses of row <paramref name="t"/> in 36 planes.</summary>
    public static void Planes(float* p, nint plane, nint row, int t, float** to)
    {
        for (int k = 0; k < 36; k++) to[k] = p + (k * plane) + (t * row);
    }
}
