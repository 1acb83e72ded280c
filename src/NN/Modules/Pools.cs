namespace Tessera.NN;

/// <summary>The largest of each window of x <c>[N, C, H, W]</c>.</summary>
/// <param name="kernel">Window size.</param>
/// <param name="stride">Step between windows; default the kernel.</param>
/// <param name="padding">Positions outside that never win; default 0.</param>
/// <param name="dilation">Distance between the positions of a window; default 1.</param>
/// <param name="ceilMode">Windows may begin inside and end outside at the right and lower edge.</param>
public sealed class MaxPool2d(Pair kernel, Pair? stride = null, Pair? padding = null, Pair? dilation = null, bool ceilMode = false) : Module
{
    /// <inheritdoc/>
    protected override string Arguments =>
        $"kernel_size={kernel}, stride={stride ?? kernel}, padding={padding ?? 0}, dilation={dilation ?? 1}, ceil_mode={Py(ceilMode)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).MaxPool2d(kernel, stride, padding, dilation, ceilMode);
}

/// <summary>The mean of each window of x <c>[N, C, H, W]</c>.</summary>
/// <param name="kernel">Window size.</param>
/// <param name="stride">Step between windows; default the kernel.</param>
/// <param name="padding">Zeros on every side; default 0.</param>
/// <param name="ceilMode">Windows may begin inside and end outside at the right and lower edge.</param>
/// <param name="countIncludePad">Whether padding counts in the divisor.</param>
public sealed class AvgPool2d(Pair kernel, Pair? stride = null, Pair? padding = null, bool ceilMode = false, bool countIncludePad = true) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"kernel_size={kernel}, stride={stride ?? kernel}, padding={padding ?? 0}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).AvgPool2d(kernel, stride, padding, ceilMode, countIncludePad);
}

/// <summary>Means over windows that cover x <c>[N, C, H, W]</c> with a fixed number of outputs.</summary>
/// <param name="size">Height and width of the output.</param>
public sealed class AdaptiveAvgPool2d(Pair size) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"output_size={size}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).AdaptiveAvgPool2d(size.H, size.W);
}

/// <summary>Maxima over windows that cover x <c>[N, C, H, W]</c> with a fixed number of outputs.</summary>
/// <param name="size">Height and width of the output.</param>
public sealed class AdaptiveMaxPool2d(Pair size) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"output_size={size}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).AdaptiveMaxPool2d(size.H, size.W);
}

/// <summary>Adaptive maxima, then adaptive means, side by side: <c>[N, C, H, W]</c> → <c>[N, 2C, size, size]</c>. The lesson's pool between body and head.</summary>
public sealed class AdaptiveConcatPool2d : Module
{
    readonly Module max, average;

    /// <summary>A pool to <paramref name="size"/> by <paramref name="size"/>.</summary>
    public AdaptiveConcatPool2d(int size = 1)
    {
        average = Register("ap", new AdaptiveAvgPool2d(size));
        max = Register("mp", new AdaptiveMaxPool2d(size));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Tensor.Cat([max.Call(x), average.Call(x)], 1);
}
