namespace Tessera.NN;

/// <summary>
/// Squeeze and excitation (Hu et al., 2017, <see href="https://arxiv.org/abs/1709.01507"/>): x·g(W₂·f(W₁·mean(x))), a factor for each channel from the means
/// of all channels. x is <c>[N, C, H, W]</c>.
/// </summary>
public sealed class SqueezeExcitation : Module
{
    readonly Conv2d fc1, fc2;
    readonly Module activation, gate;

    /// <summary>The block; W₁ and W₂ are 1×1 convolutions with bias, <c>fc1</c> and <c>fc2</c>.</summary>
    /// <param name="channels">C.</param>
    /// <param name="squeeze">Channels between W₁ and W₂.</param>
    /// <param name="activation">f; ReLU by default.</param>
    /// <param name="gate">g; the sigmoid by default.</param>
    public SqueezeExcitation(int channels, int squeeze, Module? activation = null, Module? gate = null)
    {
        fc1 = Register("fc1", new Conv2d(channels, squeeze, 1));
        fc2 = Register("fc2", new Conv2d(squeeze, channels, 1));
        this.activation = Register("activation", activation ?? new Relu());
        this.gate = Register("scale_activation", gate ?? new Sigmoid());
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => x * gate.Call(fc2.Call(activation.Call(fc1.Call(Given(x).Mean([2, 3], keepDim: true)))));
}
