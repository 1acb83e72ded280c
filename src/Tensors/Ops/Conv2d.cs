namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Convolution (correlation) of x <c>[N, C, H, W]</c> with w <c>[K, C/groups, R, S]</c> plus bias b <c>[K]</c>: <c>[N, K, H', W']</c>.</summary>
    /// <param name="w">Kernels.</param>
    /// <param name="b">Bias, or none.</param>
    /// <param name="stride">Step between windows; default 1.</param>
    /// <param name="padding">Zeros on every side; default 0.</param>
    /// <param name="dilation">Distance between kernel taps; default 1.</param>
    /// <param name="groups">Channel groups, each convolved on its own.</param>
    /// <exception cref="ShapeException">Channels do not fit, or the kernel exceeds the padded input.</exception>
    public Tensor Conv2d(Tensor w, Tensor? b = null, Pair? stride = null, Pair? padding = null, Pair? dilation = null, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(w);
        return Conv2d(w, b, Window(new Pair(Size(w, 2), Size(w, 3)), stride ?? 1, padding ?? 0, dilation ?? 1, groups));
    }

    /// <summary>Convolution with the padding of each side stated, and what follows it in one pass: relu(conv(x) + b + residual).</summary>
    /// <param name="w">Kernels.</param>
    /// <param name="b">Bias, or none.</param>
    /// <param name="window">Stride, padding, dilation and groups; its size is that of the kernels.</param>
    /// <param name="residual">Added to the result, of its shape; or none.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <exception cref="ShapeException">Channels or the residual do not fit, or the kernel exceeds the padded input.</exception>
    public Tensor Conv2d(Tensor w, Tensor? b, Window2d window, Tensor? residual = null, bool relu = false)
        => Conv2d(w, b, window, residual, new Conv2dOp(window, b is not null, residual is not null, relu, moments: false));

    /// <summary>Convolution, and as Moments <c>[2, K]</c> the mean and the biased variance of each channel of its result, which have no gradient: what <see cref="BatchNorm"/> needs.</summary>
    /// <inheritdoc cref="Conv2d(Tensor, Tensor, Window2d, Tensor, bool)"/>
    public (Tensor Values, Tensor Moments) Conv2dWithMoments(Tensor w, Tensor? b, Window2d window)
    {
        var op = new Conv2dOp(window, b is not null, residual: false, relu: false, moments: true);
        return (Conv2d(w, b, window, null, op), op.Moments!);
    }

    /// <summary>y ← relu(conv(x) + b), without a gradient: y may be some channels of another tensor (<see cref="Narrow"/>), which take the result without a copy.</summary>
    /// <param name="y">Takes the result; of its shape, float32.</param>
    /// <param name="w">Kernels.</param>
    /// <param name="b">Bias, or none.</param>
    /// <param name="window">Stride, padding, dilation and groups; its size is that of the kernels.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <exception cref="ShapeException">Channels or y do not fit, or the kernel exceeds the padded input.</exception>
    /// <exception cref="AutogradException">A gradient is wanted.</exception>
    /// <exception cref="DeviceException">The tensors are on different devices.</exception>
    public void Conv2dInto(Tensor y, Tensor w, Tensor? b, Window2d window, bool relu = false)
    {
        ArgumentNullException.ThrowIfNull(y);
        var shape = ResultShape(w, b, window);
        if (y.Shape != shape) throw new ShapeException($"Conv2dInto: result: got a tensor of shape {y.Shape}, expected {shape}.");
        y.RequireFloat("Conv2dInto");
        b?.RequireFloat("Conv2dInto");
        if (Autograd.IsEnabled && (RequiresGrad || w.RequiresGrad || b is { RequiresGrad: true } || y.RequiresGrad))
            throw new AutogradException("Conv2dInto: a gradient is wanted: expected Autograd.NoGrad(). Hint: Conv2d records.");
        if (w.Device != Device || y.Device != Device || (b ?? w).Device != Device)
            throw new DeviceException($"Conv2dInto: tensors on different devices: got x on {Device}, w on {w.Device}, b on {(b ?? w).Device} and y on {y.Device}, expected one device. Hint: move them with To(device).");
        using (Autograd.NoGrad())
        using (Temporaries.KeepAlive())
            Backend.Conv2dInto(Contiguous().View, w.Contiguous().View, y.View, window, new Epilogue(b?.View, Relu: relu));
        y.View.Storage.Touch();
        GC.KeepAlive(this);
        GC.KeepAlive(w);
        GC.KeepAlive(b);
        GC.KeepAlive(y);
    }

    /// <summary>Shape of a convolution's result, after a check of what it is given.</summary>
    Shape ResultShape(Tensor w, Tensor? b, Window2d window)
    {
        ArgumentNullException.ThrowIfNull(w);
        if (Rank != 4 || w.Rank != 4 || Shape[1] != w.Shape[1] * window.Groups || w.Shape[0] % window.Groups != 0 || window.R != w.Shape[2] || window.S != w.Shape[3])
            throw new ShapeException($"Conv2d: got x {Shape}, weight {w.Shape}, groups {window.Groups}, expected [N, C, H, W] and [K, C/groups, R, S]. Hint: the weight's channels times the groups are the input's channels.");
        if (b is not null && b.Shape != new Shape(w.Shape[0]))
            throw new ShapeException($"Conv2d: bias: got shape {b.Shape}, expected [{w.Shape[0]}] for weight {w.Shape}.");
        RequireFloat("Conv2d");
        w.RequireFloat("Conv2d");
        RequireRoom(window, "Conv2d");
        return [Shape[0], w.Shape[0], window.OutH(Shape[2]), window.OutW(Shape[3])];
    }

    Tensor Conv2d(Tensor w, Tensor? b, Window2d window, Tensor? residual, Conv2dOp op)
    {
        var shape = ResultShape(w, b, window);
        if (residual is not null && residual.Shape != shape)
            throw new ShapeException($"Conv2d: residual: got shape {residual.Shape}, expected that of the result, {shape}.");
        residual?.RequireFloat("Conv2d");
        return (b, residual) switch
        {
            (null, null) => op.Apply(this, w),
            (null, _) => op.Apply(this, w, residual),
            (_, null) => op.Apply(this, w, b),
            _ => op.Apply(this, w, b, residual),
        };
    }

    /// <summary>
    /// Transposed convolution: the gradient of a convolution with respect to its input, as a layer of its own. x <c>[N, C, H, W]</c>,
    /// w <c>[C, K/groups, R, S]</c>, b <c>[K]</c>; H' = (H - 1)·stride - 2·padding + dilation·(R - 1) + outputPadding + 1.
    /// </summary>
    /// <inheritdoc cref="Conv2d(Tensor, Tensor, Pair?, Pair?, Pair?, int)"/>
    public Tensor ConvTranspose2d(Tensor w, Tensor? b = null, Pair? stride = null, Pair? padding = null, Pair? outputPadding = null, Pair? dilation = null, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(w);
        var window = Window(new Pair(Size(w, 2), Size(w, 3)), stride ?? 1, padding ?? 0, dilation ?? 1, groups);
        var extra = outputPadding ?? 0;
        if (Rank != 4 || w.Rank != 4 || Shape[1] != w.Shape[0] || Shape[1] % groups != 0)
            throw new ShapeException($"ConvTranspose2d: got x {Shape}, weight {w.Shape}, groups {groups}, expected [N, C, H, W] and [C, K/groups, R, S].");
        RequireFloat("ConvTranspose2d");
        w.RequireFloat("ConvTranspose2d");
        int h = ((Shape[2] - 1) * window.StrideH) - (2 * window.Top) + (window.DilationH * (window.R - 1)) + extra.H + 1;
        int v = ((Shape[3] - 1) * window.StrideW) - (2 * window.Left) + (window.DilationW * (window.S - 1)) + extra.W + 1;
        if (h < 1 || v < 1 || window.OutH(h) != Shape[2] || window.OutW(v) != Shape[3])
            throw new ShapeException($"ConvTranspose2d: output size: got {h} x {v} from x {Shape} with stride ({window.StrideH}, {window.StrideW}) and output padding {extra}, expected an output of at least 1 x 1 and an output padding below the stride.");
        var y = new ConvTranspose2dOp(window, [Shape[0], w.Shape[1] * groups, h, v]).Apply(this, w);
        return b is null ? y : y + Channels(b, 4, "ConvTranspose2d");
    }

    static int Size(Tensor w, int dim) => dim < w.Rank ? w.Shape[dim] : 1;

    static Window2d Window(Pair kernel, Pair stride, Pair padding, Pair dilation, int groups)
        => stride.H < 1 || stride.W < 1 || dilation.H < 1 || dilation.W < 1 || padding.H < 0 || padding.W < 0 || groups < 1 || kernel.H < 1 || kernel.W < 1
            ? throw new ShapeException($"Window: got kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}, groups {groups}, expected at least 1 (padding: at least 0).")
            : new Window2d(kernel.H, kernel.W, stride.H, stride.W, padding.H, padding.W, padding.H, padding.W, dilation.H, dilation.W, groups);

    void RequireRoom(Window2d window, string op)
    {
        if (window.OutH(Shape[2]) < 1 || window.OutW(Shape[3]) < 1)
            throw new ShapeException($"{op}: kernel larger than the padded input: got kernel {window.R} x {window.S} (dilation {window.DilationH}, {window.DilationW}) over {Shape}, expected an output of at least 1 x 1. Hint: add padding.");
    }

    /// <summary>Inputs: x, w, the bias if any, the residual if any.</summary>
    sealed class Conv2dOp(Window2d window, bool bias, bool residual, bool relu, bool moments) : ProductOp
    {
        public Tensor? Moments { get; private set; }

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("window", window), ("bias", bias), ("residual", residual), ("relu", relu));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, w) = Factors(x[0], x[1]);
            (a, w) = (a.Contiguous(), w.Contiguous());
            var y = Empty([a.Shape[0], w.Shape[0], window.OutH(a.Shape[2]), window.OutW(a.Shape[3])], Rounding, a.Device);
            if (moments) Moments = Empty([2, w.Shape[0]], DType.Float32, a.Device);
            Epilogue epilogue = new(bias ? x[2].Widened().View : null, residual ? x[^1].Contiguous().View : null, relu, Moments?.View);
            if (a.Is16Bit) a.Backend.Conv2d16(a.View, w.View, y.View, window, epilogue);
            else a.Backend.Conv2d(a.View, w.View, y.View, window, epilogue);
            return y;
        }

        protected override bool SavesOutput => relu;

        // g = gy where y > 0.  dX: transposed convolution of G with W;  dW: correlation of X with G;  db: Σ G over N, H, W;  dresidual: G
        protected override void Gradients(Tensor g, Tensor?[] grads)
        {
            g = g.Contiguous();
            if (relu)
            {
                var passed = g.IsSole && g.DType == Rounding ? g : Empty(g.Shape, Rounding, g.Device);
                MapInto(default(Ops.ReluGrad), g.View, Output.View, passed.View);
                g = passed;
            }
            base.Gradients(Rounded(g), grads);
        }

        protected override Tensor? Gradient(int i, Tensor g)
        {
            if (i >= 2) return bias && i == 2 ? g.Widened().Sum([0, 2, 3]) : g;
            var y = Empty(InputShape(i), InputType(i), g.Device);
            View other = Factor(1 - i).Contiguous().View;
            switch (i, g.Is16Bit)
            {
                case (0, false): g.Backend.Conv2dBackwardData(g.View, other, y.View, window); break;
                case (0, true): g.Backend.Conv2d16BackwardData(g.View, other, y.View, window); break;
                case (_, false): g.Backend.Conv2dBackwardWeight(g.View, other, y.View, window); break;
                default: g.Backend.Conv2d16BackwardWeight(g.View, other, y.View, window); break;
            }
            return y;
        }
    }

    sealed class ConvTranspose2dOp(Window2d window, Shape shape) : ProductOp
    {
        public override IReadOnlyDictionary<string, object?> Arguments => Named(("window", window));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, w) = Factors(x[0], x[1]);
            var y = Empty(shape, Rounding, a.Device);
            if (a.Is16Bit) y.Backend.Conv2d16BackwardData(a.Contiguous().View, w.Contiguous().View, y.View, window);
            else y.Backend.Conv2dBackwardData(a.Contiguous().View, w.Contiguous().View, y.View, window);
            return y;
        }

        // The gradients of the convolution, with the roles of input and output exchanged.
        protected override Tensor? Gradient(int i, Tensor g)
        {
            g = Rounded(g).Contiguous();
            var y = Empty(InputShape(i), InputType(i), g.Device);
            View other = Factor(1 - i).Contiguous().View;
            switch (i, g.Is16Bit)
            {
                case (0, false): g.Backend.Conv2d(g.View, other, y.View, window); break;
                case (0, true): g.Backend.Conv2d16(g.View, other, y.View, window); break;
                case (_, false): g.Backend.Conv2dBackwardWeight(other, g.View, y.View, window); break;
                default: g.Backend.Conv2d16BackwardWeight(other, g.View, y.View, window); break;
            }
            return y;
        }
    }
}
