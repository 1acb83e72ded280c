namespace Tessera.NN;

/// <summary>Transposed convolution: x <c>[N, C, H, W]</c> → <c>[N, K, H', W']</c>, the gradient of a convolution as a layer; it makes maps larger.</summary>
public sealed class ConvTranspose2d : Module
{
    readonly Pair kernel, stride, padding, outputPadding, dilation;
    readonly int groups;

    /// <summary>A transposed convolution; weights and bias start uniform in ±1/√(K/groups·R·S), as in PyTorch.</summary>
    /// <param name="inChannels">C.</param>
    /// <param name="outChannels">K.</param>
    /// <param name="kernel">Height and width R, S of the window.</param>
    /// <param name="stride">Step between windows of the output; default 1.</param>
    /// <param name="padding">Rows and columns cut off every side; default 0.</param>
    /// <param name="outputPadding">Rows and columns added below and to the right; less than the stride.</param>
    /// <param name="dilation">Distance between kernel taps; default 1.</param>
    /// <param name="groups">Channel groups; divides C and K.</param>
    /// <param name="bias">Whether there is a b.</param>
    public ConvTranspose2d(int inChannels, int outChannels, Pair kernel, Pair? stride = null, Pair? padding = null, Pair? outputPadding = null, Pair? dilation = null, int groups = 1, bool bias = true)
    {
        Channels.Require(nameof(ConvTranspose2d), inChannels, outChannels, groups);
        (this.kernel, this.stride, this.padding, this.outputPadding, this.dilation, this.groups) = (kernel, stride ?? 1, padding ?? 0, outputPadding ?? 0, dilation ?? 1, groups);
        Weight = RegisterParameter("weight", Init.Default(Tensor.Empty([inChannels, outChannels / groups, kernel.H, kernel.W])));
        if (bias) Bias = RegisterParameter("bias", Init.DefaultBias(Tensor.Empty([outChannels]), Weight));
    }

    /// <summary>w <c>[C, K/groups, R, S]</c>.</summary>
    public Tensor Weight { get; }

    /// <summary>b <c>[K]</c>.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    protected override string Arguments =>
        $"{Weight.Shape[0]}, {Weight.Shape[1] * groups}, {Channels.Window(kernel, stride, padding, dilation, outputPadding, groups, Bias is not null)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).ConvTranspose2d(Weight, Bias, stride, padding, outputPadding, dilation, groups);
}
