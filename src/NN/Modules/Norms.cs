namespace Tessera.NN;

/// <summary>Layer normalisation (Ba et al., 2016): y = (x - mean)/√(var + ε)·w + b over the last dimensions of each item.</summary>
public sealed class LayerNorm : Module
{
    readonly double eps;

    /// <summary>A layer norm with w = 1 and b = 0 over the last dimensions, whose sizes are given.</summary>
    public LayerNorm(Shape normalizedShape, double eps = 1e-5)
    {
        this.eps = eps;
        Weight = RegisterParameter("weight", Tensor.Ones(normalizedShape));
        Bias = RegisterParameter("bias", Tensor.Zeros(normalizedShape));
    }

    /// <summary>w, of the normalised shape.</summary>
    public Tensor Weight { get; }

    /// <summary>b, of the normalised shape.</summary>
    public Tensor Bias { get; }

    /// <summary>ε.</summary>
    public double Eps => eps;

    /// <inheritdoc/>
    protected override string Arguments => $"({string.Join(", ", Weight.Shape)}{(Weight.Rank == 1 ? "," : "")}), eps={Py(eps)}, elementwise_affine=True";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).LayerNorm(Weight.Shape, Weight, Bias, (float)eps);
}

/// <summary>Group normalisation (Wu &amp; He, 2018): as layer norm, over the channels of each group and all positions; w and b are per channel.</summary>
public sealed class GroupNorm : Module
{
    readonly int groups;
    readonly double eps;

    /// <summary>A group norm with w = 1 and b = 0.</summary>
    /// <param name="groups">Number of groups; divides the channels.</param>
    /// <param name="channels">C of x <c>[N, C, ...]</c>.</param>
    /// <param name="eps">ε.</param>
    public GroupNorm(int groups, int channels, double eps = 1e-5)
    {
        Channels.Require(nameof(GroupNorm), channels, channels, groups);
        (this.groups, this.eps) = (groups, eps);
        Weight = RegisterParameter("weight", Tensor.Ones([channels]));
        Bias = RegisterParameter("bias", Tensor.Zeros([channels]));
    }

    /// <summary>w <c>[C]</c>.</summary>
    public Tensor Weight { get; }

    /// <summary>b <c>[C]</c>.</summary>
    public Tensor Bias { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"{groups}, {Weight.Shape[0]}, eps={Py(eps)}, affine=True";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).GroupNorm(groups, Weight, Bias, (float)eps);
}
