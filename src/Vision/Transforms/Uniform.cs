namespace Tessera.Vision;

/// <summary>A parameter drawn from U(Low, High) for every item; a plain number stands for a fixed value.</summary>
/// <param name="Low">The least value.</param>
/// <param name="High">The largest value.</param>
public readonly record struct Uniform(double Low, double High)
{
    /// <summary>Always <paramref name="value"/>.</summary>
    public static implicit operator Uniform(double value) => new(value, value);

    /// <summary>U(low, high).</summary>
    public static implicit operator Uniform((double Low, double High) range) => new(range.Low, range.High);

    /// <summary>low + (high-low) u.</summary>
    public double Draw(ItemRandom random) => Low + (High - Low) * random.NextDouble();

    /// <summary>exp of U(ln low, ln high): as often halved as doubled.</summary>
    /// <exception cref="TesseraException">An end of the range is not above 0.</exception>
    public double DrawLog(ItemRandom random)
    {
        if (!(Low > 0 && High > 0))
            throw new TesseraException($"Uniform: no logarithm: got {this}, expected a range above 0. Hint: contrast is a factor, 1 changes nothing.");
        return Math.Exp(new Uniform(Math.Log(Low), Math.Log(High)).Draw(random));
    }

    /// <summary>"0.5" or "U(-10, 10)".</summary>
    public override string ToString() => Low == High ? FormattableString.Invariant($"{Low}") : FormattableString.Invariant($"U({Low}, {High})");
}
