namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>The largest of each window of x <c>[N, C, H, W]</c>; the first of equals gets the gradient; NaN wins.</summary>
    /// <param name="kernel">Window size.</param>
    /// <param name="stride">Step between windows; default the kernel.</param>
    /// <param name="padding">Positions outside that never win; at most half the kernel.</param>
    /// <param name="dilation">Distance between the positions of a window.</param>
    /// <param name="ceilMode">Windows may begin inside and end outside at the right and lower edge.</param>
    /// <exception cref="ShapeException">The window does not fit.</exception>
    public Tensor MaxPool2d(Pair kernel, Pair? stride = null, Pair? padding = null, Pair? dilation = null, bool ceilMode = false)
    {
        var (window, shape) = PoolWindow(kernel, stride ?? kernel, padding ?? 0, dilation ?? 1, ceilMode, "MaxPool2d");
        return new MaxPool2dOp(window, shape, wanted: false).Apply(this);
    }

    /// <summary><see cref="MaxPool2d"/> with the position (Int64, row · W + column) of each maximum.</summary>
    /// <inheritdoc cref="MaxPool2d"/>
    public (Tensor Values, Tensor Indices) MaxPool2dWithIndices(Pair kernel, Pair? stride = null, Pair? padding = null, Pair? dilation = null, bool ceilMode = false)
    {
        var (window, shape) = PoolWindow(kernel, stride ?? kernel, padding ?? 0, dilation ?? 1, ceilMode, "MaxPool2d");
        var op = new MaxPool2dOp(window, shape, wanted: true);
        return (op.Apply(this), op.Indices!.To(DType.Int64));
    }

    /// <summary>The mean of each window of x <c>[N, C, H, W]</c>.</summary>
    /// <param name="kernel">Window size.</param>
    /// <param name="stride">Step between windows; default the kernel.</param>
    /// <param name="padding">Zeros on every side; at most half the kernel.</param>
    /// <param name="ceilMode">Windows may begin inside and end outside at the right and lower edge.</param>
    /// <param name="countIncludePad">Padding counts in the divisor.</param>
    /// <exception cref="ShapeException">The window does not fit.</exception>
    public Tensor AvgPool2d(Pair kernel, Pair? stride = null, Pair? padding = null, bool ceilMode = false, bool countIncludePad = true)
    {
        var (window, shape) = PoolWindow(kernel, stride ?? kernel, padding ?? 0, 1, ceilMode, "AvgPool2d");
        return new AvgPool2dOp(window, shape, countIncludePad).Apply(this);
    }

    /// <summary>Means over h × w bins of any size; bin i covers ⌊i·H/h⌋ to ⌈(i+1)·H/h⌉.</summary>
    public Tensor AdaptiveAvgPool2d(int h, int w)
    {
        RequireBins(h, w, "AdaptiveAvgPool2d");
        return Shape[2] % h == 0 && Shape[3] % w == 0
            ? AvgPool2d((Shape[2] / h, Shape[3] / w))
            : Separable(Bins(Shape[2], h), Bins(Shape[3], w));
    }

    /// <summary>Maxima over h × w bins of any size; bin i covers ⌊i·H/h⌋ to ⌈(i+1)·H/h⌉.</summary>
    public Tensor AdaptiveMaxPool2d(int h, int w)
    {
        RequireBins(h, w, "AdaptiveMaxPool2d");
        return Shape[2] % h == 0 && Shape[3] % w == 0
            ? MaxPool2d((Shape[2] / h, Shape[3] / w))
            : AdaptiveMaxPool2dWithIndices(h, w).Values;
    }

    /// <summary><see cref="AdaptiveMaxPool2d"/> with the position (Int64, row · W + column) of each maximum.</summary>
    public (Tensor Values, Tensor Indices) AdaptiveMaxPool2dWithIndices(int h, int w)
    {
        RequireBins(h, w, "AdaptiveMaxPool2d");
        if (Shape[2] % h == 0 && Shape[3] % w == 0) return MaxPool2dWithIndices((Shape[2] / h, Shape[3] / w));

        // The positions of each bin, the last one repeated where a bin is smaller than the largest: [h·w, positions].
        long[] positions = BinPositions(h, w, out int most);
        var table = From(positions, [h * w, most], Device);
        var (values, at) = Rows().IndexSelect(1, table.Flatten(0)).Reshape(Shape[0], h * w, most, Shape[1]).Max(2); // [N, h·w, C]
        var indices = table.Reshape(1, h * w, most, 1).Expand([Shape[0], h * w, most, Shape[1]]).Gather(2, at.Unsqueeze(2)).Squeeze(2);
        return (FromRows(values, h, w), FromRows(indices, h, w));
    }

    static int BinStart(int i, int size, int bins) => (int)((long)i * size / bins);

    static int BinEnd(int i, int size, int bins) => (int)((((long)(i + 1) * size) + bins - 1) / bins);

    long[] BinPositions(int h, int w, out int most)
    {
        List<List<long>> bins = [];
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w; j++)
            {
                List<long> bin = [];
                for (int r = BinStart(i, Shape[2], h); r < BinEnd(i, Shape[2], h); r++)
                    for (int c = BinStart(j, Shape[3], w); c < BinEnd(j, Shape[3], w); c++) bin.Add((r * Shape[3]) + c);
                bins.Add(bin);
            }
        int longest = most = bins.Max(b => b.Count);
        return [.. bins.SelectMany(b => b.Concat(Enumerable.Repeat(b[^1], longest - b.Count)))];
    }

    void RequireBins(int h, int w, string op)
    {
        if (Rank != 4 || h < 1 || w < 1 || Shape[2] < 1 || Shape[3] < 1)
            throw new ShapeException($"{op}: got {h} x {w} bins for x {Shape}, expected at least 1 x 1 bins and a non-empty [N, C, H, W].");
    }

    (Window2d Window, Shape Shape) PoolWindow(Pair kernel, Pair stride, Pair padding, Pair dilation, bool ceilMode, string op)
    {
        var window = Window(kernel, stride, padding, dilation, 1);
        if (Rank != 4) throw new ShapeException($"{op}: got x {Shape}, expected [N, C, H, W].");
        RequireFloat(op);
        if (2 * padding.H > kernel.H || 2 * padding.W > kernel.W)
            throw new ShapeException($"{op}: padding: got {padding}, expected at most half of the kernel {kernel}.");
        RequireRoom(window, op);
        int h = window.OutH(Shape[2]), w = window.OutW(Shape[3]);
        if (ceilMode)
        {
            if (((h - 1) * stride.H) + (dilation.H * (kernel.H - 1)) + 1 < Shape[2] + (2 * padding.H) && h * stride.H < Shape[2] + padding.H) h++;
            if (((w - 1) * stride.W) + (dilation.W * (kernel.W - 1)) + 1 < Shape[3] + (2 * padding.W) && w * stride.W < Shape[3] + padding.W) w++;
        }
        return (window, [Shape[0], Shape[1], h, w]);
    }

    sealed class MaxPool2dOp(Window2d window, Shape shape, bool wanted) : Op
    {
        Tensor? saved;

        /// <summary>Position of each maximum, Int32.</summary>
        internal Tensor? Indices { get; private set; }

        private protected override Mixing Mixing => Mixing.Own;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("window", window));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var y = Empty(shape, x[0].Is16Bit ? Autocast.Type : DType.Float32, x[0].Device);
            if (wanted || IsRecording) saved = Save(Indices = Empty(shape, DType.Int32, x[0].Device));
            if (y.Is16Bit) y.Backend.MaxPool2d16(x[0].Contiguous().View, y.View, Indices?.View, window);
            else y.Backend.MaxPool2d(x[0].Contiguous().View, y.View, Indices?.View, window);
            return y;
        }

        protected override bool Saves(int i) => false;

        // Each window's g goes to its maximum.
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var gx = Empty(InputShape(0), InputType(0), g.Device);
            if (g.Is16Bit || gx.Is16Bit) g.Backend.MaxPool2d16Backward(g.Contiguous().View, saved!.View, gx.View, window);
            else g.Backend.MaxPool2dBackward(g.Contiguous().View, saved!.View, gx.View, window);
            return gx;
        }
    }

    sealed class AvgPool2dOp(Window2d window, Shape shape, bool countPadding) : Op
    {
        private protected override Mixing Mixing => Mixing.Own;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("window", window), ("countPadding", countPadding));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var y = Empty(shape, x[0].Is16Bit ? Autocast.Type : DType.Float32, x[0].Device);
            if (y.Is16Bit) y.Backend.AvgPool2d16(x[0].Contiguous().View, y.View, window, countPadding);
            else y.Backend.AvgPool2d(x[0].Contiguous().View, y.View, window, countPadding);
            return y;
        }

        protected override bool Saves(int i) => false;

        // Each window's g is shared by its positions.
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var gx = Empty(InputShape(0), InputType(0), g.Device);
            if (g.Is16Bit || gx.Is16Bit) g.Backend.AvgPool2d16Backward(g.Contiguous().View, gx.View, window, countPadding);
            else g.Backend.AvgPool2dBackward(g.Contiguous().View, gx.View, window, countPadding);
            return gx;
        }
    }
}
