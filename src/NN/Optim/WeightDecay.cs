using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Weight decay of the layer groups of a model, first layers first: one number for all (<c>wd: 0.01</c>), or one a group (<c>WeightDecay.PerGroup(0.1, 0.03, 0.01)</c>).
/// </summary>
public readonly struct WeightDecay : IEquatable<WeightDecay>
{
    readonly double all;
    readonly double[]? perGroup;

    WeightDecay(double all, double[]? perGroup) => (this.all, this.perGroup) = (all, perGroup);

    /// <summary>One decay for all groups.</summary>
    /// <param name="wd">At least 0; 0.01 is usual, 0 is none.</param>
    /// <exception cref="TesseraException">A negative or infinite number.</exception>
    public static WeightDecay Same(double wd) => new(Checked(wd), null);

    /// <summary>One decay a group.</summary>
    /// <param name="decays">First layers first, each at least 0.</param>
    /// <exception cref="TesseraException">A negative or infinite number.</exception>
    public static WeightDecay PerGroup(params double[] decays)
    {
        ArgumentNullException.ThrowIfNull(decays);
        return new WeightDecay(0, [.. decays.Select(Checked)]);
    }

    /// <summary>A number is one decay for all groups.</summary>
    public static implicit operator WeightDecay(double wd) => Same(wd);

    /// <summary>The decays of <paramref name="n"/> groups, first layers first.</summary>
    /// <exception cref="TesseraException">A list of another length.</exception>
    public double[] ForGroups(int n)
    {
        if (perGroup is null) return [.. Enumerable.Repeat(all, n)];
        return perGroup.Length == n ? [.. perGroup] : throw new TesseraException(
            $"WeightDecay: one decay a layer group: got {perGroup.Length} decays, expected {n}. Hint: a single number is for all groups; learn.LayerGroups says which there are.");
    }

    /// <summary>The number, or <c>[0.1,0.03,0.01]</c>.</summary>
    public override string ToString() => perGroup is null
        ? all.ToString("R", CultureInfo.InvariantCulture)
        : $"[{string.Join(",", perGroup.Select(d => d.ToString("R", CultureInfo.InvariantCulture)))}]";

    /// <inheritdoc/>
    public bool Equals(WeightDecay other) => all == other.all && (perGroup is null) == (other.perGroup is null) && (perGroup ?? []).AsSpan().SequenceEqual(other.perGroup ?? []);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is WeightDecay other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(all, perGroup?.Length, perGroup?.Sum());

    /// <summary>Same decays in the same form.</summary>
    public static bool operator ==(WeightDecay a, WeightDecay b) => a.Equals(b);

    /// <summary>Other decays or another form.</summary>
    public static bool operator !=(WeightDecay a, WeightDecay b) => !a.Equals(b);

    /// <summary>The decay of all groups; null where each has its own.</summary>
    internal double? OfAll => perGroup is null ? all : null;

    /// <summary>The decay of each group; null where all have the same.</summary>
    internal IReadOnlyList<double>? Each => perGroup;

    static double Checked(double wd) => wd is >= 0 and < double.PositiveInfinity
        ? wd
        : throw new TesseraException(FormattableString.Invariant($"WeightDecay: got {wd}, expected at least 0. Hint: 0.01 is usual, 0 is none."));
}
