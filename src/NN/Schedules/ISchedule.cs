namespace Tessera.NN;

/// <summary>A hyper-parameter as a pure function of progress.</summary>
public interface ISchedule
{
    /// <summary>The value at a progress from 0 (start) to 1 (end).</summary>
    double At(double progress);
}

/// <summary>The schedules by name.</summary>
public static class Schedules
{
    /// <summary>The same value throughout.</summary>
    public static ISchedule Constant(double value) => new ConstantSchedule(value);

    /// <summary>start + f·(end - start).</summary>
    public static ISchedule Linear(double start, double end) => new LinearSchedule(start, end);

    /// <summary>end + (start - end)/2 · (1 + cos πf).</summary>
    public static ISchedule Cosine(double start, double end) => new CosineSchedule(start, end);

    /// <summary>start · (end/start)ᶠ; both positive.</summary>
    public static ISchedule Exponential(double start, double end) => new ExponentialSchedule(start, end);

    /// <summary>end + (start - end) · (1 - f)ᵖ.</summary>
    public static ISchedule Polynomial(double start, double end, double power) => new PolynomialSchedule(start, end, power);

    /// <summary>Schedules one after another, each over its fraction of the whole; a boundary belongs to the earlier one.</summary>
    public static ISchedule Phases(params (double Fraction, ISchedule Schedule)[] phases) => new PhasesSchedule(phases);
}

/// <summary>The same value throughout.</summary>
/// <param name="Value">The value.</param>
public readonly record struct ConstantSchedule(double Value) : ISchedule
{
    /// <inheritdoc/>
    public double At(double progress) => Value;
}

/// <summary>start + f·(end - start).</summary>
/// <param name="Start">The value at the begin, f = 0.</param>
/// <param name="End">The value at the end, f = 1.</param>
public readonly record struct LinearSchedule(double Start, double End) : ISchedule
{
    /// <inheritdoc/>
    public double At(double progress) => Start + (progress * (End - Start));
}

/// <summary>end + (start - end)/2 · (1 + cos πf).</summary>
/// <param name="Start">The value at the begin, f = 0.</param>
/// <param name="End">The value at the end, f = 1.</param>
public readonly record struct CosineSchedule(double Start, double End) : ISchedule
{
    /// <inheritdoc/>
    public double At(double progress) => End + ((Start - End) / 2 * (1 + Math.Cos(Math.PI * progress)));
}

/// <summary>start · (end/start)ᶠ; both positive.</summary>
/// <param name="Start">The value at the begin, above 0.</param>
/// <param name="End">The value at the end, above 0.</param>
public readonly record struct ExponentialSchedule(double Start, double End) : ISchedule
{
    /// <inheritdoc/>
    public double At(double progress) => Start * Math.Pow(End / Start, progress);
}

/// <summary>end + (start - end) · (1 - f)ᵖ.</summary>
/// <param name="Start">The value at the begin, f = 0.</param>
/// <param name="End">The value at the end, f = 1.</param>
/// <param name="Power">The power p.</param>
public readonly record struct PolynomialSchedule(double Start, double End, double Power) : ISchedule
{
    /// <inheritdoc/>
    public double At(double progress) => End + ((Start - End) * Math.Pow(1 - progress, Power));
}

/// <summary>Schedules one after another, each over its fraction of the whole; a boundary belongs to the earlier one.</summary>
public sealed class PhasesSchedule : ISchedule
{
    readonly (double Fraction, ISchedule Schedule)[] phases;

    /// <summary>Fractions of at least 0 that sum to 1.</summary>
    /// <exception cref="TesseraException">They do not.</exception>
    public PhasesSchedule(params (double Fraction, ISchedule Schedule)[] phases)
    {
        ArgumentNullException.ThrowIfNull(phases);
        double sum = phases.Sum(p => p.Fraction);
        if (phases.Any(p => p.Fraction < 0) || Math.Abs(sum - 1) > 1e-9)
            throw new TesseraException(FormattableString.Invariant(
                $"PhasesSchedule: the fractions do not fill the run: got a sum of {sum}, expected fractions of at least 0 that sum to 1. Hint: such as 0.3 and 0.7."));
        this.phases = [.. phases];
    }

    /// <inheritdoc/>
    public double At(double progress)
    {
        double start = 0;
        foreach (var (fraction, schedule) in phases[..^1])
        {
            if (fraction > 0 && progress <= start + fraction) return schedule.At((progress - start) / fraction);
            start += fraction;
        }
        var (rest, last) = phases[^1];
        return last.At(rest > 0 ? (progress - start) / rest : 1);
    }
}
