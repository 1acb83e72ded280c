namespace Tessera.Cpu;

/// <summary>A tap of a convolution kernel: which pixel it reads, and which of the R·S weights it takes.</summary>
internal readonly record struct KernelTap(int Dy, int Dx, int Weight);

/// <summary>
/// <c>Out[n, i, j, k] = Σ_taps Σ_c Source[n, i·StepY + dy, j·StepX + dx, c] · w[tap, c, k]</c>: the forward convolution, and (one call a phase
/// of the stride) the gradient of its input. An implicit matrix product: rows are pixels, read from a padded <see cref="Patch"/>.
/// </summary>
internal unsafe struct Correlation
{
    const int PatchFloats = 1 << 15, WholeFloats = 1 << 17, WeightFloats = 48 << 10, Tasks = 12;

    /// <summary>Source image with all its channels; <c>Inner</c> of them belong to a group.</summary>
    public Image Source;

    /// <summary>Channels of a group in the source and in the result.</summary>
    public int Inner, Outer;

    /// <summary>Number of images and groups; grid of results and its steps over the source.</summary>
    public int N, Groups, OutH, OutW, StepY, StepX;

    /// <summary>Result (n, i, j) begins at <c>Out + n·OutN + i·OutRow + j·OutCol</c>.</summary>
    public float* Out;

    public nint OutN, OutRow, OutCol;

    /// <summary>Weight (tap, inner channel, outer channel) of group 0 is at <c>W + tap·WTap + inner·WInner + outer·WOuter</c>.</summary>
    public float* W;

    public nint WGroup, WTap, WInner, WOuter;

    /// <summary>Where the weights live: it keeps them packed while they do not change. Null for the phases of a stride, each of which takes other taps.</summary>
    public Storage? Weights;

    /// <summary>What becomes of the result.</summary>
    public TileEpilogue Epilogue;

    /// <summary>Whether the results' statistics are wanted; the results of an image must be adjacent.</summary>
    public bool WantsMoments;

    public KernelTap* Taps;
    public int TapCount;

    /// <summary>Those statistics, after <see cref="Run()"/>.</summary>
    public ChannelMoments Moments;

    Patch patch;
    Tap* offsets;
    float* packed;
    int minY, minX, lastY, tapLength, stretches, rowBlock, rowBlocks, panels, panelBlock, panelBlocks;
    long patches; // number of the first image's patch, where a thread keeps them for several tasks
    bool single;

    public void Run()
    {
        if ((long)N * OutH * OutW * Outer * Groups == 0) return;
        panels = (Outer + GemmKernel.Panel - 1) / GemmKernel.Panel;
        single = TapCount == 1;
        PlanPatch();
        PlanBlocks();
        long size = (long)Groups * panels * PanelSize;
        using var form = Weights?.Forms.Use(new FormKey("packed", (nint)W, TapCount, Inner, Outer, WTap, WInner, WOuter, GemmKernel.Panel), (size + 16) * sizeof(float)) ?? default;
        packed = form.Pointer != 0 ? (float*)form.Pointer : Scratch.Floats(Scratch.Purpose.Weights, size);
        if (!form.IsFilled) CpuThreads.For(Groups * panels, new Pack { Job = this });
        form.Filled();
        Tap* list = stackalloc Tap[Math.Max(1, stretches)];
        for (int t = 0; t < stretches; t++)
        {
            var tap = Taps[t * tapLength];
            nint at = single ? 0 : ((tap.Dy - minY) * patch.Row) + ((nint)(tap.Dx - minX) * patch.Pixel);
            list[t] = new Tap(at, (nint)t * tapLength * Inner * GemmKernel.Panel);
        }
        offsets = list;
        if (WantsMoments) Moments = new ChannelMoments(Groups * Outer, N * rowBlocks);
        if (rowBlocks == 1 && panelBlocks > 1) patches = Scratch.NewContents(N * (long)Groups);
        CpuThreads.For(N * Groups * rowBlocks * panelBlocks, new Block { Job = this });
    }

    /// <summary>The patch below so many rows of results.</summary>
    readonly Patch PatchOf(int rows) => patch.WithRows(single ? rows : ((rows - 1) * StepY) + lastY - minY + 1);

    readonly long PanelSize => (long)TapCount * Inner * GemmKernel.Panel;

    // A single tap reads every pixel once, so the patch holds just those; else it spans all taps of a row of results.
    void PlanPatch()
    {
        (minY, minX, lastY) = (int.MaxValue, int.MaxValue, int.MinValue);
        int maxX = int.MinValue;
        for (int t = 0; t < TapCount; t++)
        {
            minY = Math.Min(minY, Taps[t].Dy);
            lastY = Math.Max(lastY, Taps[t].Dy);
            minX = Math.Min(minX, Taps[t].Dx);
            maxX = Math.Max(maxX, Taps[t].Dx);
        }
        patch = TapCount == 0 ? default
            : single ? new Patch(1, OutW, Inner, StepY, StepX, 1)
            : new Patch(1, ((OutW - 1) * StepX) + maxX - minX + 1, Inner, 1, 1, StepX);
        tapLength = patch.Pixel == Inner ? NeighbouringTaps() : 1;
        stretches = TapCount / tapLength;
    }

    // Taps side by side in one row of the kernel are one stretch of memory.
    readonly int NeighbouringTaps()
    {
        int length = 1;
        while (length < TapCount && Taps[length].Dy == Taps[0].Dy && Taps[length].Dx == Taps[0].Dx + length) length++;
        for (int t = 0; t < TapCount; t++)
            if (TapCount % length != 0 || Taps[t].Dy != Taps[t / length * length].Dy || Taps[t].Dx != Taps[t / length * length].Dx + (t % length)) return 1;
        return length;
    }

    // A small image with many weights is taken whole, so that the weights are read once.
    void PlanBlocks()
    {
        long rowFloats = Math.Max(1, patch.Row * (single ? 1 : StepY)), image = rowFloats * OutH;
        bool whole = image <= WholeFloats && (long)TapCount * Inner * Outer >= 4 * image;
        rowBlock = whole ? OutH : (int)Math.Clamp(PatchFloats / rowFloats, 1, OutH);
        panelBlock = panels;
        Count();
        while ((long)N * Groups * rowBlocks * panelBlocks < Tasks && ((!whole && rowBlock > 4) || panelBlock > 1))
        {
            if (!whole && rowBlock > 4) rowBlock = (rowBlock + 1) / 2;
            else panelBlock = (panelBlock + 1) / 2;
            Count();
        }
        // An even number of tasks, so that two threads have half of the rows each.
        while (!whole && rowBlock > 2 && (long)N * Groups * rowBlocks * panelBlocks % 2 != 0)
        {
            rowBlock--;
            Count();
        }
    }

    void Count()
    {
        rowBlocks = (OutH + rowBlock - 1) / rowBlock;
        rowBlock = (OutH + rowBlocks - 1) / rowBlocks;
        rowBlocks = (OutH + rowBlock - 1) / rowBlock;
        panelBlocks = (panels + panelBlock - 1) / panelBlock;
    }

    struct Pack : ICpuTask
    {
        public Correlation Job;

        public readonly void Run(int task)
        {
            int nr = GemmKernel.Panel, group = task / Job.panels, k = task % Job.panels * nr;
            float* to = Job.packed + (task * Job.PanelSize);
            for (int t = 0; t < Job.TapCount; t++, to += (nint)Job.Inner * nr)
            {
                float* from = Job.W + (group * Job.WGroup) + (Job.Taps[t].Weight * Job.WTap) + (k * Job.WOuter);
                Panels.Pack(from, Job.WInner, Job.WOuter, Job.Inner, Math.Min(nr, Job.Outer - k), 1, to);
            }
        }
    }

    struct Block : ICpuTask
    {
        public Correlation Job;

        public readonly void Run(int task)
        {
            int panel = task % Job.panelBlocks * Job.panelBlock, rest = task / Job.panelBlocks;
            int row = rest % Job.rowBlocks * Job.rowBlock, group = rest / Job.rowBlocks % Job.Groups, n = rest / Job.rowBlocks / Job.Groups;
            Job.RunBlock(n, group, row, Math.Min(row + Job.rowBlock, Job.OutH), panel, Math.Min(panel + Job.panelBlock, Job.panels));
        }
    }

    readonly void RunBlock(int n, int group, int i0, int i1, int panel0, int panel1)
    {
        int rows = i1 - i0, nr = GemmKernel.Panel;
        float* block = Out + (n * OutN) + (i0 * OutRow) + ((nint)group * Outer);
        if (TapCount == 0)
        {
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < OutW; j++) new Span<float>(block + (i * OutRow) + (j * OutCol), Outer).Clear();
            return;
        }
        var p = PatchOf(rows);
        float* a = Scratch.Floats(Scratch.Purpose.BlockA, p.Size);
        if (patches == 0 || Scratch.IsNew(Scratch.Purpose.BlockA, patches + (n * Groups) + group)) p.Fill(Source, n, (i0 * StepY) + minY, minX, group * Inner, a);

        nint rowA = single ? p.Row : StepY * p.Row;
        int width = OutW;
        if (single && OutRow == OutW * OutCol) (width, rows) = (width * rows, 1);
        var tile = new TileJob { RowStep = single ? p.Pixel : (nint)StepX * p.Pixel, AStep = 1, BStep = nr, K = tapLength * Inner };
        int chunk = Math.Clamp(WeightFloats / Math.Max(1, tile.K * nr), 1, stretches);
        for (int panel = panel0; panel < panel1; panel++)
        {
            float* b = packed + ((((long)group * panels) + panel) * PanelSize);
            int columns = Math.Min(nr, Outer - (panel * nr)), k = (group * Outer) + (panel * nr);
            var bias = Epilogue.Bias == null ? default : new Matrix(Epilogue.Bias + (k * Epilogue.BiasStep), 0, Epilogue.BiasStep);
            for (int t = 0; t < stretches; t += chunk)
            {
                tile.Taps = offsets + t;
                tile.TapCount = Math.Min(chunk, stretches - t);
                tile.Accumulate = t > 0 || Epilogue.Residual != 0;
                tile.Start = t > 0 ? 0 : Epilogue.Residual;
                tile.Bias = t > 0 ? default : bias;
                tile.Relu = Epilogue.Relu && t + chunk >= stretches;
                float* next = t + chunk < stretches ? b + offsets[t + chunk].B : b + PanelSize; // half of it is asked for along a row of results
                for (int i = 0; i < rows; i++)
                {
                    tile.Next = next + ((i & 1) * (nint)tile.TapCount * tile.K * nr / 2);
                    GemmJob.Tiles(tile, a + (i * rowA), b, new Matrix(block + (i * OutRow) + ((nint)panel * nr), OutCol, 1), width, columns);
                }
            }
            if (Moments.Wanted) Moments.Set((n * rowBlocks) + (i0 / rowBlock), block + ((nint)panel * nr), OutCol, (i1 - i0) * OutW, k, columns);
        }
    }
}
