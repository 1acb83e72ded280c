using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Maxima without their positions.
internal sealed unsafe partial class CpuBackend
{
    /// <summary>The larger of a and b, b where they are equal; NaN wins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V LargerOrNaN<V>(V a, V b) where V : unmanaged, IVec<V> => V.Select(V.Equal(a, a), V.Larger(a, b), a);

    /// <summary>
    /// Windows that share one column with the next, such as 3x3 at stride 2: x is read once along its rows, and the maxima of the shared column are
    /// kept for the next window.
    /// </summary>
    readonly struct MaxOfNextColumns(Image x, Image y, Window2d window, bool around) : ICpuTask
    {
        public static bool Fits(Window2d window) => window.S == window.StrideW + 1 && window.DilationW == 1;

        // Infinities and NaN, which are rare, have the row done again with care.
        public void Run(int task)
        {
            if (!Row(task, plain: true)) Row(task, plain: false);
            if (around) Around.End();
        }

        bool Row(int task, bool plain)
        {
            int n = task / y.H, i = task % y.H, C = x.C;
            var rows = Span1d.Rows(window, i, x.H);
            float* line = x.At(n, rows.At(rows.First), 0);
            var lane = new NextColumns { Shared = Scratch.Floats(Scratch.Purpose.Partial, C), Rows = rows.Inside, Row = rows.Step * (nint)x.W * C, Column = C, Streams = around };
            var shared = new Span<float>(lane.Shared, C);
            shared.Fill(float.NegativeInfinity);
            if (window.Left == 0) lane.Read(line, lane.Shared, 1);
            plain &= rows.Inside == 3 && window.StrideW == 2;
            for (int j = 0; j < y.W;)
            {
                int first = (j * window.StrideW) - window.Left + 1, end = Math.Min(first + window.StrideW, x.W), windows = plain && first >= 0 ? Math.Min(y.W - j, (x.W - first) / 2) : 0;
                if (windows > 0)
                {
                    if (!lane.ReadPairs(line + (first * lane.Column), y.At(n, i, j), windows)) return false;
                    j += windows;
                    continue;
                }
                lane.Read(line + (Math.Max(first, 0) * lane.Column), y.At(n, i, j), end - Math.Max(first, 0));
                if (first + window.StrideW > x.W) shared.Fill(float.NegativeInfinity);
                j++;
            }
            return true;
        }
    }

    /// <summary>y ← the largest of the shared column and of the next columns; shared ← that of the last of them.</summary>
    struct NextColumns : ILane
    {
        // Floats that x and y are asked for ahead. Where x comes from memory, what the next row of results reads is asked for: so no row begins without.
        const int Near = 1024, Far = 32768;

        public float* Shared;
        public nint Row, Column;
        public int Rows;
        public bool Streams;

        float* x, y;
        int columns;

        /// <summary>One window with so many columns beside the shared one.</summary>
        public void Read(float* x, float* y, int columns)
        {
            this.x = x;
            this.y = y;
            this.columns = columns;
            Lanes.Run(0, Column, ref this);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V shared = Lanes.Load<V>(Shared + c), best = shared;
            for (int s = 0; s < columns; s++)
            {
                shared = V.Create(float.NegativeInfinity);
                for (int r = 0; r < Rows; r++) shared = LargerOrNaN(Lanes.Load<V>(x + c + (s * Column) + (r * Row)), shared);
                best = LargerOrNaN(shared, best);
            }
            Lanes.Store(y + c, best);
            Lanes.Store(Shared + c, shared);
        }

        /// <summary>A row of windows of three rows and two columns beside the shared one; false where one of their numbers is infinite or NaN.</summary>
        public readonly bool ReadPairs(float* x, float* y, int windows)
        {
            nint whole = Column - (Column % GemmKernel.Lanes);
            bool finite = GemmKernel.Lanes == 16 ? Wide<Vec16>(x, y, windows, whole) : GemmKernel.Lanes == 8 ? Wide<Vec8>(x, y, windows, whole) : Wide<Vec1>(x, y, windows, whole);
            return Pairs<Vec1, Around.Plainly>(x, y, windows, whole, Column) && finite;
        }

        readonly bool Wide<V>(float* x, float* y, int windows, nint whole) where V : unmanaged, IVec<V>
            => Streams && Around.Fits<V>(y, Column) ? Pairs<V, Around.Past>(x, y, windows, 0, whole) : Pairs<V, Around.Plainly>(x, y, windows, 0, whole);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly bool Pairs<V, S>(float* x, float* y, int windows, nint first, nint end) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            V zero = V.Create(0), s0 = zero, s1 = zero, s2 = zero; // v·0 of all numbers
            nint next = Column, row = Row, row2 = 2 * row, ahead = S.Passes && row2 <= Far ? row2 : Near;
            float* shared = Shared;
            for (; windows > 0; windows--, x += 2 * next, y += next)
                for (nint c = first; c < end; c += V.Lanes)
                {
                    float* p = x + c, q = p + next;
                    V a0 = Lanes.Load<V>(p), a1 = Lanes.Load<V>(p + row), a2 = Lanes.Load<V>(p + row2), b0 = Lanes.Load<V>(q), b1 = Lanes.Load<V>(q + row), b2 = Lanes.Load<V>(q + row2);
                    Lanes.Prefetch(p + row + ahead);
                    Lanes.Prefetch(q + row + ahead);
                    Lanes.Prefetch(p + row2 + ahead);
                    Lanes.Prefetch(q + row2 + ahead);
                    if (!S.Passes) Lanes.Prefetch(y + c + (Near / 2));
                    s0 = V.Fma(b0, zero, V.Fma(a0, zero, s0));
                    s1 = V.Fma(b1, zero, V.Fma(a1, zero, s1));
                    s2 = V.Fma(b2, zero, V.Fma(a2, zero, s2));
                    V a = V.Larger(a2, V.Larger(a1, a0)), b = V.Larger(b2, V.Larger(b1, b0));
                    Around.Put<V, S>(y + c, V.Larger(V.Larger(b, a), Lanes.Load<V>(shared + c)));
                    Lanes.Store(shared + c, b);
                }
            V sum = s0 + s1 + s2;
            return !V.Any(V.Equal(sum, sum) ^ V.FromBits(uint.MaxValue));
        }
    }

    /// <summary>Windows that share more: first the maxima of the window's rows at every column of x, then of their neighbours.</summary>
    readonly struct MaxOfColumns(Image x, Image y, Window2d window) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            var rows = Span1d.Rows(window, i, x.H);
            nint width = (nint)x.W * x.C;
            var lane = new LargestOf { X = x.At(n, rows.At(rows.First), 0), Y = Scratch.Floats(Scratch.Purpose.Partial, width), Count = rows.Inside, Step = rows.Step * width };
            float* line = lane.Y;
            Lanes.Run(0, width, ref lane);
            lane.Step = window.DilationW * (nint)x.C;
            for (int j = 0; j < y.W; j++)
            {
                var columns = Span1d.Columns(window, j, x.W);
                lane.X = line + (columns.At(columns.First) * (nint)x.C);
                lane.Y = y.At(n, i, j);
                lane.Count = columns.Inside;
                Lanes.Run(0, y.C, ref lane);
            }
        }
    }

    /// <summary>y ← the largest of so many numbers, a step apart.</summary>
    struct LargestOf : ILane
    {
        public float* X, Y;
        public nint Step;
        public int Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            V best = V.Create(float.NegativeInfinity);
            float* p = X + i;
            for (int k = Count; k > 0; k--, p += Step) best = LargerOrNaN(Lanes.Load<V>(p), best);
            Lanes.Store(Y + i, best);
        }
    }

    /// <summary>Windows that do not overlap are read as they lie.</summary>
    readonly struct MaxOfRows(Image x, Image y, Window2d window, int parts) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / parts / y.H, i = task / parts % y.H;
            var (c0, count) = Part(task % parts, parts, y.C);
            var rows = Span1d.Rows(window, i, x.H);
            for (int j = 0; j < y.W; j++) Over(new Ops.Max(), x, n, rows, Span1d.Columns(window, j, x.W), c0, count, y.At(n, i, j) + c0);
        }
    }
}
