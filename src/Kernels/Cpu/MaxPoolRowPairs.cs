using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// The max pool of the ResNets, 3x3 at stride 2.
internal sealed unsafe partial class CpuBackend
{
    /// <summary>
    /// Two rows of results at once, from five rows of x: four of them are read from memory side by side, as fast as a processor reads, and only the first for the second
    /// time. The maxima of the column that neighbours in a row share are kept for the next one.
    /// </summary>
    readonly struct MaxOfRowPairs(Image x, Image y, Window2d window, bool around) : ICpuTask
    {
        readonly MaxOfNextColumns single = new(x, y, window, around);

        /// <summary>True where all windows of a row but the first share a column with the one before, and none reaches beyond the right edge.</summary>
        public static bool Fits(Image x, Image y, Window2d w)
            => w is { R: 3, S: 3, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1, Left: 0 or 1 } && (2 * y.W) + 1 - w.Left <= x.W;

        public static int Tasks(Image y, int images) => images * ((y.H + 1) / 2);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int task)
        {
            int pairs = (y.H + 1) / 2, n = task / pairs, i = task % pairs * 2;
            if (!Pair(n, i))
                for (int k = i; k < Math.Min(i + 2, y.H); k++) single.Run((n * y.H) + k);
            if (around) Around.End();
        }

        /// <summary>False where a row is missing other than the first, or a number is NaN: then it is done with care.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        bool Pair(int n, int i)
        {
            int first = (2 * i) - window.Top, C = x.C;
            if (i + 1 == y.H || first < -1 || first + 4 >= x.H) return false;
            float* top = x.At(n, Math.Max(first, 0), 0); // above the map its first row again: a maximum may look at a number twice
            float* to = y.At(n, i, 0), shared = Scratch.Floats(Scratch.Purpose.Partial, 2L * C);
            float* next = x.At(n, first + 1, 0);
            var pair = new RowPair { Column = C, Row = (nint)x.W * C, ResultRow = (nint)y.W * C, Windows = y.W, Shared = shared };
            if (window.Left == 0)
            {
                pair.FirstColumn(top, next, shared);
                pair.FirstColumn(next + pair.Row, next + (2 * pair.Row), shared + C);
                top += C;
                next += C;
            }
            else new Span<float>(shared, 2 * C).Fill(float.NegativeInfinity);
            return GemmKernel.Lanes == 16 ? Wide<Vec16>(pair, top, next, to) : GemmKernel.Lanes == 8 ? Wide<Vec8>(pair, top, next, to) : pair.Run<Vec1, Around.Plainly>(top, next, to, 0, C);
        }

        bool Wide<V>(in RowPair pair, float* top, float* next, float* to) where V : unmanaged, IVec<V>
        {
            nint blocks = x.C / (4 * V.Lanes) * (4 * V.Lanes), whole = x.C / V.Lanes * V.Lanes;
            bool numbers = true;
            for (nint c = 0; c < blocks; c += 4 * V.Lanes)
                numbers &= around && Around.Fits<V>(to, x.C) ? pair.Block<V, Around.Past>(top + c, next + c, to + c, c) : pair.Block<V, Around.Plainly>(top + c, next + c, to + c, c);
            return (blocks == whole || pair.Run<V, Around.Plainly>(top, next, to, blocks, whole)) && (whole == x.C || pair.Run<Vec1, Around.Plainly>(top, next, to, whole, x.C)) && numbers;
        }
    }

    struct RowPair
    {
        /// <summary>Floats to the next pixel, the next row of x and the next row of y.</summary>
        public nint Column, Row, ResultRow;

        public int Windows;

        /// <summary>[2, C]: maxima of the shared column for each of the two rows.</summary>
        public float* Shared;

        /// <summary>to ← maxima of three rows of one column: one at <paramref name="a"/>, two from <paramref name="b"/> on.</summary>
        public readonly void FirstColumn(float* a, float* b, float* to)
        {
            for (nint c = 0; c < Column; c++)
                ((Vec1*)to)[c] = LargerOrNaN(Lanes.Load<Vec1>(b + Row + c), LargerOrNaN(Lanes.Load<Vec1>(b + c), LargerOrNaN(Lanes.Load<Vec1>(a + c), Vec1.Create(float.NegativeInfinity))));
        }

        /// <summary>
        /// Four vectors of channels, from channel <paramref name="c"/> on, of two rows of windows: <paramref name="t"/> is a row of x, the four from <paramref name="x"/> on are the
        /// next ones. The shared maxima stay in registers: stores to the caches would wait behind those to memory. False where a number is NaN.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly bool Block<V, S>(float* t, float* x, float* y, nint c) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            nint next = Column, row = Row, below = ResultRow;
            int w = V.Lanes;
            float* m = Shared + c, l = m + next;
            V a0 = Lanes.Load<V>(m), a1 = Lanes.Load<V>(m + w), a2 = Lanes.Load<V>(m + (2 * w)), a3 = Lanes.Load<V>(m + (3 * w));
            V b0 = Lanes.Load<V>(l), b1 = Lanes.Load<V>(l + w), b2 = Lanes.Load<V>(l + (2 * w)), b3 = Lanes.Load<V>(l + (3 * w));
            V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
            for (int windows = Windows; windows > 0; windows--, t += 2 * next, x += 2 * next, y += next)
            {
                Window<V, S>(t, x, y, next, row, below, ref a0, ref b0, ref s0);
                Window<V, S>(t + w, x + w, y + w, next, row, below, ref a1, ref b1, ref s1);
                Window<V, S>(t + (2 * w), x + (2 * w), y + (2 * w), next, row, below, ref a2, ref b2, ref s2);
                Window<V, S>(t + (3 * w), x + (3 * w), y + (3 * w), next, row, below, ref a3, ref b3, ref s3);
            }
            return Numbers((s0 + s1) + (s2 + s3));
        }

        /// <summary>Channels <paramref name="first"/> to end - 1, as <see cref="Block"/>.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly bool Run<V, S>(float* t, float* x, float* y, nint first, nint end) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            V sum = V.Create(0);
            float* shared = Shared;
            nint next = Column, row = Row, below = ResultRow;
            for (int windows = Windows; windows > 0; windows--, t += 2 * next, x += 2 * next, y += next)
                for (nint c = first; c < end; c += V.Lanes)
                {
                    V a = Lanes.Load<V>(shared + c), b = Lanes.Load<V>(shared + next + c);
                    Window<V, S>(t + c, x + c, y + c, next, row, below, ref a, ref b, ref sum);
                    Lanes.Store(shared + c, a);
                    Lanes.Store(shared + next + c, b);
                }
            return Numbers(sum);
        }

        /// <summary>
        /// A vector of both results; a and b are the maxima of the shared column, before and after. A sum of products shows NaN (infinities and very large numbers may give it too).
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Window<V, S>(float* t, float* x, float* y, nint next, nint row, nint below, ref V a, ref V b, ref V sum) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            if (S.Passes)
            {
                Around.AskPairAhead(x, next);
                Around.AskPairAhead(x + row, next);
                Around.AskPairAhead(x + (2 * row), next);
                Around.AskPairAhead(x + (3 * row), next);
            }
            V p = Lanes.Load<V>(t), q = Lanes.Load<V>(t + next);
            V.AddProduct(ref sum, p, q);
            V u = Lanes.Load<V>(x), v = Lanes.Load<V>(x + next);
            V.AddProduct(ref sum, u, v);
            p = V.Larger(u, p);
            q = V.Larger(v, q);
            u = Lanes.Load<V>(x + row);
            v = Lanes.Load<V>(x + next + row);
            V.AddProduct(ref sum, u, v);
            p = V.Larger(u, p);
            q = V.Larger(v, q);
            Around.Put<V, S>(y, V.Larger(V.Larger(q, p), a));
            a = q;
            p = Lanes.Load<V>(x + (2 * row));
            q = Lanes.Load<V>(x + next + (2 * row));
            V.AddProduct(ref sum, p, q);
            u = V.Larger(p, u);
            v = V.Larger(q, v);
            p = Lanes.Load<V>(x + (3 * row));
            q = Lanes.Load<V>(x + next + (3 * row));
            V.AddProduct(ref sum, p, q);
            u = V.Larger(p, u);
            v = V.Larger(q, v);
            Around.Put<V, S>(y + below, V.Larger(V.Larger(v, u), b));
            b = v;
        }

        static bool Numbers<V>(V sum) where V : unmanaged, IVec<V> => !V.Any(V.Equal(sum, sum) ^ V.FromBits(uint.MaxValue));
    }
}
