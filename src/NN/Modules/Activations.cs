namespace Tessera.NN;

/// <summary>max(0, x).</summary>
public sealed class Relu : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Relu();
}

/// <summary>min(max(0, x), 6).</summary>
public sealed class Relu6 : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Relu6();
}

/// <summary>x where positive, else slope·x.</summary>
public sealed class LeakyRelu(double slope = 0.01) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"negative_slope={Py(slope)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).LeakyRelu((float)slope);
}

/// <summary>x where positive, else α·(eˣ - 1).</summary>
public sealed class Elu(double alpha = 1) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"alpha={Py(alpha)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Elu((float)alpha);
}

/// <summary>λ·x where positive, else λ·α·(eˣ - 1), with the constants that keep mean 0 and variance 1.</summary>
public sealed class Selu : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Selu();
}

/// <summary>max(0, x) + min(0, α·(e^(x/α) - 1)).</summary>
public sealed class Celu(double alpha = 1) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"alpha={Py(alpha)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Celu((float)alpha);
}

/// <summary>x·Φ(x), Φ the normal distribution function; or its approximation by tanh.</summary>
public sealed class Gelu(bool tanh = false) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"approximate='{(tanh ? "tanh" : "none")}'";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Gelu(tanh);
}

/// <summary>x·σ(x).</summary>
public sealed class Silu : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Silu();
}

/// <summary>x·tanh(ln(1 + eˣ)).</summary>
public sealed class Mish : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Mish();
}

/// <summary>σ(x) = 1/(1 + e⁻ˣ).</summary>
public sealed class Sigmoid : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Sigmoid();
}

/// <summary>ln σ(x).</summary>
public sealed class LogSigmoid : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).LogSigmoid();
}

/// <summary>tanh x.</summary>
public sealed class Tanh : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Tanh();
}

/// <summary>x limited to [min, max].</summary>
public sealed class HardTanh(double min = -1, double max = 1) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"min_val={Py(min)}, max_val={Py(max)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).HardTanh((float)min, (float)max);
}

/// <summary>x/6 + 1/2 limited to [0, 1].</summary>
public sealed class HardSigmoid : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).HardSigmoid();
}

/// <summary>x·hardsigmoid(x).</summary>
public sealed class HardSwish : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).HardSwish();
}

/// <summary>ln(1 + e^(βx))/β; x itself where βx exceeds the threshold.</summary>
public sealed class Softplus(double beta = 1, double threshold = 20) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"beta={Py(beta)}, threshold={Py(threshold)}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Softplus((float)beta, (float)threshold);
}

/// <summary>x/(1 + |x|).</summary>
public sealed class Softsign : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Softsign();
}

/// <summary>eˣ/Σ eˣ along a dimension.</summary>
public sealed class Softmax(int dim = -1) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"dim={dim}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Softmax(dim);
}

/// <summary>x - ln Σ eˣ along a dimension.</summary>
public sealed class LogSoftmax(int dim = -1) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"dim={dim}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).LogSoftmax(dim);
}

/// <summary>x.</summary>
public sealed class Identity : Module
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => x;
}
