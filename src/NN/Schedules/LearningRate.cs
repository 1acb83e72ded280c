using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Learning rates for the parameter groups of a model, first layers first: one rate for all (<c>lr: 1e-3f</c>), a slice
/// (<c>new(1e-6f, 1e-4f)</c>: geometric from the first to the last group; <c>new(3e-3f)</c>: the last group at the rate, all others at a tenth),
/// or one a group.
/// </summary>
public readonly struct LearningRate : IEquatable<LearningRate>
{
    readonly double first, last;
    readonly double[]? perGroup;
    readonly Form form;

    /// <summary>slice(last): the last group at <paramref name="last"/>, all others at a tenth of it.</summary>
    public LearningRate(double last) : this(Form.Tenth, 0, Positive(last), null) { }

    /// <summary>slice(first, last): rate of group i of G is first · (last/first)^(i/(G-1)); of a single group, last. With first = 0, slice(last).</summary>
    public LearningRate(double first, double last) : this(first == 0 ? Form.Tenth : Form.Geometric, first == 0 ? 0 : Positive(first), Positive(last), null) { }

    LearningRate(Form form, double first, double last, double[]? perGroup)
        => (this.form, this.first, this.last, this.perGroup) = (form, first, last, perGroup);

    /// <summary>What a fit uses where nothing is said: slice(3e-3).</summary>
    public static LearningRate Default => new(3e-3);

    /// <summary>One rate for all groups.</summary>
    public static LearningRate Same(double lr) => new(Form.Same, 0, Positive(lr), null);

    /// <summary>One rate a group.</summary>
    public static LearningRate PerGroup(params double[] rates)
    {
        ArgumentNullException.ThrowIfNull(rates);
        return new LearningRate(Form.PerGroup, 0, rates.Length == 0 ? 0 : rates[^1], [.. rates.Select(Positive)]);
    }

    /// <summary>A number is one rate for all groups.</summary>
    public static implicit operator LearningRate(float lr) => Same(lr);

    /// <summary>A number is one rate for all groups.</summary>
    public static implicit operator LearningRate(double lr) => Same(lr);

    /// <summary>The rate of the last group.</summary>
    public double Last => last;

    /// <summary>The rates of <paramref name="n"/> groups, first layers first.</summary>
    /// <exception cref="TesseraException">A list of another length.</exception>
    public double[] ForGroups(int n)
    {
        if (n < 1) throw new TesseraException($"LearningRate: layer groups: got {n}, expected at least 1. Hint: learn.LayerGroups.Count is how many there are.");
        var (a, b, rates) = (first, last, perGroup);
        if (form == Form.PerGroup && rates!.Length != n)
            throw new TesseraException($"LearningRate: one rate a layer group: got {rates.Length} rates, expected {n}. Hint: new(first, last) spreads rates over any number of groups.");
        return form switch
        {
            Form.Tenth => [.. Enumerable.Range(0, n).Select(i => i == n - 1 ? b : b / 10)],
            Form.Geometric => [.. Enumerable.Range(0, n).Select(i => i == n - 1 ? b : a * Math.Pow(b / a, i / (n - 1.0)))],
            Form.PerGroup => [.. rates!],
            _ => [.. Enumerable.Repeat(b, n)],
        };
    }

    /// <summary>Reads <c>1e-3</c>, <c>slice(3e-3)</c>, <c>slice(1e-6,1e-4)</c> or <c>[1e-6,1e-5,1e-4]</c>.</summary>
    /// <exception cref="TesseraException">Other text, or a rate that is not positive.</exception>
    public static LearningRate Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string t = text.Trim();
        if (t.StartsWith("slice(", StringComparison.Ordinal) && t.EndsWith(')'))
        {
            double[] ends = Numbers(t["slice(".Length..^1], text);
            if (ends.Length is 1 or 2) return ends.Length == 1 ? new(ends[0]) : new(ends[0], ends[1]);
        }
        else if (t.StartsWith('[') && t.EndsWith(']'))
        {
            return PerGroup(Numbers(t[1..^1], text));
        }
        else if (Numbers(t, text) is [double lr])
        {
            return Same(lr);
        }
        throw Unreadable(text);
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => form switch
    {
        Form.Tenth => string.Create(CultureInfo.InvariantCulture, $"slice({last:R})"),
        Form.Geometric => string.Create(CultureInfo.InvariantCulture, $"slice({first:R},{last:R})"),
        Form.PerGroup => $"[{string.Join(",", perGroup!.Select(r => r.ToString("R", CultureInfo.InvariantCulture)))}]",
        _ => last.ToString("R", CultureInfo.InvariantCulture),
    };

    /// <inheritdoc/>
    public bool Equals(LearningRate other) => form == other.form && first == other.first && last == other.last
        && (perGroup ?? []).AsSpan().SequenceEqual(other.perGroup ?? []);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is LearningRate other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(form, first, last);

    /// <summary>Same rates in the same form.</summary>
    public static bool operator ==(LearningRate a, LearningRate b) => a.Equals(b);

    /// <summary>Other rates or another form.</summary>
    public static bool operator !=(LearningRate a, LearningRate b) => !a.Equals(b);

    static double[] Numbers(string list, string text) => [.. list.Split(',').Select(n =>
        double.TryParse(n, NumberStyles.Float, CultureInfo.InvariantCulture, out double x) ? x : throw Unreadable(text))];

    static TesseraException Unreadable(string text) =>
        new($"LearningRate: cannot be read: got \"{text}\", expected 1e-3, slice(3e-3), slice(1e-6,1e-4) or [1e-6,1e-5,1e-4]. Hint: 3e-3 is usual.");

    static double Positive(double lr) => lr > 0 && double.IsFinite(lr)
        ? lr
        : throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"LearningRate: not a rate: got {lr:R}, expected a positive number. Hint: 3e-3 is usual."));

    enum Form { Same, Tenth, Geometric, PerGroup }
}
