namespace Tessera.NN;

/// <summary>
/// Stochastic depth (Huang et al., 2016, <see href="https://arxiv.org/abs/1603.09382"/>), also called DropPath: in training mode each item of the batch
/// is 0 with probability p and else divided by 1 - p; in evaluation mode nothing happens. It stands at the end of a residual path.
/// </summary>
public sealed class StochasticDepth : Module
{
    readonly double p;

    /// <summary>Stochastic depth with probability <paramref name="p"/>, 0 to 1.</summary>
    /// <exception cref="TesseraException">It is outside.</exception>
    public StochasticDepth(double p)
    {
        if (p is not (>= 0 and <= 1)) throw new TesseraException(FormattableString.Invariant($"StochasticDepth: probability: got {p}, expected 0..1. Hint: 0.1 is usual."));
        this.p = p;
    }

    /// <summary>The probability.</summary>
    public double P => p;

    /// <inheritdoc/>
    protected override string Arguments => $"p={Py(p)}, mode=row";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (!IsTraining || p == 0) return x;
        int[] items = [.. Enumerable.Repeat(1, x.Rank)];
        items[0] = x.Shape[0];
        return x * Tensor.Ones(items, x.Device).Dropout((float)p, Generator.Default.Next());
    }
}
