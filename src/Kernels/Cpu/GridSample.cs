using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// A position's neighbours and weights are found once, then all its channels are vectors. gx is added up in the order of the positions, its channels
// cut across the threads, so that any number of threads gives the same bits.
internal sealed unsafe partial class CpuBackend
{
    const int GridChannels = 64;

    public override void GridSample(View x, View grid, View y, GridSampling how)
        => CpuThreads.For(y.Shape[0] * y.Shape[2], new Sample(new Positions(grid, x.Shape, how, "GridSample"), new Image(x, "GridSample"), new Image(y, "GridSample")));

    public override void GridSampleBackward(View gy, View? x, View grid, View? gx, View? ggrid, GridSampling how)
    {
        const string op = "GridSampleBackward";
        if ((gx ?? x) is not { } plane) return;
        var positions = new Positions(grid, plane.Shape, how, op);
        var g = new Image(gy, op);
        if (gx is { } image)
            CpuThreads.For(plane.Shape[0] * ((plane.Shape[1] + GridChannels - 1) / GridChannels), new Spread(positions, g, new Image(image, op)));
        if (ggrid is not { } result) return;
        if (how.Bilinear) CpuThreads.For(grid.Shape[0] * grid.Shape[1], new GridGradient(positions, g, new Image(x!.Value, op), new Positions(result, plane.Shape, how, op)));
        else Fill(result, 0);
    }

    /// <summary>A grid [N, h, w, 2] in any layout.</summary>
    readonly struct Positions(View grid, Shape plane, GridSampling how, string op)
    {
        public readonly int H = grid.Shape[1], W = grid.Shape[2];
        readonly float* p = grid.Float(op);
        readonly long stepN = grid.Layout.Strides[0], stepI = grid.Layout.Strides[1], stepJ = grid.Layout.Strides[2], stepY = grid.Layout.Strides[3];
        readonly GridAxis axisX = new(plane[3], how), axisY = new(plane[2], how);
        readonly int h = plane[2], w = plane[3];
        readonly bool bilinear = how.Bilinear;

        public ref float X(int n, int i, int j) => ref p[(n * stepN) + (i * stepI) + (j * stepJ)];

        public ref float Y(int n, int i, int j) => ref p[(n * stepN) + (i * stepI) + (j * stepJ) + stepY];

        public GridCorners Corners(int n, int i, int j) => new(X(n, i, j), Y(n, i, j), axisX, axisY, h, w, bilinear);
    }

    readonly struct Sample(Positions positions, Image x, Image y) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            for (int j = 0; j < y.W; j++)
            {
                var lane = new Lane { X = new CornerPointers(positions.Corners(n, i, j), x, n), Y = y.At(n, i, j) };
                Lanes.Run(0, y.C, ref lane);
            }
        }

        struct Lane : ILane
        {
            public CornerPointers X;
            public float* Y;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V sum = V.Create(0);
                if (X.P00 != null) sum = V.Fma(Lanes.Load<V>(X.P00 + c), V.Create(X.W00), sum);
                if (X.P01 != null) sum = V.Fma(Lanes.Load<V>(X.P01 + c), V.Create(X.W01), sum);
                if (X.P10 != null) sum = V.Fma(Lanes.Load<V>(X.P10 + c), V.Create(X.W10), sum);
                if (X.P11 != null) sum = V.Fma(Lanes.Load<V>(X.P11 + c), V.Create(X.W11), sum);
                Lanes.Store(Y + c, sum);
            }
        }
    }

    readonly struct Spread(Positions positions, Image gy, Image gx) : ICpuTask
    {
        public void Run(int task)
        {
            int blocks = (gx.C + GridChannels - 1) / GridChannels, n = task / blocks, c = task % blocks * GridChannels, end = Math.Min(gx.C, c + GridChannels);
            for (int h = 0; h < gx.H; h++)
                for (int w = 0; w < gx.W; w++) new Span<float>(gx.At(n, h, w) + c, end - c).Clear();
            for (int i = 0; i < gy.H; i++)
                for (int j = 0; j < gy.W; j++)
                {
                    var lane = new Lane { X = new CornerPointers(positions.Corners(n, i, j), gx, n), G = gy.At(n, i, j) };
                    Lanes.Run(c, end, ref lane);
                }
        }

        struct Lane : ILane
        {
            public CornerPointers X;
            public float* G;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V g = Lanes.Load<V>(G + c);
                if (X.P00 != null) Add(X.P00 + c, g * V.Create(X.W00));
                if (X.P01 != null) Add(X.P01 + c, g * V.Create(X.W01));
                if (X.P10 != null) Add(X.P10 + c, g * V.Create(X.W10));
                if (X.P11 != null) Add(X.P11 + c, g * V.Create(X.W11));
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Add<V>(float* p, V v) where V : unmanaged, IVec<V> => Lanes.Store(p, Lanes.Load<V>(p) + v);
        }
    }

    readonly struct GridGradient(Positions positions, Image gy, Image x, Positions result) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / gy.H, i = task % gy.H;
            for (int j = 0; j < gy.W; j++)
            {
                var corners = positions.Corners(n, i, j);
                var at = new CornerPointers(corners, x, n);
                float* g = gy.At(n, i, j);
                (result.X(n, i, j), result.Y(n, i, j)) = corners.Gradient(Dot(at.P00, g), Dot(at.P01, g), Dot(at.P10, g), Dot(at.P11, g));
            }
        }

        // In double precision and in order: the same bits whatever the vectors' width.
        float Dot(float* p, float* g)
        {
            double sum = 0;
            if (p != null)
                for (int c = 0; c < x.C; c++) sum += (double)p[c] * g[c];
            return (float)sum;
        }
    }

    /// <summary>The neighbours' first channels in image n; null outside.</summary>
    readonly struct CornerPointers(GridCorners corners, Image x, int n)
    {
        public readonly float* P00 = Pointer(corners.P00, x, n), P01 = Pointer(corners.P01, x, n), P10 = Pointer(corners.P10, x, n), P11 = Pointer(corners.P11, x, n);
        public readonly float W00 = corners.W00, W01 = corners.W01, W10 = corners.W10, W11 = corners.W11;

        static float* Pointer(long pixel, Image x, int n) => pixel < 0 ? null : x.At(n, 0, 0) + (pixel * x.C);
    }
}
