namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>y = max(x, 0); the gradient at 0 is 0. See also <see cref="Autograd.Guided"/>.</summary>
    public Tensor Relu() => UnaryOfOutput(default(Ops.Relu), default(Ops.ReluGrad)).Guiding();

    /// <summary>y = x where x &gt; 0, else slope · x.</summary>
    public Tensor LeakyRelu(float slope = 0.01f) => Unary(new Ops.LeakyRelu(slope), new Ops.LeakyReluGrad(slope));

    /// <summary>y = min(max(x, 0), 6).</summary>
    public Tensor Relu6() => Unary(default(Ops.Relu6), default(Ops.Relu6Grad)).Guiding();

    /// <summary>y = min(max(x, min), max); the gradient passes where min &lt; x &lt; max.</summary>
    public Tensor HardTanh(float min = -1, float max = 1) => Unary(new Ops.HardTanh(min, max), new Ops.HardTanhGrad(min, max));

    /// <summary>y = x · Φ(x) with the normal distribution function Φ, or its approximation by tanh.</summary>
    public Tensor Gelu(bool tanh = false)
        => tanh ? Unary(default(Ops.GeluTanh), default(Ops.GeluTanhGrad)) : Unary(default(Ops.Gelu), default(Ops.GeluGrad));

    /// <summary>y = x · σ(x), also called swish.</summary>
    public Tensor Silu() => Unary(default(Ops.Silu), default(Ops.SiluGrad));

    /// <summary>y = σ(x) = 1 / (1 + e⁻ˣ).</summary>
    public Tensor Sigmoid() => UnaryOfOutput(default(Ops.Sigmoid), default(Ops.SigmoidGrad));

    /// <summary>y = tanh x.</summary>
    public Tensor Tanh() => UnaryOfOutput(default(Ops.Tanh), default(Ops.TanhGrad));

    /// <summary>y = ln(1 + e^(βx)) / β, and y = x where βx exceeds the threshold.</summary>
    public Tensor Softplus(float beta = 1, float threshold = 20) => Unary(new Ops.Softplus(beta, threshold), new Ops.SoftplusGrad(beta, threshold));

    /// <summary>y = x where x &gt; 0, else α · (eˣ - 1).</summary>
    public Tensor Elu(float alpha = 1) => Unary(new Ops.Elu(alpha), new Ops.EluGrad(alpha));

    /// <summary>y = λ · (x where x &gt; 0, else α · (eˣ - 1)) with the fixed λ = 1.0507..., α = 1.6733...</summary>
    public Tensor Selu() => Unary(default(Ops.Selu), default(Ops.SeluGrad));

    /// <summary>y = x where x &gt; 0, else α · (e^(x/α) - 1).</summary>
    public Tensor Celu(float alpha = 1) => Unary(new Ops.Celu(alpha), new Ops.CeluGrad(alpha));

    /// <summary>y = x · min(max(x + 3, 0), 6) / 6.</summary>
    public Tensor HardSwish() => Unary(default(Ops.HardSwish), default(Ops.HardSwishGrad));

    /// <summary>y = min(max(x + 3, 0), 6) / 6.</summary>
    public Tensor HardSigmoid() => Unary(default(Ops.HardSigmoid), default(Ops.HardSigmoidGrad));

    /// <summary>y = x · tanh(ln(1 + eˣ)).</summary>
    public Tensor Mish() => Unary(default(Ops.Mish), default(Ops.MishGrad));

    /// <summary>y = x / (1 + |x|).</summary>
    public Tensor Softsign() => Unary(default(Ops.Softsign), default(Ops.SoftsignGrad));

    /// <summary>y = ln σ(x).</summary>
    public Tensor LogSigmoid() => Unary(default(Ops.LogSigmoid), default(Ops.LogSigmoidGrad));
}
