namespace Tessera.NN;

/// <summary>The full rate for the first 72 % of the batches, then a cosine to zero, as fastai 1 runs it; the momentum drops once, when the rate begins to.</summary>
/// <param name="Batches">N: batches an epoch times epochs.</param>
public sealed record FlatCosine(int Batches)
{
    /// <summary>Fraction of the batches at the full rate, 0 to 1.</summary>
    /// <exception cref="TesseraException">It is no fraction.</exception>
    public double PctStart { get; init => field = OneCycle.Fraction(value, nameof(FlatCosine)); } = 0.72;

    /// <summary>The momentum (Adam's β₁) while the rate is flat and while it falls, each at least 0 and below 1.</summary>
    /// <exception cref="TesseraException">One is not.</exception>
    public (double Flat, double Falling) Momenta { get; init => field = OneCycle.OfMomentum(value, nameof(FlatCosine)); } = (0.95, 0.85);

    /// <summary>⌊<see cref="PctStart"/>·N⌋ flat batches, at least one.</summary>
    public int Flat => Math.Max(1, (int)(PctStart * Batches));

    /// <summary>The rate of batch <paramref name="k"/> for a group whose full rate is <paramref name="lr"/>.</summary>
    public double Lr(double lr, int k) => k <= Flat ? lr : new CosineSchedule(lr, 0).At(Math.Min(1, (double)(k - Flat) / Math.Max(1, Batches - (int)(PctStart * Batches))));

    /// <summary>The momentum of batch <paramref name="k"/>.</summary>
    public double Momentum(int k) => k <= Flat ? Momenta.Flat : Momenta.Falling;
}
