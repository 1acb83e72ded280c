namespace Tessera.NN;

/// <summary>Scales the gradients of a step so that their common norm is at most <paramref name="max"/>; see <see cref="Gradients.ClipNorm"/>.</summary>
/// <param name="max">The largest norm; 0 switches it off.</param>
/// <exception cref="TesseraException"><paramref name="max"/> is negative or not a number.</exception>
public sealed class GradientClip(double max = 0.1) : Callback
{
    readonly double max = max >= 0 ? max
        : throw new TesseraException(FormattableString.Invariant($"GradientClip: largest norm: got {max}, expected at least 0. Hint: 1 is usual, 0 switches it off."));

    /// <summary>The norm before the latest step, unscaled.</summary>
    public double Norm { get; private set; }

    internal override CallbackSettings? Settings => new(nameof(GradientClip), [max]);

    /// <inheritdoc/>
    public override void BackwardEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (max > 0 && !s.SkipStep) Norm = Gradients.ClipNorm(s.Learner.Model.Parameters(), max);
    }
}
