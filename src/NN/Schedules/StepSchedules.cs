using System.Runtime.CompilerServices;

namespace Tessera.NN;

/// <summary>PyTorch's learning-rate schedulers as pure functions: the rate of step k = 0, 1, ... from the base rate.</summary>
public static class StepSchedules
{
    /// <summary>StepLR: lr · γ^⌊k/size⌋.</summary>
    /// <exception cref="TesseraException"><paramref name="size"/> is below 1.</exception>
    public static double Step(double lr, int k, int size, double gamma = 0.1) => lr * Math.Pow(gamma, k / AtLeastOne(size));

    /// <summary>MultiStepLR: lr · γ^(number of milestones up to k).</summary>
    public static double MultiStep(double lr, int k, IEnumerable<int> milestones, double gamma = 0.1) => lr * Math.Pow(gamma, milestones.Count(m => m <= k));

    /// <summary>ExponentialLR: lr · γᵏ.</summary>
    public static double Exponential(double lr, int k, double gamma) => lr * Math.Pow(gamma, k);

    /// <summary>LinearLR: lr times a factor that goes from <paramref name="start"/> to <paramref name="end"/> in <paramref name="steps"/> steps and stays.</summary>
    /// <exception cref="TesseraException"><paramref name="steps"/> is below 1.</exception>
    public static double Linear(double lr, int k, double start = 1.0 / 3, double end = 1, int steps = 5) =>
        lr * new LinearSchedule(start, end).At(Math.Min(1, (double)k / AtLeastOne(steps)));

    /// <summary>CosineAnnealingLR: from lr to <paramref name="min"/> in <paramref name="period"/> steps along a cosine, and back.</summary>
    /// <exception cref="TesseraException"><paramref name="period"/> is below 1.</exception>
    public static double Cosine(double lr, int k, int period, double min = 0) => new CosineSchedule(lr, min).At((double)k / AtLeastOne(period));

    /// <summary>
    /// CosineAnnealingWarmRestarts (Loshchilov &amp; Hutter, "SGDR", 2017): falls in <paramref name="period"/> steps, starts again, each
    /// period <paramref name="multiplier"/> times the last.
    /// </summary>
    /// <exception cref="TesseraException"><paramref name="period"/> or <paramref name="multiplier"/> is below 1.</exception>
    public static double WarmRestarts(double lr, int k, int period, int multiplier = 1, double min = 0)
    {
        long length = AtLeastOne(period), growth = AtLeastOne(multiplier);
        while (k >= length)
        {
            k -= (int)length;
            length *= growth;
        }
        return new CosineSchedule(lr, min).At((double)k / length);
    }

    static int AtLeastOne(int value, [CallerArgumentExpression(nameof(value))] string what = "") => value >= 1 ? value
        : throw new TesseraException(FormattableString.Invariant($"StepSchedules: {what}: got {value}, expected at least 1. Hint: it counts calls of the schedule, batches or epochs."));
}

/// <summary>
/// PyTorch's OneCycleLR: the boundaries of its phases are real numbers of steps, pct·N - 1 and N - 1, so that the last step has the last rate.
/// </summary>
/// <param name="Steps">N.</param>
public sealed record OneCycleLr(int Steps)
{
    /// <summary>Fraction of the steps that rise.</summary>
    public double PctStart { get; init; } = 0.3;

    /// <summary>The first rate is max divided by this.</summary>
    public double DivFactor { get; init; } = 25;

    /// <summary>The last rate is the first divided by this.</summary>
    public double FinalDivFactor { get; init; } = 1e4;

    /// <summary>The momentum at the ends and at the peak of the rate.</summary>
    public (double Max, double Base) Momenta { get; init; } = (0.95, 0.85);

    /// <summary>Straight lines instead of cosines.</summary>
    public bool IsLinear { get; init; }

    /// <summary>Falls back to the first rate as fast as it rose, then on to the last.</summary>
    public bool IsThreePhase { get; init; }

    /// <summary>The rate of step <paramref name="k"/>.</summary>
    public double Lr(double max, int k) => At(k, max / DivFactor, max, max / DivFactor, max / DivFactor / FinalDivFactor);

    /// <summary>The momentum of step <paramref name="k"/>.</summary>
    public double Momentum(int k) => At(k, Momenta.Max, Momenta.Base, Momenta.Max, Momenta.Max);

    double At(int k, double start, double peak, double again, double last)
    {
        double rise = (PctStart * Steps) - 1, fall = (2 * PctStart * Steps) - 2, end = Steps - 1;
        if (k <= rise) return Anneal(start, peak, k / rise);
        if (!IsThreePhase) return Anneal(peak, last, (k - rise) / (end - rise));
        return k <= fall ? Anneal(peak, again, (k - rise) / (fall - rise)) : Anneal(again, last, (k - fall) / (end - fall));
    }

    double Anneal(double a, double b, double f) => IsLinear ? new LinearSchedule(a, b).At(f) : new CosineSchedule(a, b).At(f);
}
