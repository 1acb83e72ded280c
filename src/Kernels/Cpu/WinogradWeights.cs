namespace Tessera.Cpu;

/// <summary>
/// The gradient of the weight of a 3x3 convolution of stride 1 by <see cref="Winograd"/>: gw = Gᵀ[Σ_tiles (A gy Aᵀ) ⊙ (Bᵀ x B)]G. In each of the 36 planes
/// the sum over tiles is a matrix product of output and input channels. Where the sums of all channels fit the cache, the tiles come in chunks and
/// a task takes a plane; else all tiles are transformed first, and a task takes all planes of a block of channels to their end.
/// </summary>
internal unsafe struct WinogradWeights
{
    const int TransformTiles = 8, ChunkTiles = 256, BlockRows = 56;
    const long FewWeights = 256 * 256, MostTileFloats = 16 << 20;

    /// <summary>Gradient of the result, and the input.</summary>
    public Image Gy, X;

    /// <summary>Images, input channels, output channels; rows and columns of padding above and to the left.</summary>
    public int N, C, K, Top, Left;

    /// <summary>Result, K x 3 x 3 x C.</summary>
    public float* Gw;

    Winograd.Grid grid;
    int first, last, rowBlock, rowBlocks;
    nint rowV, rowM, planeV, planeM, planeS;
    float* v, m, sums;

    public void Run()
    {
        grid = new Winograd.Grid(N, Gy.H, Gy.W);
        (rowV, rowM) = (C + 16, K + 16);
        bool whole = (long)K * C >= FewWeights && 36 * (rowV + rowM) * grid.Count <= MostTileFloats;
        int chunk = whole ? grid.Count : Math.Min(ChunkTiles, grid.Count);
        (planeV, planeM, planeS) = ((chunk * rowV) + 16, (chunk * rowM) + 16, ((nint)K * C) + 16);
        v = Scratch.Floats(Scratch.Purpose.Tiles, (36 * planeV) + GemmKernel.Panel);
        m = Scratch.Floats(Scratch.Purpose.Products, 36 * planeM);
        rowBlocks = (K + BlockRows - 1) / BlockRows;
        rowBlock = (K + rowBlocks - 1) / rowBlocks;
        if (!whole) sums = Scratch.Floats(Scratch.Purpose.Weights, 36 * planeS);
        for (first = 0; first < grid.Count; first += chunk)
        {
            last = Math.Min(grid.Count, first + chunk);
            CpuThreads.For(2 * ((last - first + TransformTiles - 1) / TransformTiles), new Transform { Job = this });
            if (whole) CpuThreads.For(rowBlocks * ((C + GemmKernel.Panel - 1) / GemmKernel.Panel), new BlockOfChannels { Job = this });
            else CpuThreads.For(36, new Plane { Job = this });
        }
        if (!whole) CpuThreads.For(K, new Finish { Job = this });
    }

    struct Transform : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int task)
        {
            int t0 = Job.first + (task / 2 * TransformTiles), t1 = Math.Min(t0 + TransformTiles, Job.last);
            if (task % 2 == 0) Run<Winograd.Input>(Job.X, 6, -Job.Top, -Job.Left, Job.C, t0, t1, Job.v, Job.rowV, Job.planeV);
            else Run<Winograd.OutputGradient>(Job.Gy, 4, 0, 0, Job.K, t0, t1, Job.m, Job.rowM, Job.planeM);
        }

        readonly void Run<T>(Image image, int size, int dy, int dx, int channels, int t0, int t1, float* to, nint row, nint plane) where T : struct, ITileTransform
        {
            float* copy = Scratch.Floats(Scratch.Purpose.BlockA, (long)size * size * channels);
            for (int t = t0; t < t1; t++)
            {
                if (t + 1 < t1) Job.grid.Prefetch(image, t + 1, size, dy, dx);
                float* from = Job.grid.Pixels(image, t, size, dy, dx, copy, out nint step);
                Winograd.Transform<T>(channels, from, step, channels, to + ((t - Job.first) * row), 6 * plane, plane);
            }
        }
    }

    // sums [rows of output channels, input channels] += Σ_tiles m · v in one plane.
    readonly void Multiply(int plane, int k0, int rows, int c0, int columns, Matrix to)
    {
        Tap tap = default;
        var tile = new TileJob { Taps = &tap, TapCount = 1, K = last - first, RowStep = 1, AStep = rowM, BStep = rowV, Accumulate = first > 0 };
        float* a = m + (plane * planeM) + k0, b = v + (plane * planeV) + c0;
        for (int j = 0; j < columns; j += GemmKernel.Panel)
            GemmJob.Tiles(tile, a, b + j, new Matrix(to.At(0, j), to.Row, 1), rows, Math.Min(GemmKernel.Panel, columns - j));
    }

    struct Plane : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int plane) => Job.Multiply(plane, 0, Job.K, 0, Job.C, new Matrix(Job.sums + (plane * Job.planeS), Job.C, 1));
    }

    struct Finish : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int k)
            => Winograd.Transform<Winograd.WeightGradient>(Job.C, Job.sums + ((nint)k * Job.C), 6 * Job.planeS, Job.planeS, Job.Gw + ((nint)k * 9 * Job.C), 3 * Job.C, Job.C);
    }

    struct BlockOfChannels : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int task)
        {
            int nr = GemmKernel.Panel, k0 = task % Job.rowBlocks * Job.rowBlock, c0 = task / Job.rowBlocks * nr, rows = Math.Min(Job.rowBlock, Job.K - k0), columns = Math.Min(nr, Job.C - c0);
            nint plane = ((nint)rows * nr) + 16;
            float* sums = Scratch.Floats(Scratch.Purpose.PackedB, 36 * plane);
            for (int p = 0; p < 36; p++) Job.Multiply(p, k0, rows, c0, columns, new Matrix(sums + (p * plane), nr, 1));
            for (int k = 0; k < rows; k++)
                Winograd.Transform<Winograd.WeightGradient>(columns, sums + ((nint)k * nr), 6 * plane, plane, Job.Gw + ((nint)(k0 + k) * 9 * Job.C) + c0, 3 * Job.C, Job.C);
        }
    }
}
