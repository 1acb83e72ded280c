using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>
/// A 3x3 convolution of stride 1 by <see cref="Winograd"/>: forward, and with the kernel turned around the gradient of the input. Tiles are
/// transformed, multiplied plane by plane, and transformed back; the products of a block of tiles and a panel of channels never leave the cache of
/// their task. With few channels a task transforms the tiles of its block itself; with many, all tiles of a chunk are transformed first, and
/// the weights of a panel piece by piece where they are used, so that the 36/9 times larger transformed weights never go to memory. Where there are
/// few tiles for the channels, weights are most of what is read: tasks share them out by panels, and each thread transforms all tiles for itself, if they
/// stay in its second-level cache: those that another core has written, or has read before, come slowly.
/// </summary>
internal unsafe struct WinogradConv
{
    const int FewWeights = 256 * 256, BlockTiles = 28, LargeBlock = 56, WideTiles = 70, FewTiles = 28, LeastPanels = 4, Depth = 128, TransformTiles = 4;
    const long ChunkFloats = 4 << 20, NearFloats = 1 << 18; // the second-level cache

    /// <summary>Source and result, each with all its channels.</summary>
    public Image Source, Result;

    /// <summary>Results of a tile in each direction: 4 or 2.</summary>
    public int Tile;

    /// <summary>Images, channels of the source and of the result; rows and columns of padding above and to the left.</summary>
    public int N, Inner, Outer, Top, Left;

    /// <summary>Weight (tap, inner, outer) is at <c>W + tap·WTap + inner·WInner + outer·WOuter</c>; taps from the last to the first where turned.</summary>
    public float* W;

    public nint WTap, WInner, WOuter;
    public bool Turned;

    /// <summary>Where the weights live: it keeps their transform while they do not change.</summary>
    public Storage Weights;

    /// <summary>What becomes of a result while its tile is in the cache; <see cref="Moments"/> are the statistics where they are wanted.</summary>
    public TileEpilogue Epilogue;

    public bool WantsMoments;
    public ChannelMoments Moments;

    Winograd.Grid grid;
    int points, planes, panels, block, blocks, first, last;
    nint rowV, planeV;
    float* weights, v;
    long tiles; // number of the transformed tiles, where each thread has its own

    public void Run()
    {
        int nr = GemmKernel.Panel;
        grid = new Winograd.Grid(Tile, N, Result.H, Result.W);
        points = Tile + 2;
        planes = points * points;
        panels = (Outer + nr - 1) / nr;
        rowV = Inner + 16;
        bool few = (long)Inner * Outer <= FewWeights, kept = few || Tile == 2;
        long size = panels * PanelWeights(Inner);
        using var form = kept ? Weights.Forms.Use(new FormKey(Turned ? "winograd turned" : "winograd", (nint)W, planes, Inner, Outer, WTap, WInner, WOuter, nr), (size + 16) * sizeof(float)) : default;
        if (few || form.Pointer != 0)
        {
            weights = form.Pointer != 0 ? (float*)form.Pointer : Scratch.Floats(Scratch.Purpose.Weights, size);
            if (!form.IsFilled) CpuThreads.For(panels, new TransformPanel { Job = this });
            form.Filled();
        }
        if (few && (grid.Count > FewTiles || panels < LeastPanels)) RunByBlocks(size);
        else RunByPanels();
    }

    void RunByBlocks(long size)
    {
        int most = size <= NearFloats ? BlockTiles : LargeBlock; // weights that do not stay near are read for more tiles at once
        int pairs = (grid.Count + (2 * most) - 1) / (2 * most); // an even number of nearly equal blocks
        blocks = Math.Min(2 * pairs, grid.Count);
        planeV = (((grid.Count + blocks - 1) / blocks) * rowV) + 16;
        if (WantsMoments) Moments = new ChannelMoments(Outer, blocks);
        CpuThreads.For(blocks, new Block { Job = this });
    }

    void RunByPanels()
    {
        int chunk = (int)Math.Clamp(ChunkFloats / (planes * rowV), Math.Min(WideTiles, grid.Count), grid.Count);
        planeV = (chunk * rowV) + 16;
        v = Scratch.Floats(Scratch.Purpose.Tiles, planes * planeV);
        block = Math.Min(chunk, WideTiles);
        chunk = chunk / block * block;
        if (WantsMoments) Moments = new ChannelMoments(Outer, (grid.Count + block - 1) / block);
        for (first = 0; first < grid.Count; first += chunk)
        {
            last = Math.Min(grid.Count, first + chunk);
            blocks = (last - first + block - 1) / block;
            tiles = blocks == 1 && planes * planeV <= NearFloats ? Scratch.NewContents() : 0;
            if (tiles == 0) CpuThreads.For((last - first + TransformTiles - 1) / TransformTiles, new TransformChunk { Job = this });
            CpuThreads.For(panels * blocks, new BlockOfPanel { Job = this });
        }
    }

    // Planes lie 16 floats more apart than needed, lest all of them meet in one set of the cache.
    static nint PlaneWeights(int count) => ((nint)count * GemmKernel.Panel) + 16;

    readonly nint PanelWeights(int count) => planes * PlaneWeights(count);

    struct TransformPanel : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int panel) => Job.TransformWeights(panel, 0, Job.Inner, Job.weights + (panel * Job.PanelWeights(Job.Inner)));
    }

    struct Block : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int task)
        {
            int t0 = (int)((long)Job.grid.Count * task / Job.blocks), t1 = (int)((long)Job.grid.Count * (task + 1) / Job.blocks);
            float* v = Scratch.Floats(Scratch.Purpose.Tiles, Job.planes * Job.planeV);
            Job.TransformInput(t0, t1, v);
            for (int p = 0; p < Job.panels; p++) Job.Multiply(p, task, t0, t1, v);
        }
    }

    struct TransformChunk : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int task)
        {
            int t0 = Job.first + (task * TransformTiles), t1 = Math.Min(t0 + TransformTiles, Job.last);
            Job.TransformInput(t0, t1, Job.v + ((t0 - Job.first) * Job.rowV));
        }
    }

    struct BlockOfPanel : ICpuTask
    {
        public WinogradConv Job;

        public readonly void Run(int task)
        {
            int t0 = Job.first + (task % Job.blocks * Job.block), t1 = Math.Min(t0 + Job.block, Job.last);
            Job.Multiply(task / Job.blocks, t0 / Job.block, t0, t1, Job.tiles != 0 ? Job.OwnTiles(t0, t1) : Job.v + ((t0 - Job.first) * Job.rowV));
        }
    }

    // This thread's own transform of the tiles, made with its first panel.
    readonly float* OwnTiles(int t0, int t1)
    {
        float* own = Scratch.Floats(Scratch.Purpose.Tiles, planes * planeV);
        if (Scratch.IsNew(Scratch.Purpose.Tiles, tiles)) TransformInput(t0, t1, own);
        return own;
    }

    // to [planes of c1 - c0 rows of a panel] ← G g Gᵀ for the inner channels c0 .. c1 - 1.
    readonly void TransformWeights(int panel, int c0, int c1, float* to)
    {
        int nr = GemmKernel.Panel, count = c1 - c0, columns = Math.Min(nr, Outer - (panel * nr));
        float* from = W + (c0 * WInner) + (panel * nr * WOuter);
        nint tap = WTap, inner = WInner;
        if (WOuter != 1 || columns < nr)
        {
            float* taps = Scratch.Floats(Scratch.Purpose.BlockB, 9L * count * nr);
            for (int t = 0; t < 9; t++) Panels.Pack(from + (t * WTap), WInner, WOuter, count, columns, 1, taps + ((nint)t * count * nr));
            from = taps;
            (tap, inner) = ((nint)count * nr, nr);
        }
        if (Turned)
        {
            from += 8 * tap;
            tap = -tap;
        }
        nint plane = PlaneWeights(count);
        for (int c = 0; c < count; c++) Winograd.Weight(Tile, nr, from + (c * inner), 3 * tap, tap, to + ((nint)c * nr), points * plane, plane);
    }

    // to [planes of rows of inner channels] ← Bᵀ d B for the tiles t0 .. t1 - 1.
    readonly void TransformInput(int t0, int t1, float* to)
    {
        float* copy = Scratch.Floats(Scratch.Purpose.BlockA, (long)planes * Inner);
        for (int t = t0; t < t1; t++, to += rowV)
        {
            if (t + 1 < t1) grid.Prefetch(Source, t + 1, points, -Top, -Left);
            float* from = grid.Pixels(Source, t, points, -Top, -Left, copy, out nint row);
            Winograd.Input(Tile, Inner, from, row, Inner, to, points * planeV, planeV);
        }
    }

    // The products of the tiles t0 .. t1 - 1 (block number `part` of all) and one panel of weights, plane by plane, and their results.
    readonly void Multiply(int panel, int part, int t0, int t1, float* v)
    {
        int nr = GemmKernel.Panel, depth = weights != null || Tile == 2 ? Inner : Math.Min(Depth, Inner); // one chain of sums, whether the weights are kept or not
        nint planeM = ((nint)(t1 - t0) * nr) + 16;
        float* m = Scratch.Floats(Scratch.Purpose.Products, planes * planeM);
        Tap tap = default;
        var tile = new TileJob { Taps = &tap, TapCount = 1, RowStep = rowV, AStep = 1, BStep = nr };
        for (int c = 0; c < Inner; c += depth)
        {
            tile.K = Math.Min(depth, Inner - c);
            tile.Accumulate = c > 0;
            float* u = weights + (panel * PanelWeights(Inner));
            if (weights == null)
            {
                u = Scratch.Floats(Scratch.Purpose.PackedB, PanelWeights(depth));
                TransformWeights(panel, c, c + tile.K, u);
            }
            GemmJob.Series(tile, planes, v + c, planeV, u, PlaneWeights(tile.K), m, planeM, t1 - t0);
        }
        TransformOutput(panel, part, t0, t1, m, planeM);
    }

    // Results of the tiles t0 .. t1 - 1 and one panel of channels: Aᵀ m A, the epilogue, and the statistics of what was written.
    readonly void TransformOutput(int panel, int part, int t0, int t1, float* m, nint planeM)
    {
        int nr = GemmKernel.Panel, k0 = panel * nr, columns = Math.Min(nr, Outer - k0), rows = 0;
        float* bias = stackalloc float[nr], tile = stackalloc float[Tile * Tile * nr];
        for (int k = 0; k < columns && Epilogue.Bias != null; k++) bias[k] = Epilogue.Bias[(k0 + k) * Epilogue.BiasStep];
        float* kept = Moments.Wanted ? Scratch.Floats(Scratch.Purpose.Partial, (long)Tile * Tile * nr * (t1 - t0)) : null;
        for (int t = t0; t < t1; t++, m += nr)
        {
            var (n, y, x) = grid[t];
            var results = new Results
            {
                Tile = tile,
                TileRow = Tile * nr,
                Y = Result.At(n, y, x) + k0,
                Row = (nint)Result.W * Result.C,
                Col = Result.C,
                Height = Math.Min(Tile, Result.H - y),
                Width = Math.Min(Tile, Result.W - x),
                Bias = Epilogue.Bias != null ? bias : null,
                Residual = Epilogue.Residual,
                Relu = Epilogue.Relu,
                Kept = kept != null ? kept + ((nint)rows * nr) : null,
            };
            results.Prefetch(columns);
            Winograd.Output(Tile, columns, m, points * planeM, planeM, tile, Tile * nr, nr);
            Lanes.Run(0, columns, ref results);
            rows += results.Height * results.Width;
        }
        if (kept != null) Moments.Set(part, kept, nr, rows, k0, columns);
    }

    /// <summary>y ← relu(tile + bias + residual) for the part of a tile of results that lies in the image.</summary>
    struct Results : ILane
    {
        public float* Tile, Y, Bias, Kept;
        public nint TileRow, Row, Col, Residual;
        public int Height, Width;
        public bool Relu;

        /// <summary>The lines of y come into the cache while the tile is computed.</summary>
        public readonly void Prefetch(int columns)
        {
            for (int i = 0; i < Height; i++)
                for (int j = 0; j < Width; j++)
                    for (int c = 0; c < columns; c += 16) Lanes.Prefetch(Y + (i * Row) + (j * Col) + c);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V bias = Bias != null ? Lanes.Load<V>(Bias + c) : V.Create(0);
            float* kept = Kept;
            for (int i = 0; i < Height; i++)
            {
                float* from = Tile + (i * TileRow) + c, to = Y + (i * Row) + c;
                for (int j = 0; j < Width; j++, from += GemmKernel.Panel, to += Col)
                {
                    V y = Lanes.Load<V>(from) + bias;
                    if (Residual != 0) y += Lanes.Load<V>(to + Residual);
                    if (Relu) y = Lanes.Map<Ops.Relu, V>(y);
                    Lanes.Store(to, y);
                    if (Kept == null) continue;
                    Lanes.Store(kept + c, y);
                    kept += GemmKernel.Panel;
                }
            }
        }
    }
}
