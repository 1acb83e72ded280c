using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>A matrix in memory: element (i, j) is at <c>P + i·Row + j·Col</c>. A transpose is an exchange of the steps.</summary>
internal readonly unsafe struct Matrix(float* p, nint row, nint col)
{
    public readonly float* P = p;
    public readonly nint Row = row, Col = col;

    public Matrix T => new(P, Col, Row);

    public float* At(nint i, nint j) => P + (i * Row) + (j * Col);
}

internal sealed unsafe partial class CpuBackend
{
    public override void Gemm(View a, View b, View y, float alpha = 1, float beta = 0) => Gemm(a, b, y, alpha, beta, default);

    public override void Gemm(View a, View b, View y, in Epilogue epilogue)
    {
        if (y.Count == 0 || a.Shape[-1] == 0 || epilogue.Residual is { } r && !r.Layout.SameStrides(y.Layout)) base.Gemm(a, b, y, epilogue);
        else
        {
            Gemm(a, b, y, 1, 0, new TileEpilogue(epilogue, y.Float()));
            if (epilogue.Moments is { } moments) Moments(y, moments, y.Shape.Rank - 1);
        }
    }

    static void Gemm(View a, View b, View y, float alpha, float beta, TileEpilogue epilogue)
    {
        int rank = y.Shape.Rank, M = y.Shape[-2], N = y.Shape[-1], K = alpha == 0 ? 0 : a.Shape[-1];
        if (y.Count == 0) return;
        long batch = y.Count / ((long)M * N);
        Matrix A = MatrixOf(a), B = MatrixOf(b), C = MatrixOf(y);
        var job = new GemmJob { M = M, N = N, K = K, A = A, B = B, C = C, Alpha = alpha, Beta = beta, Residual = epilogue.Residual, Bias = new Matrix(epilogue.Bias, 0, epilogue.BiasStep), Relu = epilogue.Relu };
        if (batch == 1)
        {
            job.Run(1, null, null, null);
            return;
        }
        var offsets = new nint[3 * batch];
        for (long i = 0; i < batch; i++)
        {
            long rest = i;
            for (int d = rank - 3; d >= 0; d--)
            {
                long at = rest % y.Shape[d];
                rest /= y.Shape[d];
                offsets[i] += (nint)(at * a.Layout.Strides[d]);
                offsets[batch + i] += (nint)(at * b.Layout.Strides[d]);
                offsets[(2 * batch) + i] += (nint)(at * y.Layout.Strides[d]);
            }
        }
        fixed (nint* p = offsets) job.Run(checked((int)batch), p, p + batch, p + (2 * batch));
    }

    static Matrix MatrixOf(View x) => new(x.Float("Gemm"), (nint)x.Layout.Strides[^2], (nint)x.Layout.Strides[^1]);
}

/// <summary>
/// C ← alpha · A · B + beta · C, or relu(A · B + bias + residual), for a batch of matrices. B is packed into panels of <see cref="GemmKernel.Panel"/> columns; C is cut into blocks,
/// which are the tasks; a block walks the inner dimension in chunks that keep its part of A in the second-level cache. Where C is small and the
/// inner dimension long, the inner dimension is cut as well, each task packs its own part of B, and the partial sums are added in a fixed order. Nothing depends on the number of threads.
/// </summary>
internal unsafe struct GemmJob
{
    const int KChunk = 256, MostRows = 168, MostColumns = 512, Tasks = 12;
    const long SerialWork = 32 * 32 * 32, PackedFloats = 1L << 24;

    public int M, N, K;
    public Matrix A, B, C;
    public float Alpha, Beta;

    /// <summary>Bias (i, j) of C, none where null; floats from C to the residual, 0 for none; negative results become zero.</summary>
    public Matrix Bias;

    public nint Residual;
    public bool Relu;

    int rowBlock, columnBlock, rowBlocks, columnBlocks, splits, panels, first;
    bool accumulate, sharedB;
    nint* offsetA, offsetB, offsetC;
    float* packed, partial;

    /// <summary>Runs the product for every item of the batch; the offsets are null for a single matrix.</summary>
    public void Run(int batch, nint* a, nint* b, nint* c)
    {
        offsetA = a;
        offsetB = b;
        offsetC = c;
        if (PrefersTransposed())
        {
            (A, B, C, Bias) = (B.T, A.T, C.T, Bias.T);
            (M, N) = (N, M);
            offsetA = b;
            offsetB = a;
        }
        if (Beta is not 0 and not 1 || K == 0) Scale(batch);
        if (K == 0) return;
        accumulate = Beta != 0;
        Plan(batch);
        int group = sharedB ? batch : (int)Math.Clamp(PackedFloats / Math.Max(1, PackedSize), 1, batch);
        if (splits == 1) packed = Scratch.Floats(Scratch.Purpose.PackedB, PackedSize * (sharedB ? 1 : group));
        else partial = Scratch.Floats(Scratch.Purpose.Partial, (long)splits * M * N);
        bool serial = (long)M * N * K * batch <= SerialWork;
        for (first = 0; first < batch; first += group)
        {
            int items = Math.Min(group, batch - first);
            if (splits == 1 && (first == 0 || !sharedB)) Spread(serial, (sharedB ? 1 : items) * panels, new Pack { Job = this });
            Spread(serial, items * splits * rowBlocks * columnBlocks, new Block { Job = this });
            if (splits > 1) Spread(serial, M, new AddPartials { Job = this });
        }
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

    // The cuts depend on the shape only.
    void Plan(int batch)
    {
        int mr = GemmKernel.MaxRows, nr = GemmKernel.Panel;
        panels = (N + nr - 1) / nr;
        sharedB = offsetB == null || SameOffsets(batch);
        rowBlock = Math.Min(MostRows / mr * mr, RoundUp(M, mr));
        columnBlock = Math.Min(MostColumns, panels * nr);
        splits = 1;
        Count();
        if (batch == 1 && K >= 2048 && K / 4 >= Math.Max(M, N) && rowBlocks * columnBlocks < Tasks)
            splits = Math.Clamp(Tasks / (rowBlocks * columnBlocks), 1, K / 512);
        while (rowBlocks * columnBlocks * splits * (long)batch < Tasks && (rowBlock > mr || columnBlock > nr))
        {
            if (columnBlock > nr && (columnBlock >= 2 * rowBlock || rowBlock <= mr)) columnBlock = RoundUp(columnBlock / 2, nr);
            else rowBlock = RoundUp(rowBlock / 2, mr);
            Count();
        }
    }

    void Count()
    {
        rowBlocks = (M + rowBlock - 1) / rowBlock;
        columnBlocks = (N + columnBlock - 1) / columnBlock;
    }

    readonly bool SameOffsets(int batch)
    {
        for (int i = 1; i < batch; i++)
            if (offsetB[i] != offsetB[0]) return false;
        return true;
    }

    static int RoundUp(int x, int unit) => (x + unit - 1) / unit * unit;

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

    struct Pack : ICpuTask
    {
        public GemmJob Job;

        public readonly void Run(int task)
        {
            int nr = GemmKernel.Panel, item = Job.first + (task / Job.panels), j = task % Job.panels * nr;
            float* b = Job.B.At(0, j) + (Job.offsetB == null ? 0 : Job.offsetB[item]);
            Panels.Pack(b, Job.B.Row, Job.B.Col, Job.K, Math.Min(nr, Job.N - j), Job.Alpha, Job.packed + ((long)task * Job.K * nr));
        }
    }

    struct Block : ICpuTask
    {
        public GemmJob Job;

        public readonly void Run(int task)
        {
            int column = task % Job.columnBlocks, rest = task / Job.columnBlocks;
            int row = rest % Job.rowBlocks, item = rest / Job.rowBlocks / Job.splits, split = rest / Job.rowBlocks % Job.splits;
            Job.RunBlock(item, split, row * Job.rowBlock, column * Job.columnBlock);
        }
    }

    readonly void RunBlock(int item, int split, int i0, int j0)
    {
        int rows = Math.Min(rowBlock, M - i0), columns = Math.Min(columnBlock, N - j0), nr = GemmKernel.Panel;
        int k0 = (int)((long)K * split / splits), k1 = (int)((long)K * (split + 1) / splits);
        var a = new Matrix(A.P + (offsetA == null ? 0 : offsetA[first + item]), A.Row, A.Col);
        var c = splits > 1
            ? new Matrix(partial + ((long)split * M * N), N, 1)
            : new Matrix(C.P + (offsetC == null ? 0 : offsetC[first + item]), C.Row, C.Col);
        long panel0 = ((sharedB ? 0 : (long)item * panels) + (j0 / nr)) * K;
        Tap tap = default;
        var tile = new TileJob { Taps = &tap, TapCount = 1, BStep = nr };
        for (int k = k0; k < k1; k += KChunk)
        {
            tile.K = Math.Min(KChunk, k1 - k);
            bool begins = k == k0 && splits == 1, ends = k + tile.K == k1 && splits == 1;
            tile.Accumulate = k > k0 || (begins && (accumulate || Residual != 0));
            tile.Start = begins ? Residual : 0;
            tile.Relu = ends && Relu;
            float* block = PrepareA(new Matrix(a.At(i0, k), a.Row, a.Col), rows, columns, ref tile);
            float* own = splits > 1 ? PackChunk(k, tile.K, j0, columns) : null;
            for (int j = 0; j < columns; j += nr)
            {
                tile.Bias = begins && Bias.P != null ? new Matrix(Bias.At(i0, j0 + j), Bias.Row, Bias.Col) : default;
                Tiles(tile, block, own != null ? own + ((nint)j * tile.K) : packed + ((panel0 + ((long)(j / nr) * K) + k) * nr), new Matrix(c.At(i0, j0 + j), c.Row, c.Col), rows, Math.Min(nr, columns - j));
            }
        }
    }

    readonly float* PackChunk(int k, int length, int j0, int columns)
    {
        int nr = GemmKernel.Panel;
        float* to = Scratch.Floats(Scratch.Purpose.BlockB, (long)KChunk * columnBlock);
        for (int j = 0; j < columns; j += nr)
            Panels.Pack(B.At(k, j0 + j) + (offsetB == null ? 0 : offsetB[first]), B.Row, B.Col, length, Math.Min(nr, columns - j), Alpha, to + ((nint)j * length));
        return to;
    }

    // A is read in place where its rows lie along K, or close together across it, unless their distance maps them onto one another in the
    // first-level cache; else it is copied along its contiguous direction.
    static float* PrepareA(Matrix a, int rows, int columns, ref TileJob tile)
    {
        int k = tile.K;
        bool aliased = rows > 4 && (a.Row & 511) == 0;
        (tile.RowStep, tile.AStep) = (a.Row, a.Col);
        if ((a.Col == 1 && !aliased) || (a.Row == 1 && a.Col <= 256) || (a.Col != 1 && a.Row != 1 && columns <= GemmKernel.Panel)) return a.P;
        float* copy = Scratch.Floats(Scratch.Purpose.BlockA, (long)MostRows * (KChunk + 16));
        if (a.Row == 1 && a.Col != 1)
        {
            (tile.RowStep, tile.AStep) = (1, rows);
            for (int j = 0; j < k; j++) Panels.Copy(a.At(0, j), copy + ((nint)j * rows), rows);
            return copy;
        }
        (tile.RowStep, tile.AStep) = (KChunk + 16, 1);
        for (int i = 0; i < rows; i++)
        {
            float* to = copy + (i * tile.RowStep), from = a.At(i, 0);
            if (a.Col == 1) Panels.Copy(from, to, k);
            else
                for (int j = 0; j < k; j++) to[j] = from[j * a.Col];
        }
        return copy;
    }

    /// <summary>All tiles of one panel: rows are shared out evenly, so that 16 rows are 8 + 8 and not 14 + 2.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tiles(in TileJob tile, float* a, float* b, Matrix c, int rows, int columns)
    {
        int count = (rows + GemmKernel.MaxRows - 1) / GemmKernel.MaxRows, nr = GemmKernel.Panel;
        bool whole = c.Col == 1 && columns % GemmKernel.Lanes == 0 && (tile.Bias.P == null || tile.Bias is { Row: 0, Col: 1 });
        float* edge = stackalloc float[14 * 32];
        for (int t = 0, i = 0; t < count; t++)
        {
            int next = rows * (t + 1) / count, height = next - i;
            float* from = a + (i * tile.RowStep);
            if (whole) GemmKernel.Tile(height, columns, tile, from, b, c.At(i, 0), c.Row);
            else
            {
                var started = tile with { Accumulate = tile.Accumulate || tile.Bias.P != null, Start = 0, Bias = default };
                if (started.Accumulate) Start(tile, i, new Matrix(c.At(i, 0), c.Row, c.Col), edge, height, columns);
                GemmKernel.Tile(height, columns, started, from, b, edge, nr);
                Panels.Move(new Matrix(edge, nr, 1), new Matrix(c.At(i, 0), c.Row, c.Col), height, columns);
            }
            i = next;
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

    struct AddPartials : ICpuTask
    {
        public GemmJob Job;

        public readonly void Run(int task)
        {
            long size = (long)Job.M * Job.N;
            for (int j = 0; j < Job.N; j++)
            {
                float* p = Job.partial + ((long)task * Job.N) + j;
                float sum = *p;
                for (int s = 1; s < Job.splits; s++) sum += p[s * size];
                float* c = Job.C.At(task, j) + (Job.offsetC == null ? 0 : Job.offsetC[Job.first]);
                if (Job.accumulate || Job.Residual != 0) sum += c[Job.Residual];
                if (Job.Bias.P != null) sum += *Job.Bias.At(task, j);
                *c = Job.Relu && sum < 0 ? 0 : sum;
            }
        }
    }
}
