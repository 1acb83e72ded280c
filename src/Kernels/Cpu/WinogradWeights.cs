using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>
/// The gradient of the weight of a 3x3 convolution of stride 1 by <see cref="Winograd"/>: gw = Gᵀ[Σ_tiles (A gy Aᵀ) ⊙ (Bᵀ x B)]G. In each of the 36 planes
/// the sum over tiles is a matrix product of output and input channels. Where the sums of all channels are small, a task transforms and adds up a range
/// of tiles by itself, since what another core has written comes slowly; the ranges are added in a fixed order. Else all threads transform a
/// chunk of tiles, then a task takes a plane.
/// </summary>
internal unsafe struct WinogradWeights
{
    const int TaskTiles = 8, ChunkTiles = 256, MostRanges = 12;
    const long FewWeights = 128 * 128, RangeFloats = 800_000, SumFloats = 4 << 20;

    /// <summary>Gradient of the result, and the input.</summary>
    public Image Gy, X;

    /// <summary>Images, input channels, output channels; rows and columns of padding above and to the left.</summary>
    public int N, C, K, Top, Left;

    /// <summary>Result, K x 3 x 3 x C.</summary>
    public float* Gw;

    Winograd.Grid grid;
    int first, last, chunk, ranges;
    nint rowV, rowM, planeV, planeM, planeS;
    float* v, m, sums;

    public void Run()
    {
        grid = new Winograd.Grid(4, N, Gy.H, Gy.W);
        (rowV, rowM, planeS) = (C + 16, K + 16, ((nint)K * C) + 16);
        if ((long)K * C <= FewWeights) RunByRanges();
        else RunByPlanes();
    }

    void RunByRanges()
    {
        ranges = (int)Math.Clamp(Math.Min(SumFloats / (36 * planeS), grid.Count / 8), 1, MostRanges);
        sums = Scratch.Floats(Scratch.Purpose.Weights, ranges * 36 * planeS);
        Chunk((int)Math.Max(RangeFloats / (36 * (rowV + rowM)), 8));
        CpuThreads.For(ranges, new Range { Job = this });
        CpuThreads.For(K, new Finish { Job = this });
    }

    void RunByPlanes()
    {
        Chunk(Math.Min(ChunkTiles, grid.Count));
        v = Scratch.Floats(Scratch.Purpose.Tiles, (36 * planeV) + GemmKernel.Panel);
        m = Scratch.Floats(Scratch.Purpose.Products, 36 * planeM);
        ranges = 1;
        sums = Scratch.Floats(Scratch.Purpose.Weights, 36 * planeS);
        for (first = 0; first < grid.Count; first += chunk)
        {
            last = Math.Min(grid.Count, first + chunk);
            CpuThreads.For(2 * ((last - first + TaskTiles - 1) / TaskTiles), new Transform { Job = this });
            CpuThreads.For(36, new Plane { Job = this });
        }
        CpuThreads.For(K, new Finish { Job = this });
    }

    void Chunk(int tiles)
    {
        chunk = tiles;
        (planeV, planeM) = ((tiles * rowV) + 16, (tiles * rowM) + 16);
    }

    struct Range : ICpuTask
    {
        public WinogradWeights Job;

        public void Run(int task)
        {
            int t0 = (int)((long)Job.grid.Count * task / Job.ranges), t1 = (int)((long)Job.grid.Count * (task + 1) / Job.ranges);
            var job = Job;
            job.v = Scratch.Floats(Scratch.Purpose.Tiles, (36 * job.planeV) + GemmKernel.Panel);
            job.m = Scratch.Floats(Scratch.Purpose.Products, 36 * job.planeM);
            for (job.first = t0; job.first < t1; job.first += job.chunk)
            {
                job.last = Math.Min(t1, job.first + job.chunk);
                job.TransformInput(job.first, job.last);
                job.TransformGradient(job.first, job.last);
                for (int p = 0; p < 36; p++) job.Multiply(p, job.sums + (((task * 36) + p) * job.planeS), job.first > t0);
            }
        }
    }

    struct Transform : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int task)
        {
            int t0 = Job.first + (task / 2 * TaskTiles), t1 = Math.Min(t0 + TaskTiles, Job.last);
            if (task % 2 == 0) Job.TransformInput(t0, t1);
            else Job.TransformGradient(t0, t1);
        }
    }

    readonly void TransformInput(int t0, int t1) => TransformTiles<Winograd.Four.Input>(X, 6, -Top, -Left, t0, t1, v, rowV, planeV);

    readonly void TransformGradient(int t0, int t1) => TransformTiles<Winograd.Four.OutputGradient>(Gy, 4, 0, 0, t0, t1, m, rowM, planeM);

    readonly void TransformTiles<T>(Image image, int size, int dy, int dx, int t0, int t1, float* to, nint row, nint plane) where T : struct, ITileTransform
    {
        float* copy = Scratch.Floats(Scratch.Purpose.BlockA, (long)size * size * image.C);
        for (int t = t0; t < t1; t++)
        {
            if (t + 1 < t1) grid.Prefetch(image, t + 1, size, dy, dx);
            float* from = grid.Pixels(image, t, size, dy, dx, copy, out nint step);
            Winograd.Transform<T>(image.C, from, step, image.C, to + ((t - first) * row), 6 * plane, plane);
        }
    }

    // sums [K, C] ← (or, to accumulate, +=) Σ_tiles m · v in one plane.
    readonly void Multiply(int plane, float* to, bool accumulate)
    {
        Tap tap = default;
        var tile = new TileJob { Taps = &tap, TapCount = 1, K = last - first, RowStep = 1, AStep = rowM, BStep = rowV, Accumulate = accumulate };
        float* a = m + (plane * planeM), b = v + (plane * planeV);
        for (int j = 0; j < C; j += GemmKernel.Panel)
            GemmJob.Tiles(tile, a, b + j, new Matrix(to + j, C, 1), K, Math.Min(GemmKernel.Panel, C - j));
    }

    struct Plane : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int plane) => Job.Multiply(plane, Job.sums + (plane * Job.planeS), Job.first > 0);
    }

    struct Finish : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int k)
        {
            float* row = Job.sums + ((nint)k * Job.C);
            for (int p = 0; p < 36 * (Job.ranges - 1); p++)
            {
                float* sum = row + (p % 36 * Job.planeS), next = row + ((p + 36) * Job.planeS);
                var add = new Add { Sum = sum, Next = next };
                Lanes.Run(0, Job.C, ref add);
            }
            Winograd.Transform<Winograd.Four.WeightGradient>(Job.C, row, 6 * Job.planeS, Job.planeS, Job.Gw + ((nint)k * 9 * Job.C), 3 * Job.C, Job.C);
        }
    }

    struct Add : ILane
    {
        public float* Sum, Next;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V> => Lanes.Store(Sum + c, Lanes.Load<V>(Sum + c) + Lanes.Load<V>(Next + c));
    }
}
