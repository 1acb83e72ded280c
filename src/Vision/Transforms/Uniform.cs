namespace Tessera.Vision;

/// <summary>A parameter drawn from U(Low, High) for every item; a plain number stands for a fixed value.</summary>
public readonly record struct Uniform(double Low, double High)
{
    /// <summary>Always <paramref name="value"/>.</summary>
    public static implicit operator Uniform(double value) => new(value, value);

    /// <summary>U(low, high).</summary>
    public static implicit operator Uniform((double Low, double High) range) => new(range.Low, range.High);

    /// <summary>low + (high-low) u.</summary>
    public double Draw(ItemRandom random) => Low + (High - Low) * random.NextDouble();

    /// <summary>exp of U(ln low, ln high): as often halved as doubled. Both ends above 0.</summary>
    public double DrawLog(ItemRandom random) =>
        Low == High ? Low : Math.Exp(new Uniform(Math.Log(Low), Math.Log(High)).Draw(random));

    /// <summary>"0.5" or "U(-10, 10)".</summary>
    public override string ToString() => Low == High ? FormattableString.Invariant($"{Low}") : FormattableString.Invariant($"U({Low}, {High})");
}
