namespace Tessera.NN;

/// <summary>Convolution: x <c>[N, C, H, W]</c> → <c>[N, K, H', W']</c>, y = Σ x·w + b over windows.</summary>
public sealed class Conv2d : Module
{
    readonly Pair kernel, stride, padding, dilation;
    readonly int groups;

    /// <summary>A convolution; weights and bias start uniform in ±1/√(C/groups·R·S), as in PyTorch.</summary>
    /// <param name="inChannels">C.</param>
    /// <param name="outChannels">K.</param>
    /// <param name="kernel">Height and width R, S of the window.</param>
    /// <param name="stride">Step between windows; default 1.</param>
    /// <param name="padding">Zeros on every side; default 0.</param>
    /// <param name="dilation">Distance between kernel taps; default 1.</param>
    /// <param name="groups">Channel groups, each convolved on its own; divides C and K.</param>
    /// <param name="bias">Whether there is a b.</param>
    public Conv2d(int inChannels, int outChannels, Pair kernel, Pair? stride = null, Pair? padding = null, Pair? dilation = null, int groups = 1, bool bias = true)
    {
        Channels.Require(nameof(Conv2d), inChannels, outChannels, groups);
        (this.kernel, this.stride, this.padding, this.dilation, this.groups) = (kernel, stride ?? 1, padding ?? 0, dilation ?? 1, groups);
        Weight = RegisterParameter("weight", Init.Default(Tensor.Empty([outChannels, inChannels / groups, kernel.H, kernel.W])));
        if (bias) Bias = RegisterParameter("bias", Init.DefaultBias(Tensor.Empty([outChannels]), Weight));
    }

    /// <summary>w <c>[K, C/groups, R, S]</c>.</summary>
    public Tensor Weight { get; }

    /// <summary>b <c>[K]</c>.</summary>
    public Tensor? Bias { get; }

    /// <summary>Step between windows.</summary>
    public Pair Stride => stride;

    /// <summary>Zeros on every side.</summary>
    public Pair Padding => padding;

    /// <summary>Distance between kernel taps.</summary>
    public Pair Dilation => dilation;

    /// <summary>Channel groups.</summary>
    public int Groups => groups;

    /// <inheritdoc/>
    protected override string Arguments =>
        $"{Weight.Shape[1] * groups}, {Weight.Shape[0]}, {Channels.Window(kernel, stride, padding, dilation, 0, groups, Bias is not null)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Conv2d(Weight, Bias, Window);

    internal Window2d Window => new(kernel.H, kernel.W, stride.H, stride.W, padding.H, padding.W, padding.H, padding.W, dilation.H, dilation.W, groups);
}
