namespace Tessera.NN;

/// <summary>y = x·Wᵀ + b: <c>[..., in]</c> → <c>[..., out]</c>.</summary>
public sealed class Linear : Module
{
    /// <summary>A linear layer; weights and bias start uniform in ±1/√in, as in PyTorch.</summary>
    public Linear(int inFeatures, int outFeatures, bool bias = true)
    {
        Channels.Require(nameof(Linear), "inputs", inFeatures);
        Channels.Require(nameof(Linear), "outputs", outFeatures);
        Weight = RegisterParameter("weight", Init.Default(Tensor.Empty([outFeatures, inFeatures])));
        if (bias) Bias = RegisterParameter("bias", Init.DefaultBias(Tensor.Empty([outFeatures]), Weight));
    }

    /// <summary>W <c>[out, in]</c>.</summary>
    public Tensor Weight { get; }

    /// <summary>b <c>[out]</c>.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={Weight.Shape[1]}, out_features={Weight.Shape[0]}, bias={Py(Bias is not null)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Linear(Weight, Bias);
}
