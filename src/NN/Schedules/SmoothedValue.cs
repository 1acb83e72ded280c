namespace Tessera.NN;

/// <summary>An exponentially weighted mean without the bias of its start: m ← βm + (1-β)x, shown as m/(1-βᵏ) after k values.</summary>
/// <param name="beta">Weight of the past, 0 to 1.</param>
public sealed class SmoothedValue(double beta = 0.98)
{
    readonly double beta = beta is >= 0 and < 1 ? beta
        : throw new TesseraException(FormattableString.Invariant($"SmoothedValue: beta: got {beta}, expected at least 0 and below 1. Hint: 0.98 is usual."));

    double mean;

    /// <summary>How many values were added.</summary>
    public int Count { get; private set; }

    /// <summary>The mean so far; NaN before the first value.</summary>
    public double Value => Count == 0 ? double.NaN : mean / (1 - Math.Pow(beta, Count));

    /// <summary>Takes a value in and gives the new mean.</summary>
    public double Add(double x)
    {
        Count++;
        mean = (beta * mean) + ((1 - beta) * x);
        return Value;
    }

    internal void Remember(RunState run) => (mean, Count) = (run.Value("mean", mean), (int)run.Value("count", Count));
}
