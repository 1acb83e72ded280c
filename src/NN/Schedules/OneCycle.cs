namespace Tessera.NN;

/// <summary>
/// The one-cycle policy (Smith, "Super-convergence", 2017) as fastai 1 runs it: the learning rate rises from max/25 to max over the first
/// 30 % of the batches and falls to max/250,000 over the rest, the momentum does the opposite; both along cosines.
/// Batch k is trained with the values at k; after the last batch the values at k = <see cref="Batches"/> stay.
/// </summary>
/// <param name="Batches">N: batches an epoch times epochs, at least 0.</param>
public sealed record OneCycle(int Batches)
{
    /// <summary>Fraction of the batches that rise, 0 to 1.</summary>
    /// <exception cref="TesseraException">It is no fraction.</exception>
    public double PctStart { get; init => field = Fraction(value, nameof(OneCycle)); } = 0.3;

    /// <summary>The first rate is max divided by this.</summary>
    /// <exception cref="TesseraException">It is not positive.</exception>
    public double DivFactor { get; init => field = Positive(value, nameof(DivFactor)); } = 25;

    /// <summary>The last rate is max divided by this; <see cref="DivFactor"/> · 10⁴ where it is null.</summary>
    /// <exception cref="TesseraException">It is not positive.</exception>
    public double? FinalDiv { get; init => field = value is { } div ? Positive(div, nameof(FinalDiv)) : null; }

    /// <summary>The momentum (Adam's β₁) at both ends and at the peak of the rate, each at least 0 and below 1.</summary>
    /// <exception cref="TesseraException">One is not.</exception>
    public (double Ends, double Peak) Momenta { get; init => field = OfMomentum(value, nameof(OneCycle)); } = (0.95, 0.85);

    /// <summary>n₁ = ⌊<see cref="PctStart"/>·N⌋ rising batches.</summary>
    public int Rising => (int)(PctStart * Batches);

    /// <summary>The rate of batch <paramref name="k"/> for a group whose largest rate is <paramref name="max"/>.</summary>
    public double Lr(double max, int k) => At(k, max / DivFactor, max, max / (FinalDiv ?? (DivFactor * 1e4)));

    /// <summary>The momentum of batch <paramref name="k"/>.</summary>
    public double Momentum(int k) => At(k, Momenta.Ends, Momenta.Peak, Momenta.Ends);

    /// <summary>Two cosines over n₁ and N - n₁ batches, each stretched to at least one batch: a very short run ends before its schedule does.</summary>
    double At(int k, double start, double peak, double end)
    {
        int n1 = Math.Max(1, Rising), n2 = Math.Max(1, Batches - Rising);
        return k < n1
            ? new CosineSchedule(start, peak).At((double)k / n1)
            : new CosineSchedule(peak, end).At(Math.Min(1, (double)(k - n1) / n2));
    }

    internal static double Fraction(double value, string schedule) => value is >= 0 and <= 1 ? value
        : throw new TesseraException(FormattableString.Invariant($"{schedule}: pctStart: got {value}, expected a fraction of the batches, 0..1. Hint: 0.3 is usual."));

    internal static (double, double) OfMomentum((double A, double B) momenta, string schedule) => momenta is ( >= 0 and < 1, >= 0 and < 1) ? momenta
        : throw new TesseraException(FormattableString.Invariant($"{schedule}: momenta: got {momenta.A} and {momenta.B}, expected numbers of at least 0 and below 1. Hint: 0.95 and 0.85 are usual."));

    static double Positive(double value, string name) => value is > 0 and < double.PositiveInfinity ? value
        : throw new TesseraException(FormattableString.Invariant($"OneCycle: {name}: got {value}, expected a positive number to divide the largest rate by. Hint: 25 is usual for the first rate."));
}
