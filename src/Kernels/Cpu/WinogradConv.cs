namespace Tessera.Cpu;

/// <summary>
/// A 3x3 convolution of stride 1 by <see cref="Winograd"/>: forward, and with the kernel turned around the gradient of the input. Tiles are
/// transformed, multiplied plane by plane, and transformed back. With few channels a task takes a block of tiles through all three stages inside
/// its cache; with many, each stage runs over a chunk of tiles so that the weights are read once a chunk.
/// </summary>
internal unsafe struct WinogradConv
{
    const int BlockedWeights = 128 * 128, TransformTiles = 8;
    const long ChunkFloats = 6 << 20;

    /// <summary>Source and result, each with all its channels.</summary>
    public Image Source, Result;

    /// <summary>Images, channels of the source and of the result; rows and columns of padding above and to the left.</summary>
    public int N, Inner, Outer, Top, Left;

    /// <summary>Weight (tap, inner, outer) is at <c>W + tap·WTap + inner·WInner + outer·WOuter</c>; taps from the last to the first where turned.</summary>
    public float* W;

    public nint WTap, WInner, WOuter;
    public bool Turned;

    Winograd.Grid grid;
    int panels, chunk, first, last, panelsPerTask;
    nint rowV, rowM;
    float* weights, v, m, zeros;

    public void Run()
    {
        grid = new Winograd.Grid(N, Result.H, Result.W);
        panels = (Outer + GemmKernel.Panel - 1) / GemmKernel.Panel;
        (rowV, rowM) = (Inner + 16, (panels * GemmKernel.Panel) + 16);
        long packed = 9L * Inner * GemmKernel.Panel;
        weights = Scratch.Floats(Scratch.Purpose.Weights, (36L * panels * Inner * GemmKernel.Panel) + Inner);
        zeros = weights + (36L * panels * Inner * GemmKernel.Panel);
        new Span<float>(zeros, Inner).Clear();
        CpuThreads.For(panels, new TransformWeights { Job = this });
        if ((long)Inner * Outer <= BlockedWeights)
        {
            chunk = Inner + Outer <= 128 ? 42 : 28;
            CpuThreads.For((grid.Count + chunk - 1) / chunk, new Block { Job = this });
            return;
        }
        chunk = (int)Math.Min(Math.Max(ChunkFloats / (36 * (rowV + rowM)), 28), grid.Count);
        v = Scratch.Floats(Scratch.Purpose.Tiles, 36L * chunk * rowV);
        m = Scratch.Floats(Scratch.Purpose.Products, 36L * chunk * rowM);
        panelsPerTask = Math.Max(1, panels / 4);
        for (first = 0; first < grid.Count; first += chunk)
        {
            last = Math.Min(grid.Count, first + chunk);
            int groups = (last - first + TransformTiles - 1) / TransformTiles;
            CpuThreads.For(groups, new Stage<Into> { Job = this });
            CpuThreads.For(36 * ((panels + panelsPerTask - 1) / panelsPerTask), new Multiply { Job = this });
            CpuThreads.For(groups, new Stage<OutOf> { Job = this });
        }
    }

    struct TransformWeights : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int panel)
        {
            int nr = GemmKernel.Panel, C = Job.Inner;
            float* taps = Scratch.Floats(Scratch.Purpose.BlockB, 9L * C * nr), work = stackalloc float[Winograd.Tile<Winograd.Weight>.WorkFloats];
            for (int t = 0; t < 9; t++)
            {
                float* from = Job.W + ((Job.Turned ? 8 - t : t) * Job.WTap) + (panel * nr * Job.WOuter);
                Panels.Pack(from, Job.WInner, Job.WOuter, C, Math.Min(nr, Job.Outer - (panel * nr)), 1, taps + ((nint)t * C * nr));
            }
            float** source = stackalloc float*[9], target = stackalloc float*[36];
            var tile = new Winograd.Tile<Winograd.Weight> { Source = source, Target = target, Work = work };
            for (int c = 0; c < C; c++)
            {
                for (int t = 0; t < 9; t++) source[t] = taps + ((((nint)t * C) + c) * nr);
                Winograd.Planes(Job.weights + ((nint)panel * C * nr), (nint)Job.panels * C * nr, nr, c, target);
                Lanes.Run(0, nr, ref tile);
            }
        }
    }

    readonly void TransformInput(int t0, int t1, float* to, nint plane)
    {
        float* work = stackalloc float[Winograd.Tile<Winograd.Input>.WorkFloats];
        float** source = stackalloc float*[36], target = stackalloc float*[36];
        var tile = new Winograd.Tile<Winograd.Input> { Source = source, Target = target, Work = work };
        for (int t = t0; t < t1; t++)
        {
            grid.Pixels(Source, t, 6, -Top, -Left, zeros, source);
            Winograd.Planes(to, plane, rowV, t - t0, target);
            Lanes.Run(0, Inner, ref tile);
        }
    }

    readonly void TransformOutput(int t0, int t1, float* from, nint plane)
    {
        float* work = stackalloc float[Winograd.Tile<Winograd.Output>.WorkFloats];
        float** source = stackalloc float*[36], target = stackalloc float*[16];
        var tile = new Winograd.Tile<Winograd.Output> { Source = source, Target = target, Work = work };
        for (int t = t0; t < t1; t++)
        {
            Winograd.Planes(from, plane, rowM, t - t0, source);
            grid.Pixels(Result, t, 4, 0, 0, null, target);
            Lanes.Run(0, Outer, ref tile);
        }
    }

    readonly void Product(int plane, int rows, float* a, float* c, int panel0, int panel1)
    {
        int nr = GemmKernel.Panel;
        Tap tap = default;
        var tile = new TileJob { Taps = &tap, TapCount = 1, K = Inner, RowStep = rowV, AStep = 1, BStep = nr };
        for (int p = panel0; p < panel1; p++)
            GemmJob.Tiles(tile, a, weights + ((((nint)plane * panels) + p) * Inner * nr), new Matrix(c + ((nint)p * nr), rowM, 1), rows, nr);
    }

    struct Block : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int task)
        {
            int t0 = task * Job.chunk, t1 = Math.Min(t0 + Job.chunk, Job.grid.Count);
            nint planeV = Job.chunk * Job.rowV, planeM = Job.chunk * Job.rowM;
            float* v = Scratch.Floats(Scratch.Purpose.Tiles, 36 * planeV), m = Scratch.Floats(Scratch.Purpose.Products, 36 * planeM);
            Job.TransformInput(t0, t1, v, planeV);
            for (int k = 0; k < 36; k++) Job.Product(k, t1 - t0, v + (k * planeV), m + (k * planeM), 0, Job.panels);
            Job.TransformOutput(t0, t1, m, planeM);
        }
    }

    interface IStage
    {
        static abstract void Run(in WinogradConv job, int t0, int t1);
    }

    readonly struct Into : IStage
    {
        public static void Run(in WinogradConv job, int t0, int t1) => job.TransformInput(t0, t1, job.v + ((t0 - job.first) * job.rowV), job.chunk * job.rowV);
    }

    readonly struct OutOf : IStage
    {
        public static void Run(in WinogradConv job, int t0, int t1) => job.TransformOutput(t0, t1, job.m + ((t0 - job.first) * job.rowM), job.chunk * job.rowM);
    }

    struct Stage<T> : ICpuTask where T : struct, IStage
    {
        public WinogradConv Job;

        public readonly void Run(int task)
        {
            int t0 = Job.first + (task * TransformTiles);
            T.Run(Job, t0, Math.Min(t0 + TransformTiles, Job.last));
        }
    }

    struct Multiply : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int task)
        {
            int parts = (Job.panels + Job.panelsPerTask - 1) / Job.panelsPerTask, k = task / parts, p = task % parts * Job.panelsPerTask;
            Job.Product(k, Job.last - Job.first, Job.v + (k * Job.chunk * Job.rowV), Job.m + (k * Job.chunk * Job.rowM), p, Math.Min(p + Job.panelsPerTask, Job.panels));
        }
    }
}

/// <summary>
/// The weight gradient of a 3x3 convolution of stride 1 by <see cref="Winograd"/>: gw = Gᵀ[Σ_tiles (A gy Aᵀ) ⊙ (Bᵀ x B)]G, the sums being 36 matrix
/// products whose inner dimension are the tiles.
/// </summary>
internal unsafe struct WinogradWeights
{
    const int TransformTiles = 8;
    const long ChunkFloats = 4 << 20;

    /// <summary>Gradient of the result, and the input.</summary>
    public Image Gy, X;

    /// <summary>Images, input channels, output channels; rows and columns of padding above and to the left.</summary>
    public int N, C, K, Top, Left;

    /// <summary>Result, K x 3 x 3 x C.</summary>
    public float* Gw;

    Winograd.Grid grid;
    int chunk, first, last, rowBlock, rowBlocks;
    nint rowV, rowM;
    float* v, m, sums, zeros;

    public void Run()
    {
        grid = new Winograd.Grid(N, Gy.H, Gy.W);
        (rowV, rowM) = (C + 16, K + 16);
        sums = Scratch.Floats(Scratch.Purpose.Weights, (36L * K * C) + Math.Max(K, C));
        zeros = sums + (36L * K * C);
        new Span<float>(zeros, Math.Max(K, C)).Clear();
        chunk = (int)Math.Min(Math.Max(ChunkFloats / (36 * (rowV + rowM)), 16), grid.Count);
        v = Scratch.Floats(Scratch.Purpose.Tiles, (36L * chunk * rowV) + GemmKernel.Panel);
        m = Scratch.Floats(Scratch.Purpose.Products, 36L * chunk * rowM);
        rowBlock = Math.Min(K, GemmKernel.MaxRows * 10);
        rowBlocks = (K + rowBlock - 1) / rowBlock;
        for (first = 0; first < grid.Count; first += chunk)
        {
            last = Math.Min(grid.Count, first + chunk);
            CpuThreads.For(2 * ((last - first + TransformTiles - 1) / TransformTiles), new Transform { Job = this });
            CpuThreads.For(36 * rowBlocks, new Multiply { Job = this });
        }
        CpuThreads.For(K, new Finish { Job = this });
    }

    struct Transform : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int task)
        {
            int t0 = Job.first + (task / 2 * TransformTiles), t1 = Math.Min(t0 + TransformTiles, Job.last);
            if (task % 2 == 0) Run<Winograd.Input>(Job.X, 6, -Job.Top, -Job.Left, Job.C, t0, t1, Job.v, Job.rowV);
            else Run<Winograd.OutputGradient>(Job.Gy, 4, 0, 0, Job.K, t0, t1, Job.m, Job.rowM);
        }

        readonly void Run<T>(Image image, int size, int dy, int dx, int channels, int t0, int t1, float* to, nint row) where T : struct, ITileTransform
        {
            float* work = stackalloc float[Winograd.Tile<T>.WorkFloats];
            float** source = stackalloc float*[36], target = stackalloc float*[36];
            var tile = new Winograd.Tile<T> { Source = source, Target = target, Work = work };
            for (int t = t0; t < t1; t++)
            {
                Job.grid.Pixels(image, t, size, dy, dx, Job.zeros, source);
                Winograd.Planes(to, Job.chunk * row, row, t - Job.first, target);
                Lanes.Run(0, channels, ref tile);
            }
        }
    }

    struct Multiply : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int task)
        {
            int plane = task / Job.rowBlocks, k0 = task % Job.rowBlocks * Job.rowBlock, nr = GemmKernel.Panel;
            Tap tap = default;
            var tile = new TileJob
            {
                Taps = &tap,
                TapCount = 1,
                K = Job.last - Job.first,
                RowStep = 1,
                AStep = Job.rowM,
                BStep = Job.rowV,
                Accumulate = Job.first > 0,
            };
            float* a = Job.m + (plane * Job.chunk * Job.rowM) + k0, b = Job.v + (plane * Job.chunk * Job.rowV), c = Job.sums + ((((nint)plane * Job.K) + k0) * Job.C);
            for (int j = 0; j < Job.C; j += nr)
                GemmJob.Tiles(tile, a, b + j, new Matrix(c + j, Job.C, 1), Math.Min(Job.rowBlock, Job.K - k0), Math.Min(nr, Job.C - j));
        }
    }

    struct Finish : ICpuTask
    {
        public WinogradWeights Job;

        public readonly void Run(int k)
        {
            float* work = stackalloc float[Winograd.Tile<Winograd.WeightGradient>.WorkFloats];
            float** source = stackalloc float*[36], target = stackalloc float*[9];
            Winograd.Planes(Job.sums, (nint)Job.K * Job.C, Job.C, k, source);
            for (int t = 0; t < 9; t++) target[t] = Job.Gw + ((((nint)k * 9) + t) * Job.C);
            var tile = new Winograd.Tile<Winograd.WeightGradient> { Source = source, Target = target, Work = work };
            Lanes.Run(0, Job.C, ref tile);
        }
    }
}
