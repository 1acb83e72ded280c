namespace Tessera.NN;

/// <summary>
/// In training mode each element is 0 with probability p and else divided by 1 - p (Srivastava et al., 2014); in evaluation mode nothing happens.
/// Each call takes the next stream of the default generator, so a seed makes a run repeatable.
/// </summary>
public sealed class Dropout : Module
{
    readonly double p;

    /// <summary>Dropout with probability <paramref name="p"/>, 0 to 1.</summary>
    public Dropout(double p = 0.5)
    {
        if (p is not (>= 0 and <= 1)) throw new TesseraException(FormattableString.Invariant($"Dropout: probability: got {p}, expected 0..1. Hint: 0.5 is usual."));
        this.p = p;
    }

    /// <summary>The probability.</summary>
    public double P => p;

    /// <inheritdoc/>
    protected override string Arguments => $"p={Py(p)}, inplace=False";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return IsTraining && p > 0 ? x.Dropout((float)p, Generator.Default.Next()) : x;
    }
}
