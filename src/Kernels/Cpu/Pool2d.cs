using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Images lie N, H, W, C: a window's elements are vectors of channels. The result's own size counts, so windows may reach beyond the padding
// (ceiling mode); what lies there never wins a maximum and never counts in a divisor. The gradients are gathered: every pixel of gx asks the windows
// over it, so that each is written once and any number of threads gives the same bits.
internal sealed unsafe partial class CpuBackend
{
    public override void MaxPool2d(View x, View y, View? indices, Window2d window)
    {
        Image from = new(x, "MaxPool2d"), to = new(y, "MaxPool2d");
        int tasks = to.H * y.Shape[0];
        bool around = Around.Pays(y.Count * sizeof(float));
        if (indices is { } i) CpuThreads.For(tasks, new MaxPool(from, to, i.Pointer<int>(), window, around));
        else if (MaxOfRowPairs.Fits(from, to, window)) CpuThreads.For(MaxOfRowPairs.Tasks(to, y.Shape[0]), new MaxOfRowPairs(from, to, window, around));
        else if (MaxOfNextColumns.Fits(window)) CpuThreads.For(tasks, new MaxOfNextColumns(from, to, window, around));
        else if (window.R > window.StrideH && window.S > window.StrideW) CpuThreads.For(tasks, new MaxOfColumns(from, to, window));
        else
        {
            int parts = Parts(tasks, to.C);
            CpuThreads.For(tasks * parts, new MaxOfRows(from, to, window, parts));
        }
    }

    public override void MaxPool2dBackward(View gy, View indices, View gx, Window2d window)
        => CpuThreads.For(gx.Shape[0] * gx.Shape[2], new MaxPoolGradient(new Image(gy, "MaxPool2dBackward"), indices.Pointer<int>(), new Image(gx, "MaxPool2dBackward"), window));

    public override void AvgPool2d(View x, View y, Window2d window, bool countPadding)
    {
        int tasks = y.Shape[0] * y.Shape[2], parts = Parts(tasks, y.Shape[1]);
        CpuThreads.For(tasks * parts, new AvgPool(new Image(x, "AvgPool2d"), new Image(y, "AvgPool2d"), window, countPadding, parts));
    }

    public override void AvgPool2dBackward(View gy, View gx, Window2d window, bool countPadding)
        => CpuThreads.For(gx.Shape[0] * gx.Shape[2], new AvgPoolGradient(new Image(gy, "AvgPool2dBackward"), new Image(gx, "AvgPool2dBackward"), window, countPadding));

    /// <summary>Parts into which a pool's channels are cut where its rows of results are few.</summary>
    static int Parts(int rows, int channels) => rows == 0 ? 1 : Math.Clamp(8 / rows, 1, Math.Max(1, channels / 64));

    /// <summary>First channel and number of channels of a part: whole blocks of 64.</summary>
    static (int First, int Count) Part(int part, int parts, int channels)
    {
        int blocks = (channels + 63) / 64, first = blocks * part / parts * 64;
        return (first, Math.Min(channels, blocks * (part + 1) / parts * 64) - first);
    }

    /// <summary>The taps of a window that fall on the image along one axis, and how many count in a mean.</summary>
    readonly struct Span1d
    {
        public readonly int Start, Step, First, End, Counted;

        public Span1d(int at, int taps, int stride, int dilation, int before, int after, int size)
        {
            (Start, Step) = ((at * stride) - before, dilation);
            First = Start >= 0 ? 0 : (-Start + dilation - 1) / dilation;
            End = Math.Clamp((size - Start + dilation - 1) / dilation, First, Math.Max(First, taps));
            Counted = Math.Min(taps, Math.Max(0, (size + after - Start + dilation - 1) / dilation));
        }

        public static Span1d Rows(Window2d w, int i, int h) => new(i, w.R, w.StrideH, w.DilationH, w.Top, w.Bottom, h);

        public static Span1d Columns(Window2d w, int j, int width) => new(j, w.S, w.StrideW, w.DilationW, w.Left, w.Right, width);

        public int At(int tap) => Start + (tap * Step);

        /// <summary>Taps on the image.</summary>
        public int Inside => End - First;

        /// <summary>The windows, from First to End - 1, that may have a tap at position <paramref name="at"/>.</summary>
        public static (int First, int End) Windows(int at, int taps, int stride, int dilation, int before, int windows)
        {
            int last = (at + before) / stride, reach = at + before - (dilation * (taps - 1));
            int first = Math.Min(windows, reach <= 0 ? 0 : (reach + stride - 1) / stride);
            return (first, Math.Clamp(last + 1, first, windows));
        }
    }

    readonly struct MaxPoolGradient(Image gy, int* indices, Image gx, Window2d window) : ICpuTask
    {
        readonly int* indices = indices;

        public void Run(int task)
        {
            int n = task / gx.H, h = task % gx.H;
            var (i, iEnd) = Span1d.Windows(h, window.R, window.StrideH, window.DilationH, window.Top, gy.H);
            var lane = new Lane { C = gx.C, Row = (nint)gy.W * gx.C, Rows = iEnd - i };
            for (int w = 0; w < gx.W; w++)
            {
                var (j, jEnd) = Span1d.Windows(w, window.S, window.StrideW, window.DilationW, window.Left, gy.W);
                lane.Columns = jEnd - j;
                lane.Pixel = (uint)((h * gx.W) + w);
                lane.G = gy.At(n, i, j);
                lane.Index = (float*)indices + (lane.G - gy.At(0, 0, 0));
                lane.X = gx.At(n, h, w);
                Lanes.Run(0, gx.C, ref lane);
            }
        }

        struct Lane : ILane
        {
            public int Rows, Columns;
            public nint C, Row;
            public uint Pixel;
            public float* G, Index, X;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V sum = V.Create(0), zero = sum, here = V.FromBits(Pixel);
                for (int i = 0; i < Rows; i++)
                {
                    nint at = (i * Row) + c;
                    for (int j = 0; j < Columns; j++, at += C)
                        sum += V.Equal(V.FromInt(Lanes.Load<V>(Index + at) ^ here), zero) & Lanes.Load<V>(G + at);
                }
                Lanes.Store(X + c, sum);
            }
        }
    }

    readonly struct AvgPool(Image x, Image y, Window2d window, bool countPadding, int parts) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / parts / y.H, i = task / parts % y.H;
            var (c0, count) = Part(task % parts, parts, y.C);
            var rows = Span1d.Rows(window, i, x.H);
            for (int j = 0; j < y.W; j++)
            {
                var columns = Span1d.Columns(window, j, x.W);
                float* to = y.At(n, i, j) + c0;
                Over(new Ops.Sum(), x, n, rows, columns, c0, count, to);
                Maps.Unary(new DivideBy(Divisor(rows, columns, countPadding)), to, to, count);
            }
        }

        public static float Divisor(Span1d rows, Span1d columns, bool countPadding)
            => Math.Max(1, countPadding ? rows.Counted * columns.Counted : rows.Inside * columns.Inside);
    }

    /// <summary>x / c.</summary>
    readonly struct DivideBy(float c) : IUnary
    {
        static string IUnary.Name => "divide_by";
        V IUnary.Apply<V>(V x) => x / V.Create(c);
    }

    /// <summary>y[c] ← reduction of a window's elements of each of <paramref name="count"/> channels from <paramref name="c0"/> on: row by row, or large windows of whole rows in bands.</summary>
    static void Over<TOp>(TOp op, Image x, int n, Span1d rows, Span1d columns, int c0, int count, float* y) where TOp : struct, IReduction
    {
        new Span<float>(y, count).Fill(TOp.Identity);
        if (columns.Inside == 0) return;
        if (columns.Inside == x.W && rows.Step == 1 && (long)rows.Inside * x.W >= Reducer.LeastBands)
        {
            Reducer.Bands(op, x.At(n, rows.At(rows.First), 0) + c0, (long)rows.Inside * x.W, x.C * sizeof(float), count, y);
            return;
        }
        for (int r = rows.First; r < rows.End; r++)
            Reducer.Columns(op, x.At(n, rows.At(r), columns.At(columns.First)) + c0, columns.Inside, columns.Step * (nint)x.C * sizeof(float), count, y);
    }

    readonly struct AvgPoolGradient(Image gy, Image gx, Window2d window, bool countPadding) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / gx.H, h = task % gx.H;
            var (i0, i1) = Span1d.Windows(h, window.R, window.StrideH, window.DilationH, window.Top, gy.H);
            for (int w = 0; w < gx.W; w++)
            {
                var (j0, j1) = Span1d.Windows(w, window.S, window.StrideW, window.DilationW, window.Left, gy.W);
                var lane = new Lane { X = gx.At(n, h, w), First = true };
                for (int i = i0; i < i1; i++)
                    for (int j = j0; j < j1; j++)
                    {
                        if ((h + window.Top - (i * window.StrideH)) % window.DilationH != 0 || (w + window.Left - (j * window.StrideW)) % window.DilationW != 0) continue;
                        lane.G = gy.At(n, i, j);
                        lane.Divisor = AvgPool.Divisor(Span1d.Rows(window, i, gx.H), Span1d.Columns(window, j, gx.W), countPadding);
                        Lanes.Run(0, gx.C, ref lane);
                        lane.First = false;
                    }
                if (lane.First) new Span<float>(lane.X, gx.C).Clear();
            }
        }

        struct Lane : ILane
        {
            public float* G, X;
            public bool First;
            public float Divisor;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V share = Lanes.Load<V>(G + c) / V.Create(Divisor);
                Lanes.Store(X + c, First ? share : Lanes.Load<V>(X + c) + share);
            }
        }
    }
}
