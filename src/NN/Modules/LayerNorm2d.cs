namespace Tessera.NN;

/// <summary>Layer normalisation over the channels of each pixel: y = (x - mean)/√(var + ε)·w + b, x <c>[N, C, H, W]</c>, w and b <c>[C]</c>.</summary>
public sealed class LayerNorm2d : Module
{
    readonly double eps;

    /// <summary>A norm with w = 1 and b = 0.</summary>
    /// <param name="channels">C.</param>
    /// <param name="eps">ε.</param>
    public LayerNorm2d(int channels, double eps = 1e-6)
    {
        this.eps = eps;
        Weight = RegisterParameter("weight", Tensor.Ones([channels]));
        Bias = RegisterParameter("bias", Tensor.Zeros([channels]));
    }

    /// <summary>w <c>[C]</c>.</summary>
    public Tensor Weight { get; }

    /// <summary>b <c>[C]</c>.</summary>
    public Tensor Bias { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"({Weight.Shape[0]},), eps={Py(eps)}, elementwise_affine=True";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        if (Given(x).Rank != 4 || x.Shape[1] != Weight.Shape[0])
            throw new ShapeException(
                $"LayerNorm2d: got shape {x.Shape}, expected [N, {Weight.Shape[0]}, H, W]. "
                    + "Hint: make it with as many channels as its input has.");
        var d = x - x.Mean(1, keepDim: true);
        return d * (d.Square().Mean(1, keepDim: true) + (float)eps).Rsqrt() * Weight.Reshape(1, -1, 1, 1) + Bias.Reshape(1, -1, 1, 1);
    }
}
