namespace Tessera;

/// <summary>Geometry of a 2-d convolution or pool.</summary>
/// <param name="R">Kernel height.</param>
/// <param name="S">Kernel width.</param>
/// <param name="StrideH">Vertical step.</param>
/// <param name="StrideW">Horizontal step.</param>
/// <param name="Top">Rows of padding above.</param>
/// <param name="Left">Columns of padding to the left.</param>
/// <param name="Bottom">Rows of padding below.</param>
/// <param name="Right">Columns of padding to the right.</param>
/// <param name="DilationH">Vertical distance of kernel taps.</param>
/// <param name="DilationW">Horizontal distance of kernel taps.</param>
/// <param name="Groups">Channel groups of a convolution.</param>
public readonly record struct Window2d(
    int R, int S, int StrideH = 1, int StrideW = 1, int Top = 0, int Left = 0, int Bottom = 0, int Right = 0,
    int DilationH = 1, int DilationW = 1, int Groups = 1)
{
    /// <summary>Output rows for <paramref name="h"/> input rows: ⌊(h + top + bottom - dilation·(R-1) - 1) / stride⌋ + 1.</summary>
    public int OutH(int h) => FloorDiv(h + Top + Bottom - (DilationH * (R - 1)) - 1, StrideH) + 1;

    /// <summary>Output columns for <paramref name="w"/> input columns.</summary>
    public int OutW(int w) => FloorDiv(w + Left + Right - (DilationW * (S - 1)) - 1, StrideW) + 1;

    static int FloorDiv(int a, int b) => a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// <summary>How an optimizer's fused step treats one parameter; see the optimizers of the NN library for the formulas.</summary>
/// <param name="Lr">Learning rate.</param>
/// <param name="Momentum">Momentum, or Adam's β₁.</param>
/// <param name="Beta2">Adam's β₂, or RMSprop's α.</param>
/// <param name="Eps">Added to the denominator.</param>
/// <param name="Decay">Decoupled weight decay: w ← w·(1 - Lr·Decay) before the step.</param>
/// <param name="L2">Coupled weight decay: g ← g + L2·w.</param>
/// <param name="Correction1">Adam's 1 - β₁ᵗ.</param>
/// <param name="Correction2">Adam's 1 - β₂ᵗ.</param>
/// <param name="Nesterov">Nesterov momentum (SGD).</param>
/// <param name="First">First step of this parameter: momentum buffers start as the gradient (SGD).</param>
public readonly record struct StepOptions(
    float Lr, float Momentum = 0, float Beta2 = 0, float Eps = 0, float Decay = 0, float L2 = 0, double Correction1 = 1, double Correction2 = 1,
    bool Nesterov = false, bool First = false);

public abstract partial class Backend
{
    /// <summary>y [N, K, H', W'] ← Σ x [N, C, H, W] · w [K, C/groups, R, S] + b [K]; all dense.</summary>
    public virtual void Conv2d(View x, View w, View? b, View y, Window2d window) => throw Pending();

    /// <summary>gx ← gradient of the convolution's input: the transposed convolution of gy with w; all dense.</summary>
    public virtual void Conv2dBackwardData(View gy, View w, View gx, Window2d window) => throw Pending();

    /// <summary>gw ← gradient of the convolution's weight: the correlation of x with gy; all dense.</summary>
    public virtual void Conv2dBackwardWeight(View gy, View x, View gw, Window2d window) => throw Pending();

    /// <summary>y ← (x - mean) · invStd · w + b over channel dimension 1 of x [N, C, ...]; mean and invStd = 1/√(var + eps) [C] are the batch's own and are written.</summary>
    public virtual void BatchNormTrain(View x, View? w, View? b, View y, View mean, View invStd, float eps) => throw Pending();

    /// <summary>y ← (x - mean) / √(var + eps) · w + b with given statistics [C].</summary>
    public virtual void BatchNormInfer(View x, View? w, View? b, View mean, View var, View y, float eps) => throw Pending();

    /// <summary>
    /// Gradients of <see cref="BatchNormTrain"/>: gb = Σ gy, gw = Σ gy·x̂, gx = w·invStd·(gy - mean(gy) - x̂·mean(gy·x̂)); each only where wanted.
    /// </summary>
    public virtual void BatchNormBackward(View gy, View x, View? w, View mean, View invStd, View? gx, View? gw, View? gb) => throw Pending();

    /// <summary>y [N, C, H', W'] ← window maxima of x; indices (Int64, shape of y) ← h·W + w of each first maximum; NaN wins.</summary>
    public virtual void MaxPool2d(View x, View y, View indices, Window2d window) => throw Pending();

    /// <summary>gx [N, C, H, W] ← gy sent to the recorded maxima, summed where windows overlap.</summary>
    public virtual void MaxPool2dBackward(View gy, View indices, View gx) => throw Pending();

    /// <summary>y ← window means of x; padding counts as zeros in the divisor only with <paramref name="countPadding"/>.</summary>
    public virtual void AvgPool2d(View x, View y, Window2d window, bool countPadding) => throw Pending();

    /// <summary>gx ← gradient of <see cref="AvgPool2d"/>.</summary>
    public virtual void AvgPool2dBackward(View gy, View gx, Window2d window, bool countPadding) => throw Pending();

    /// <summary>y ← exp(x - max) / Σ exp(x - max) along <paramref name="dim"/>, or its logarithm.</summary>
    public virtual void Softmax(View x, View y, int dim, bool log) => throw Pending();

    /// <summary>gx ← y·(gy - Σ gy·y), or for the logarithm gy - exp(y)·Σ gy, along <paramref name="dim"/>.</summary>
    public virtual void SoftmaxBackward(View gy, View y, View gx, int dim, bool log) => throw Pending();

    /// <summary>One SGD step of parameter w with gradient g; momentum buffer m where momentum is used.</summary>
    public virtual void SgdStep(View w, View g, View? m, StepOptions options) => throw Pending();

    /// <summary>One Adam step: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², w ← w - lr·(m/c₁)/(√(v/c₂) + eps).</summary>
    public virtual void AdamStep(View w, View g, View m, View v, StepOptions options) => throw Pending();

    static NotSupportedException Pending() => new("pending");
}
