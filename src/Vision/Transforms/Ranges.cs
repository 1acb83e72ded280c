using System.Runtime.CompilerServices;

namespace Tessera.Vision;

/// <summary>What the parameters of transforms may be.</summary>
static class Ranges
{
    const string Drawn = "a pair (low, high) is drawn from for every photo.";

    /// <summary>The range, where both ends lie in low..high.</summary>
    public static Uniform Within(this Uniform range, double low, double high, string of, string hint = Drawn, [CallerMemberName] string what = "") =>
        range.Low >= low && range.Low <= high && range.High >= low && range.High <= high ? range
            : throw new TesseraException(FormattableString.Invariant($"{of}: {what}: got {range}, expected {low} to {high}. Hint: {hint}"));

    /// <summary>The range, where it is a part of a side.</summary>
    public static Uniform Part(this Uniform range, string of, [CallerMemberName] string what = "") =>
        range.Within(0, 1, of, "0.5 is the middle, (0, 1) anywhere.", what);

    /// <summary>The range, where both ends are factors: above 0 and finite.</summary>
    public static Uniform Factor(this Uniform range, string of, [CallerMemberName] string what = "") =>
        range.Low > 0 && range.High > 0 && double.IsFinite(range.Low) && double.IsFinite(range.High) ? range
            : throw new TesseraException($"{of}: {what}: got {range}, expected above 0. Hint: 1 changes nothing.");

    /// <summary>The range, where both ends are shifts of a corner or a point: at most ten half sides.</summary>
    public static Uniform Shift(this Uniform range, string of, [CallerMemberName] string what = "") =>
        range.Within(-10, 10, of, "0.2 is usual, in halves of the side.", what);

    /// <summary>One of 0..last, or null.</summary>
    public static int? Choice(int? value, int last, string of, [CallerMemberName] string what = "") => value is null || (value >= 0 && value <= last) ? value
        : throw new TesseraException(FormattableString.Invariant($"{of}: {what}: got {value}, expected 0 to {last}. Hint: null draws one for every photo."));
}
