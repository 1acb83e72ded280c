using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>
/// A convolution with one channel a group: <c>y[n, i, j, c] = Σ_r,s x[n, i·stride + r·dilation - top, ..., c] · w[c, r, s]</c>, and the gradient of its input, which
/// gathers from gy where the stride divides. For each result pixel the taps that lie inside the source are listed, then all channels follow by whole
/// vectors. There are few products a number read, so memory sets the pace.
/// </summary>
internal unsafe struct Depthwise : ICpuTask
{
    const int PartFloats = 1 << 15;

    /// <summary>Source and result, with the same channels; images.</summary>
    public Image Source, Result;

    public int N;
    public Window2d Window;

    /// <summary>Kernels, C x R x S.</summary>
    public float* W;

    /// <summary>Gathers for the gradient of the input instead of the convolution.</summary>
    public bool Backward;

    /// <summary>What becomes of the result, and whether its statistics are wanted.</summary>
    public TileEpilogue Epilogue;

    public bool WantsMoments;

    /// <summary>Those statistics, after <see cref="Run()"/>.</summary>
    public ChannelMoments Moments;

    float* weights, bias;
    int rowBlock, rowBlocks;

    public void Run()
    {
        int C = Result.C, taps = Window.R * Window.S;
        weights = Scratch.Floats(Scratch.Purpose.Weights, (taps + 1L) * C);
        for (int t = 0; t < taps; t++)
            for (int c = 0; c < C; c++) weights[(t * (nint)C) + c] = W[(c * (nint)taps) + t];
        bias = weights + ((nint)taps * C);
        for (int c = 0; c < C; c++) bias[c] = Epilogue.Bias == null ? 0 : Epilogue.Bias[c * Epilogue.BiasStep];
        rowBlock = Math.Clamp(PartFloats / Math.Max(1, Result.W * C), 1, Math.Max(1, Result.H));
        rowBlocks = (Result.H + rowBlock - 1) / rowBlock;
        if (WantsMoments) Moments = new ChannelMoments(C, N * rowBlocks);
        CpuThreads.For(N * rowBlocks, this);
    }

    public readonly void Run(int task)
    {
        int n = task / rowBlocks, i0 = task % rowBlocks * rowBlock, i1 = Math.Min(Result.H, i0 + rowBlock);
        int taps = Window.R * Window.S;
        Tap* list = (Tap*)Scratch.Floats(Scratch.Purpose.Taps, 4L * taps);
        var pixel = new Pixel { Taps = list, Bias = bias, Source = (float*)Source.P, Weights = weights, Residual = Epilogue.Residual, Relu = Epilogue.Relu };
        Inner(out int inner0, out int inner1);
        nint step = (nint)(Backward ? 1 : Window.StrideW) * Source.C;
        for (int i = i0; i < i1; i++)
            for (int j = 0; j < Result.W; j++)
            {
                if (j > inner0 && j < inner1) pixel.Source += step;
                else
                {
                    pixel.Source = (float*)Source.P;
                    pixel.Count = List(n, i, j, list);
                }
                pixel.To = Result.At(n, i, j);
                Lanes.Run(0, Result.C, ref pixel);
            }
        if (Moments.Wanted) Moments.Set(task, Result.At(n, i0, 0), Result.C, (i1 - i0) * Result.W, 0, Result.C);
    }

    // Result columns with all their taps inside the source: from one to the next, the list moves on by a step.
    readonly void Inner(out int first, out int end)
    {
        int reach = (Window.S - 1) * Window.DilationW;
        if (!Backward)
        {
            first = (Window.Left + Window.StrideW - 1) / Window.StrideW;
            end = Source.W - 1 - reach + Window.Left < 0 ? 0 : ((Source.W - 1 - reach + Window.Left) / Window.StrideW) + 1;
        }
        else (first, end) = Window.StrideW == 1 ? (Math.Max(0, reach - Window.Left), Source.W - Window.Left) : (0, 0);
        end = Math.Min(end, Result.W);
    }

    // The source pixels under the taps of result pixel (i, j), with their weights.
    readonly int List(int n, int i, int j, Tap* list)
    {
        int count = 0;
        for (int r = 0; r < Window.R; r++)
        {
            if (!From(i, r * Window.DilationH, Window.Top, Window.StrideH, Source.H, out int y)) continue;
            nint row = ((n * (nint)Source.H) + y) * Source.W;
            for (int s = 0; s < Window.S; s++)
                if (From(j, s * Window.DilationW, Window.Left, Window.StrideW, Source.W, out int x))
                    list[count++] = new Tap((row + x) * Source.C, ((r * (nint)Window.S) + s) * Result.C);
        }
        return count;
    }

    // Forward y = i·stride + tap - padding; backward y·stride = i + padding - tap.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    readonly bool From(int i, int tap, int padding, int stride, int size, out int y)
    {
        y = Backward ? i + padding - tap : (i * stride) + tap - padding;
        if (!Backward || stride == 1) return (uint)y < (uint)size;
        int whole = y / stride;
        bool divides = whole * stride == y;
        y = whole;
        return divides && (uint)y < (uint)size;
    }

    struct Pixel : ILane
    {
        public Tap* Taps;
        public int Count;
        public float* Source, Weights, Bias, To;
        public nint Residual;
        public bool Relu;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V y = Lanes.Load<V>(Bias + c), y1 = V.Create(0), y2 = y1;
            float* x = Source + c, w = Weights + c;
            Tap* tap = Taps, end = tap + Count;
            for (; tap <= end - 3; tap += 3)
            {
                y = V.Fma(Lanes.Load<V>(x + tap->A), Lanes.Load<V>(w + tap->B), y);
                y1 = V.Fma(Lanes.Load<V>(x + tap[1].A), Lanes.Load<V>(w + tap[1].B), y1);
                y2 = V.Fma(Lanes.Load<V>(x + tap[2].A), Lanes.Load<V>(w + tap[2].B), y2);
            }
            for (; tap < end; tap++) y = V.Fma(Lanes.Load<V>(x + tap->A), Lanes.Load<V>(w + tap->B), y);
            y += y1 + y2;
            if (Residual != 0) y += Lanes.Load<V>(To + Residual + c);
            if (Relu) y = Lanes.Map<Ops.Relu, V>(y);
            Lanes.Store(To + c, y);
        }
    }
}

/// <summary>
/// The weight gradient of a convolution with one channel a group: <c>gw[c, r, s] = Σ_n,i,j gy[n, i, j, c] · x[n, i·stride + r·dilation - top, ..., c]</c>. A task takes a
/// fixed share of the rows; the shares' sums are added in a fixed order.
/// </summary>
internal unsafe struct DepthwiseWeights : ICpuTask
{
    const int Parts = 24;

    /// <summary>Gradient of the result, and the input.</summary>
    public Image Gy, X;

    public int N;
    public Window2d Window;

    /// <summary>Result, C x R x S.</summary>
    public float* Gw;

    float* partial;
    int parts;

    public void Run()
    {
        int C = Gy.C, taps = Window.R * Window.S;
        long size = (long)taps * C;
        parts = Math.Clamp(N * Gy.H, 1, Parts);
        partial = Scratch.Floats(Scratch.Purpose.Partial, parts * size);
        CpuThreads.For(parts, this);
        AddPartials.Run(partial, partial, size, parts);
        for (int t = 0; t < taps; t++)
            for (int c = 0; c < C; c++) Gw[(c * (nint)taps) + t] = partial[(t * (nint)C) + c];
    }

    public readonly void Run(int part)
    {
        nint size = (nint)Window.R * Window.S * Gy.C;
        float* sums = partial + (part * size);
        new Span<float>(sums, checked((int)size)).Clear();
        int rows = N * Gy.H, end = (int)((long)rows * (part + 1) / parts);
        for (int row = (int)((long)rows * part / parts); row < end; row++)
            for (int r = 0; r < Window.R; r++)
            {
                int n = row / Gy.H, i = row % Gy.H, y = (i * Window.StrideH) + (r * Window.DilationH) - Window.Top;
                if ((uint)y >= (uint)X.H) continue;
                for (int s = 0; s < Window.S; s++)
                {
                    int x0 = (s * Window.DilationW) - Window.Left; // x = j·stride + x0
                    int j0 = x0 < 0 ? (-x0 + Window.StrideW - 1) / Window.StrideW : 0, j1 = x0 >= X.W ? 0 : Math.Min(Gy.W, ((X.W - 1 - x0) / Window.StrideW) + 1);
                    if (j0 >= j1) continue;
                    var line = new Line
                    {
                        Count = j1 - j0,
                        Gy = Gy.At(n, i, j0),
                        X = X.At(n, y, (j0 * Window.StrideW) + x0),
                        GyStep = Gy.C,
                        XStep = (nint)Window.StrideW * X.C,
                        Sum = sums + (((r * (nint)Window.S) + s) * Gy.C),
                    };
                    Lanes.Run(0, Gy.C, ref line);
                }
            }
    }

    // Four partial sums: the additions do not wait for one another.
    struct Line : ILane
    {
        public int Count;
        public float* Gy, X, Sum;
        public nint GyStep, XStep;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
            float* g = Gy + c, x = X + c;
            int j = 0;
            for (; j <= Count - 4; j += 4, g += 4 * GyStep, x += 4 * XStep)
            {
                s0 = V.Fma(Lanes.Load<V>(g), Lanes.Load<V>(x), s0);
                s1 = V.Fma(Lanes.Load<V>(g + GyStep), Lanes.Load<V>(x + XStep), s1);
                s2 = V.Fma(Lanes.Load<V>(g + (2 * GyStep)), Lanes.Load<V>(x + (2 * XStep)), s2);
                s3 = V.Fma(Lanes.Load<V>(g + (3 * GyStep)), Lanes.Load<V>(x + (3 * XStep)), s3);
            }
            for (; j < Count; j++, g += GyStep, x += XStep) s0 = V.Fma(Lanes.Load<V>(g), Lanes.Load<V>(x), s0);
            Lanes.Store(Sum + c, Lanes.Load<V>(Sum + c) + ((s0 + s1) + (s2 + s3)));
        }
    }
}
