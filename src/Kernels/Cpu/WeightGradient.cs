namespace Tessera.Cpu;

/// <summary>
/// <c>gw[k, r, s, c] = Σ_n,i,j gy[n, i, j, k] · x[n, i·stride + r·dilation - top, j·stride + s·dilation - left, c]</c>: a matrix product whose inner
/// dimension are the pixels. The images are cut into strips; a task takes a range of strips and of output channels, and the partial
/// sums of the ranges are added in a fixed order.
/// </summary>
internal unsafe struct WeightGradient : ICpuTask
{
    const int PatchFloats = 1 << 16, Tasks = 12, MostSplits = 12;
    const long PartialFloats = 8 << 20;

    readonly Image gy, x;
    readonly Window2d window;
    readonly float* gw;
    readonly int N, Kg, Cg, groups, outH, outW;

    Patch patch;
    int stepY, stepX, stretch, stretches, rowBlock, rowBlocks, rowsPerBlock, strips, splits;
    bool single;
    float* partial;

    public WeightGradient(View gy, View x, View gw, Window2d window)
    {
        (this.gy, this.x, this.window) = (new Image(gy, "Conv2dBackwardWeight"), new Image(x, "Conv2dBackwardWeight"), window);
        this.gw = gw.Float("Conv2dBackwardWeight");
        (N, groups, Kg, Cg, outH, outW) = (x.Shape[0], window.Groups, gw.Shape[0] / window.Groups, gw.Shape[1], gy.Shape[2], gy.Shape[3]);
    }

    readonly long Size => (long)groups * Kg * window.R * window.S * Cg;

    public void Run()
    {
        if (Size == 0) return;
        if ((long)N * outH * outW == 0)
        {
            for (long i = 0; i < Size; i++) gw[i] = 0;
            return;
        }
        Plan();
        partial = splits == 1 ? gw : Scratch.Floats(Scratch.Purpose.Partial, splits * Size);
        CpuThreads.For(groups * rowBlocks * splits, this);
        if (splits > 1) AddPartials.Run(partial, gw, Size, splits);
    }

    void Plan()
    {
        // A single tap reads every pixel once, so the patch holds just those.
        single = window.R * window.S == 1;
        (stepY, stepX) = single ? (1, 1) : (window.StrideH, window.StrideW);
        patch = single
            ? new Patch(1, outW, Cg, window.StrideH, window.StrideW, 1)
            : new Patch(1, ((outW - 1) * stepX) + (window.DilationW * (window.S - 1)) + 1, Cg, 1, 1, stepX);
        stretch = patch.Pixel == Cg && window.DilationW == 1 ? window.S : 1;
        stretches = window.R * window.S / stretch;
        rowsPerBlock = (int)Math.Clamp(PatchFloats / (patch.Row * stepY), 1, outH);
        strips = N * ((outH + rowsPerBlock - 1) / rowsPerBlock);
        int mostRows = Math.Max(28, 256 / (window.R * window.S)); // few taps must repay the copy of a patch by more channels
        rowBlock = Kg <= 40 ? Kg : (Kg + ((Kg + mostRows - 1) / mostRows) - 1) / ((Kg + mostRows - 1) / mostRows);
        rowBlocks = (Kg + rowBlock - 1) / rowBlock;
        splits = (int)Math.Clamp(Math.Min((Tasks + (rowBlocks * groups) - 1) / (rowBlocks * groups), PartialFloats / Size), 1, Math.Min(strips, MostSplits));
    }

    readonly int PatchRows(int height) => ((height - 1) * stepY) + (window.DilationH * (window.R - 1)) + 1;

    public readonly void Run(int task)
    {
        int split = task % splits, rest = task / splits, k0 = rest % rowBlocks * rowBlock, group = rest / rowBlocks;
        int first = (int)((long)strips * split / splits), end = (int)((long)strips * (split + 1) / splits);
        int blocks = (outH + rowsPerBlock - 1) / rowsPerBlock;
        float* to = partial + (split * Size) + (((long)group * Kg) + k0) * window.R * window.S * Cg;
        long most = PatchRows(rowsPerBlock) * patch.Row;
        int many = (int)Math.Clamp(PatchFloats / most, 1, end - first);
        float* copies = Scratch.Floats(Scratch.Purpose.BlockB, (most * many) + GemmKernel.Panel);
        Tap* rows = (Tap*)Scratch.Floats(Scratch.Purpose.Taps, 4L * rowsPerBlock * many);
        float* gy0 = gy.At(0, 0, 0) + ((nint)group * Kg) + k0;
        for (int strip = first; strip < end; strip += many)
        {
            int count = 0;
            for (int u = 0; u < Math.Min(many, end - strip); u++)
            {
                int n = (strip + u) / blocks, i0 = (strip + u) % blocks * rowsPerBlock, height = Math.Min(rowsPerBlock, outH - i0);
                var p = patch.WithRows(PatchRows(height));
                p.Fill(x, n, (i0 * window.StrideH) - window.Top, -window.Left, group * Cg, copies + (u * most));
                for (int i = 0; i < height; i++)
                    rows[count++] = new Tap((nint)(gy.At(n, i0 + i, 0) - gy.At(0, 0, 0)), (nint)(u * most) + (i * stepY * patch.Row));
            }
            Products(gy0, copies, rows, count, Math.Min(rowBlock, Kg - k0), to, strip > first);
        }
    }

    // Rows of the product are output channels, its columns the channels under a stretch of taps, its inner dimension the pixels of some image rows.
    readonly void Products(float* a, float* b, Tap* rows, int count, int height, float* to, bool accumulate)
    {
        int nr = GemmKernel.Panel, width = stretch * Cg;
        nint ld = (nint)window.R * window.S * Cg;
        var tile = new TileJob
        {
            RowStep = 1,
            AStep = gy.C,
            BStep = (nint)stepX * patch.Pixel,
            Taps = rows,
            TapCount = count,
            K = outW,
            Accumulate = accumulate,
        };
        for (int t = 0; t < stretches; t++)
        {
            int tap = t * stretch, r = tap / window.S, s = tap % window.S;
            float* from = b + (r * window.DilationH * patch.Row) + ((nint)s * window.DilationW * patch.Pixel);
            for (int j = 0; j < width; j += nr)
                GemmJob.Tiles(tile, a, from + j, new Matrix(to + ((nint)tap * Cg) + j, ld, 1), height, Math.Min(nr, width - j));
        }
    }
}
