using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>
/// C ← alpha · A · B + beta · C, or relu(A · B + bias + residual), for a batch of matrices. The rows of C are cut into tiles of nearly equal height,
/// its columns into panels; B is packed panel by panel. A task computes a block of some tiles and panels, and walks the inner dimension in chunks
/// that keep its part of A in the second-level cache. Where C is small and the inner dimension long, the inner dimension is cut as well, and the
/// partial sums are added in a fixed order. A B of weights is kept packed while it does not change. The blocks alone depend on the number of threads,
/// and the results do not depend on the blocks.
/// </summary>
internal unsafe struct GemmJob
{
    const int KChunk = 1024, BlockTiles = 12, BlockFloats = 84 * KChunk, BlockColumns = 1024, LeastTasks = 12, WeightTasks = 16, FewRows = 8, FewProducts = 128;
    const int PackRows = 256, PackPanels = 8, ManyTiles = 64, AliasedRows = 10;
    const long NearWeights = 1 << 17; // floats that stay in the second-level cache
    const long SerialWork = 32 * 32 * 32, PackedFloats = 1L << 24;

    public int M, N, K;
    public Matrix A, B, C;
    public float Alpha, Beta;

    /// <summary>Bias (i, j) of C, none where null; floats from C to the residual, 0 for none; negative results become zero.</summary>
    public Matrix Bias;

    public nint Residual;
    public bool Relu;

    /// <summary>Where B lives, if those are weights: it keeps them packed while they do not change. Null else.</summary>
    public Storage? Weights;

    int tiles, panels, rowBlocks, columnBlocks, splits, first, packParts;
    bool accumulate, sharedB, inPlaceB, rowsFirst;
    nint* offsetA, offsetB, offsetC;
    float* packed, partial;

    /// <summary>Runs the product for every item of the batch; the offsets are null for a single matrix.</summary>
    public void Run(int batch, nint* a, nint* b, nint* c)
    {
        offsetA = a;
        offsetB = b;
        offsetC = c;
        if (M < FewRows || batch > 1) Weights = null;
        if (Weights is null && PrefersTransposed())
        {
            (A, B, C, Bias) = (B.T, A.T, C.T, Bias.T);
            (M, N) = (N, M);
            offsetA = b;
            offsetB = a;
        }
        if (Beta is not 0 and not 1 || K == 0) Scale(batch);
        if (K == 0) return;
        accumulate = Beta != 0;
        if (N == 1 && batch == 1 && A.Col == 1 && B.Row == 1)
        {
            new MatrixVector { A = A, X = B.P, M = M, K = K, Alpha = Alpha, Y = C.P, Step = C.Row, Start = Residual, Accumulate = accumulate || Residual != 0, Relu = Relu, Bias = Bias.P, BiasStep = Bias.Row }.Run();
            return;
        }
        Plan(batch);
        int group = sharedB ? batch : (int)Math.Clamp(PackedFloats / Math.Max(1, PackedSize), 1, batch);
        bool packs = splits == 1 && !inPlaceB, serial = (long)M * N * K * batch <= SerialWork;
        using var form = Weights?.Forms.Use(new FormKey("product", (nint)B.P, 1, K, N, 0, B.Row, B.Col, GemmKernel.Panel), (PackedSize + 16) * sizeof(float)) ?? default;
        if (form.Pointer != 0) packed = (float*)form.Pointer;
        else if (packs) packed = Scratch.Floats(Scratch.Purpose.PackedB, PackedSize * (sharedB ? 1 : group));
        if (splits > 1) partial = Scratch.Floats(Scratch.Purpose.Partial, (long)splits * M * N);
        for (first = 0; first < batch; first += group)
        {
            int items = Math.Min(group, batch - first);
            if (packs && !form.IsFilled && (first == 0 || !sharedB)) Spread(serial, (sharedB ? 1 : items) * packParts * ((K + PackRows - 1) / PackRows), new Pack { Job = this });
            form.Filled();
            Spread(serial, items * splits * rowBlocks * columnBlocks, new Block { Job = this });
        }
        if (splits > 1) AddSplits();
    }

    static void Spread<T>(bool serial, int tasks, T work) where T : struct, ICpuTask
    {
        if (!serial) CpuThreads.For(tasks, work);
        else
            for (int i = 0; i < tasks; i++) work.Run(i);
    }

    readonly long PackedSize => (long)panels * K * GemmKernel.Panel;

    // Tiles are written along rows of C. For few rows and a B that lies along K, the transposed product reads B in place.
    readonly bool PrefersTransposed()
        => (C.Col != 1 && C.Row == 1 && N > 1) || (M <= 64 && N > 2 * M && B.Row == 1 && B.Col != 1 && K > 1);

    void Plan(int batch)
    {
        int mr = GemmKernel.MaxRows, nr = GemmKernel.Panel;
        (tiles, panels) = ((M + mr - 1) / mr, (N + nr - 1) / nr);
        packParts = (panels + PackPanels - 1) / PackPanels;
        sharedB = offsetB == null || SameOffsets(batch);
        inPlaceB = Weights is null && tiles == 1 && B.Col == 1 && N % GemmKernel.Lanes == 0 && Alpha == 1; // read once: nothing repays a copy
        int blockTiles = Math.Clamp(BlockFloats / (mr * Math.Min(K, KChunk)), 1, BlockTiles);
        (rowBlocks, columnBlocks) = ((tiles + blockTiles - 1) / blockTiles, ((panels * nr) + BlockColumns - 1) / BlockColumns);
        splits = 1;
        int least = Math.Max(Weights is null ? LeastTasks : WeightTasks, 4 * CpuThreads.Count);
        rowsFirst = Weights is not null && 2L * M * (K + N) >= (long)K * N;
        if (rowsFirst)
        {
            bool near = (long)K * N <= NearWeights; // else they pass by as many rows at once as may be
            rowBlocks = Math.Min(M, Even(!near ? rowBlocks : tiles <= 2 * least ? tiles : Math.Max(rowBlocks, least)));
            columnBlocks = Math.Clamp(least / rowBlocks, 1, panels);
            return;
        }
        if (Weights is null && batch == 1 && K >= 2048 && K / 4 >= Math.Max(M, N)) splits = Math.Clamp(LeastTasks / (rowBlocks * (((panels * nr) + 511) / 512)), 1, K / 512);
        while (WantsMoreTasks(rowBlocks * columnBlocks * splits * (long)batch, least) && (rowBlocks < tiles || columnBlocks < panels))
            if (columnBlocks < panels && (rowBlocks == tiles || panels * nr * rowBlocks >= (Weights is null ? 2.0 : 0.5) * M * columnBlocks)) columnBlocks++; // weights come from far
            else rowBlocks++;
    }

    // So that two threads have half of the rows each, in every product of a network: what one core has written comes slowly to another.
    static int Even(int count) => (count + 1) & ~1;

    // As many for each thread: of 15 equal tasks one of two threads does 8.
    static bool WantsMoreTasks(long tasks, int least) => tasks < least || (tasks < 2 * least && tasks % CpuThreads.Count != 0);

    readonly bool SameOffsets(int batch)
    {
        for (int i = 1; i < batch; i++)
            if (offsetB[i] != offsetB[0]) return false;
        return true;
    }

    readonly void Scale(int batch)
    {
        for (int item = 0; item < batch; item++)
        {
            float* c = C.P + (offsetC == null ? 0 : offsetC[item]);
            for (nint i = 0; i < M; i++)
                for (nint j = 0; j < N; j++)
                {
                    float* p = c + (i * C.Row) + (j * C.Col);
                    *p = Beta == 0 ? 0 : *p * Beta;
                }
        }
    }

    /// <summary>Some panels over a stretch of the inner dimension: B is read along whole pages, whatever the distance of its rows.</summary>
    struct Pack : ICpuTask
    {
        public GemmJob Job;

        public readonly void Run(int task)
        {
            int nr = GemmKernel.Panel, stretches = (Job.K + PackRows - 1) / PackRows, rest = task / stretches;
            int k0 = task % stretches * PackRows, part = rest % Job.packParts, item = rest / Job.packParts, length = Math.Min(PackRows, Job.K - k0), columns = Math.Min(PackPanels * nr, Job.N - (part * PackPanels * nr));
            var b = new Matrix(Job.B.At(k0, (nint)part * PackPanels * nr) + (Job.offsetB == null ? 0 : Job.offsetB[Job.first + item]), Job.B.Row, Job.B.Col);
            float* to = Job.packed + ((((long)item * Job.panels) + (part * PackPanels)) * Job.K * nr) + ((nint)k0 * nr);
            PackB(b, length, columns, Job.Alpha, to, (nint)Job.K * nr);
        }
    }

    struct Block : ICpuTask
    {
        public GemmJob Job;

        public readonly void Run(int task)
        {
            // A thread begins with the columns that it has packed, or keeps to its rows.
            int row = Job.rowsFirst ? task / Job.columnBlocks : task % Job.rowBlocks, rest = Job.rowsFirst ? task % Job.columnBlocks : task / Job.rowBlocks;
            int column = rest % Job.columnBlocks, item = rest / Job.columnBlocks / Job.splits, split = rest / Job.columnBlocks % Job.splits;
            int i0 = Job.RowOf(row), i1 = Job.RowOf(row + 1), j0 = Job.ColumnOf(column), j1 = Job.ColumnOf(column + 1);
            Job.RunBlock(item, split, i0, i1 - i0, j0, j1 - j0);
        }
    }

    // Where tiles are few, blocks of nearly equal height, lest one thread has a tile more than another; else whole tiles.
    readonly int RowOf(int block) => tiles < ManyTiles ? (int)((long)M * block / rowBlocks) : Math.Min(M, (int)((long)tiles * block / rowBlocks) * GemmKernel.MaxRows);

    readonly int ColumnOf(int block) => Math.Min(N, panels * block / columnBlocks * GemmKernel.Panel);

    readonly void RunBlock(int item, int split, int i0, int rows, int j0, int columns)
    {
        int nr = GemmKernel.Panel;
        int k0 = (int)((long)K * split / splits), k1 = (int)((long)K * (split + 1) / splits);
        var a = new Matrix(A.P + (offsetA == null ? 0 : offsetA[first + item]), A.Row, A.Col);
        var c = splits > 1
            ? new Matrix(partial + ((long)split * M * N), N, 1)
            : new Matrix(C.P + (offsetC == null ? 0 : offsetC[first + item]), C.Row, C.Col);
        Tap tap = default;
        var tile = new TileJob { Taps = &tap, TapCount = 1 };
        for (int k = k0; k < k1; k += KChunk)
        {
            tile.K = Math.Min(KChunk, k1 - k);
            tile.Most = 0;
            bool begins = k == k0 && splits == 1, ends = k + tile.K == k1 && splits == 1;
            tile.Accumulate = k > k0 || (begins && (accumulate || Residual != 0));
            tile.Start = begins ? Residual : 0;
            tile.Relu = ends && Relu;
            float* block = PrepareA(new Matrix(a.At(i0, k), a.Row, a.Col), rows, columns, ref tile);
            float* b = PrepareB(item, k, tile.K, j0, columns, out tile.BStep, out nint step);
            // Where there is more to write than to multiply, B passes by each tile of A, so that C is written along its rows; else all tiles pass by a panel of B.
            int count = columns > 2 * nr && K <= FewProducts ? (rows + GemmKernel.MaxRows - 1) / GemmKernel.MaxRows : 1;
            for (int t = 0; t < count; t++)
            {
                int top = rows * t / count, height = (rows * (t + 1) / count) - top, i = i0 + top;
                float* panel = b;
                for (int j = 0; j < columns; j += nr, panel += step)
                {
                    tile.Bias = begins && Bias.P != null ? new Matrix(Bias.At(i, j0 + j), Bias.Row, Bias.Col) : default;
                    tile.Next = j + nr < columns || k + KChunk >= k1 || count > 1 ? panel + step : b + (KChunk * tile.BStep); // the next panel, or the first one's next chunk
                    Tiles(tile, block + (top * tile.RowStep), panel, new Matrix(c.At(i, j0 + j), c.Row, c.Col), height, Math.Min(nr, columns - j));
                }
            }
        }
    }

    /// <summary>Where row k of B's panels begins for columns j0 on, with the step from row to row and from panel to panel.</summary>
    readonly float* PrepareB(int item, int k, int length, int j0, int columns, out nint row, out nint panel)
    {
        int nr = GemmKernel.Panel;
        if (inPlaceB)
        {
            (row, panel) = (B.Row, nr);
            return B.At(k, j0) + (offsetB == null ? 0 : offsetB[first + item]);
        }
        row = nr;
        panel = (nint)(splits > 1 ? length : K) * nr;
        if (splits == 1) return packed + ((sharedB ? 0 : (long)item * panels) * K * nr) + (j0 / nr * panel) + ((nint)k * nr);
        float* to = Scratch.Floats(Scratch.Purpose.BlockB, (long)KChunk * (columns + nr));
        PackB(new Matrix(B.At(k, j0), B.Row, B.Col), length, columns, Alpha, to, panel);
        return to;
    }

    // Rows of B go out to all panels at once, so that B is read along its rows.
    static void PackB(Matrix b, int length, int columns, float alpha, float* to, nint panel)
    {
        int nr = GemmKernel.Panel, whole = b.Col == 1 && alpha == 1 ? columns / nr * nr : 0;
        if (whole > 0)
            for (nint k = 0; k < length; k++)
            {
                float* from = b.At(k, 0), put = to + (k * nr);
                for (int j = 0; j < whole; j += nr, put += panel) Panels.Copy(from + j, put, nr);
            }
        for (int j = whole; j < columns; j += nr) Panels.Pack(b.At(0, j), b.Row, b.Col, length, Math.Min(nr, columns - j), alpha, to + (j / nr * panel));
    }

    // Rows at such a distance meet in one set of the first-level cache; a tile of a few less leaves room in it.
    static bool IsAliased(Matrix a, int rows) => a.Col == 1 && rows > 4 && (a.Row & 511) == 0;

    // A is read in place where its rows lie along K, or close together across it; else it is copied along its contiguous direction.
    static float* PrepareA(Matrix a, int rows, int columns, ref TileJob tile)
    {
        int k = tile.K;
        (tile.RowStep, tile.AStep) = (a.Row, a.Col);
        if (IsAliased(a, rows)) tile.Most = Math.Min(AliasedRows, GemmKernel.MaxRows);
        if (a.Col == 1 || (a.Row == 1 && a.Col <= 256) || (a.Row != 1 && columns <= GemmKernel.Panel)) return a.P;
        float* copy = Scratch.Floats(Scratch.Purpose.BlockA, rows * (KChunk + 16L));
        if (a.Row == 1)
        {
            (tile.RowStep, tile.AStep) = (1, rows);
            for (int j = 0; j < k; j++) Panels.Copy(a.At(0, j), copy + ((nint)j * rows), rows);
            return copy;
        }
        (tile.RowStep, tile.AStep) = (KChunk + 16, 1);
        for (int i = 0; i < rows; i++)
        {
            float* to = copy + (i * tile.RowStep), from = a.At(i, 0);
            for (int j = 0; j < k; j++) to[j] = from[j * a.Col];
        }
        return copy;
    }

    /// <summary>All tiles of one panel, as high as can be: only the last two share what is left, so that 16 rows are 8 + 8 and not 14 + 2. The first ask for the next panel.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tiles(in TileJob panel, float* a, float* b, Matrix c, int rows, int columns)
    {
        int most = panel.Most > 0 ? panel.Most : GemmKernel.MaxRows, count = (rows + most - 1) / most, nr = GemmKernel.Panel;
        bool whole = c.Col == 1 && columns % GemmKernel.Lanes == 0 && (panel.Bias.P == null || panel.Bias is { Row: 0, Col: 1 });
        float* edge = stackalloc float[14 * 32], next = panel.Next == null ? b : panel.Next;
        int asking = Math.Max(1, nr / 16); // each step of a tile asks for 16 numbers
        var tile = panel;
        for (int t = 0, i = 0; t < count; t++)
        {
            int height = t < count - 2 ? most : (rows - i) / (count - t);
            float* from = a + (i * tile.RowStep);
            tile.Next = t < asking ? next + (t * (nint)tile.TapCount * tile.K * 16) : b;
            if (whole) GemmKernel.Tile(height, columns, tile, from, b, c.At(i, 0), c.Row);
            else
            {
                var at = new Matrix(c.At(i, 0), c.Row, c.Col);
                var started = tile with { Accumulate = tile.Accumulate || tile.Bias.P != null, Start = 0, Bias = default };
                if (started.Accumulate) Start(tile, i, at, edge, height, columns);
                GemmKernel.Tile(height, columns, started, from, b, edge, nr);
                Panels.Move(new Matrix(edge, nr, 1), at, height, columns);
            }
            i += height;
        }
    }

    /// <summary>
    /// Products of one shape one behind the other: those of <paramref name="count"/> left operands with as many panels, each <paramref name="stepA"/>,
    /// <paramref name="stepB"/> and <paramref name="stepC"/> floats behind the one before. C has whole panels as rows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Series(TileJob tile, int count, float* a, nint stepA, float* b, nint stepB, float* c, nint stepC, int rows)
    {
        int tiles = (rows + GemmKernel.MaxRows - 1) / GemmKernel.MaxRows, nr = GemmKernel.Panel;
        if (tiles == 1) tile.Far = (nint)tile.TapCount * tile.K * 16;
        for (int k = 0; k < count; k++, a += stepA, b += stepB, c += stepC)
            for (int t = 0, i = 0; t < tiles; t++)
            {
                int end = rows * (t + 1) / tiles;
                tile.Next = b + stepB + (t == 1 ? (nint)tile.TapCount * tile.K * 16 : 0);
                GemmKernel.Tile(end - i, nr, tile, a + (i * tile.RowStep), b, c + (i * nr), nr);
                i = end;
            }
    }

    // What a tile whose columns are no whole vectors starts from, in a place that has room for them.
    static void Start(in TileJob tile, int i0, Matrix c, float* edge, int rows, int columns)
    {
        int nr = GemmKernel.Panel;
        if (tile.Accumulate) Panels.Move(new Matrix(c.P + tile.Start, c.Row, c.Col), new Matrix(edge, nr, 1), rows, columns);
        else new Span<float>(edge, rows * nr).Clear();
        if (tile.Bias.P == null) return;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) edge[(i * nr) + j] += *tile.Bias.At(i0 + i, j);
    }

    readonly void AddSplits()
    {
        bool plain = C.Col == 1 && C.Row == N && !accumulate && Residual == 0 && Bias.P == null && !Relu;
        AddPartials.Run(partial, plain ? C.P : partial, (long)M * N, splits);
        if (plain) return;
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
            {
                float* c = C.At(i, j);
                float sum = partial[((long)i * N) + j];
                if (accumulate || Residual != 0) sum += c[Residual];
                if (Bias.P != null) sum += *Bias.At(i, j);
                *c = Relu && sum < 0 ? 0 : sum;
            }
    }
}
