using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Images lie N, H, W, C: a window's elements are vectors of channels. The result's own size counts, so windows may reach beyond the padding
// (ceiling mode); what lies there never wins a maximum and never counts in a divisor.
internal sealed unsafe partial class CpuBackend
{
    const int ChannelBlock = 64;

    public override void MaxPool2d(View x, View y, View indices, Window2d window)
        => CpuThreads.For(y.Shape[0] * y.Shape[2], new MaxPool(new Image(x, "MaxPool2d"), new Image(y, "MaxPool2d"), indices.Pointer<long>(), window));

    public override void MaxPool2dBackward(View gy, View indices, View gx)
        => CpuThreads.For(gx.Shape[0] * ChannelBlocks(gx), new MaxPoolGradient(new Image(gy, "MaxPool2dBackward"), indices.Pointer<long>(), new Image(gx, "MaxPool2dBackward")));

    public override void AvgPool2d(View x, View y, Window2d window, bool countPadding)
        => CpuThreads.For(y.Shape[0] * y.Shape[2], new AvgPool(new Image(x, "AvgPool2d"), new Image(y, "AvgPool2d"), window, countPadding));

    public override void AvgPool2dBackward(View gy, View gx, Window2d window, bool countPadding)
        => CpuThreads.For(gx.Shape[0] * ChannelBlocks(gx), new AvgPoolGradient(new Image(gy, "AvgPool2dBackward"), new Image(gx, "AvgPool2dBackward"), window, countPadding));

    static int ChannelBlocks(View x) => (x.Shape[1] + ChannelBlock - 1) / ChannelBlock;

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
    }

    readonly struct MaxPool(Image x, Image y, long* indices, Window2d window) : ICpuTask
    {
        readonly long* indices = indices;

        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            float* at = stackalloc float[y.C];
            for (int j = 0; j < y.W; j++)
            {
                var lane = new Lane
                {
                    Rows = Span1d.Rows(window, i, x.H),
                    Columns = Span1d.Columns(window, j, x.W),
                    X = x.At(n, 0, 0),
                    Y = y.At(n, i, j),
                    Index = at,
                    C = x.C,
                    W = x.W,
                };
                Lanes.Run(0, y.C, ref lane);
                long* to = indices + ((((((nint)n * y.H) + i) * y.W) + j) * y.C);
                for (int c = 0; c < y.C; c++) to[c] = ((int*)at)[c];
            }
        }

        struct Lane : ILane
        {
            public Span1d Rows, Columns;
            public float* X, Y, Index;
            public int C, W;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V best = V.Create(float.NegativeInfinity), index = V.FromBits(uint.MaxValue);
                bool any = false;
                for (int r = Rows.First; r < Rows.End; r++)
                    for (int s = Columns.First; s < Columns.End; s++)
                    {
                        int pixel = (Rows.At(r) * W) + Columns.At(s);
                        V v = Lanes.Load<V>(X + ((nint)pixel * C) + c), here = V.FromBits((uint)pixel);
                        if (!any) (best, index, any) = (v, here, true);
                        V wins = V.Select(V.Equal(v, v), V.Less(best, v), V.Equal(best, best)); // greater, or the first NaN
                        best = V.Select(wins, v, best);
                        index = V.Select(wins, here, index);
                    }
                Lanes.Store(Y + c, best);
                Lanes.Store(Index + c, index);
            }
        }
    }

    readonly struct MaxPoolGradient(Image gy, long* indices, Image gx) : ICpuTask
    {
        readonly long* indices = indices;

        public void Run(int task)
        {
            int blocks = (gx.C + ChannelBlock - 1) / ChannelBlock, n = task / blocks, c0 = task % blocks * ChannelBlock, width = Math.Min(ChannelBlock, gx.C - c0);
            ClearChannels(gx, n, c0, width);
            float* to = gx.At(n, 0, 0) + c0, from = gy.At(n, 0, 0) + c0;
            long* index = indices + ((nint)n * gy.H * gy.W * gy.C) + c0;
            for (nint p = (nint)gy.H * gy.W; p > 0; p--, from += gy.C, index += gy.C)
                for (int c = 0; c < width; c++)
                    if (index[c] >= 0) to[(index[c] * gx.C) + c] += from[c];
        }
    }

    readonly struct AvgPool(Image x, Image y, Window2d window, bool countPadding) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            var rows = Span1d.Rows(window, i, x.H);
            for (int j = 0; j < y.W; j++)
            {
                var columns = Span1d.Columns(window, j, x.W);
                var lane = new Lane { Rows = rows, Columns = columns, X = x.At(n, 0, 0), Y = y.At(n, i, j), C = x.C, W = x.W, Divisor = Divisor(rows, columns, countPadding) };
                Lanes.Run(0, y.C, ref lane);
            }
        }

        public static float Divisor(Span1d rows, Span1d columns, bool countPadding)
            => Math.Max(1, countPadding ? rows.Counted * columns.Counted : (rows.End - rows.First) * (columns.End - columns.First));

        struct Lane : ILane
        {
            public Span1d Rows, Columns;
            public float* X, Y;
            public int C, W;
            public float Divisor;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V sum = V.Create(0);
                for (int r = Rows.First; r < Rows.End; r++)
                    for (int s = Columns.First; s < Columns.End; s++) sum += Lanes.Load<V>(X + ((((nint)Rows.At(r) * W) + Columns.At(s)) * C) + c);
                Lanes.Store(Y + c, sum / V.Create(Divisor));
            }
        }
    }

    readonly struct AvgPoolGradient(Image gy, Image gx, Window2d window, bool countPadding) : ICpuTask
    {
        public void Run(int task)
        {
            int blocks = (gx.C + ChannelBlock - 1) / ChannelBlock, n = task / blocks, c0 = task % blocks * ChannelBlock, c1 = Math.Min(c0 + ChannelBlock, gx.C);
            ClearChannels(gx, n, c0, c1 - c0);
            for (int i = 0; i < gy.H; i++)
            {
                var rows = Span1d.Rows(window, i, gx.H);
                for (int j = 0; j < gy.W; j++)
                {
                    var columns = Span1d.Columns(window, j, gx.W);
                    var lane = new Lane { G = gy.At(n, i, j), Divisor = AvgPool.Divisor(rows, columns, countPadding) };
                    for (int r = rows.First; r < rows.End; r++)
                        for (int s = columns.First; s < columns.End; s++)
                        {
                            lane.X = gx.At(n, rows.At(r), columns.At(s));
                            Lanes.Run(c0, c1, ref lane);
                        }
                }
            }
        }

        struct Lane : ILane
        {
            public float* G, X;
            public float Divisor;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
                => Lanes.Store(X + c, Lanes.Load<V>(X + c) + (Lanes.Load<V>(G + c) / V.Create(Divisor)));
        }
    }

    static void ClearChannels(Image x, int n, int c0, int width)
    {
        float* p = x.At(n, 0, 0) + c0;
        for (nint i = (nint)x.H * x.W; i > 0; i--, p += x.C) new Span<float>(p, width).Clear();
    }
}
