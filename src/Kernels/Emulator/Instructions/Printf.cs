using System.Globalization;
using System.Text.RegularExpressions;
using Placeholder = System.Text.RegularExpressions.Match;

namespace Tessera.Emulator;

/// <summary>printf as in C, for the values that a kernel has laid out. Of two results that are equally near, it takes the one away from zero.</summary>
/// <param name="next">The next value, of 4 or 8 bytes.</param>
/// <param name="textAt">The text at an address.</param>
sealed partial class Printf(Func<int, ulong> next, Func<ulong, string> textAt)
{
    const int widest = 1000;

    /// <summary>How many values were taken.</summary>
    public int Conversions { get; private set; }

    public string Format(string format) => Conversion().Replace(format, One);

    string One(Placeholder m)
    {
        char kind = m.Groups["kind"].Value[0];
        if (kind == '%') return "%";
        Conversions++;
        string flags = m.Groups["flags"].Value;
        int width = Size(m.Groups["width"].Value) ?? 0, precision = m.Groups["dot"].Success ? Size(m.Groups["precision"].Value) ?? 0 : -1;
        if (width < 0) (flags, width) = (flags + "-", -width);
        string text = kind switch
        {
            'd' or 'i' or 'u' or 'x' or 'X' or 'o' => Integer(kind, IsWide(m) ? next(8) : next(4), IsWide(m), precision, flags),
            'c' => ((char)(byte)next(4)).ToString(),
            's' => textAt(next(8)) is var s && precision >= 0 && precision < s.Length ? s[..precision] : s,
            'p' => $"0x{next(8):x}",
            _ => Real(kind, BitConverter.UInt64BitsToDouble(next(8)), precision < 0 ? 6 : precision, flags),
        };
        if (flags.Contains('-', StringComparison.Ordinal)) return text.PadRight(width);
        bool zeros = flags.Contains('0', StringComparison.Ordinal) && kind is not ('c' or 's' or 'p')
            && (precision < 0 || "feg".Contains(char.ToLowerInvariant(kind), StringComparison.Ordinal))
            && !text.EndsWith("inf", StringComparison.OrdinalIgnoreCase) && !text.EndsWith("nan", StringComparison.OrdinalIgnoreCase);
        int sign = text[..Math.Min(1, text.Length)] is "-" or "+" or " " ? 1 : 0;
        return zeros ? text[..sign] + text[sign..].PadLeft(width - sign, '0') : text.PadLeft(width);
    }

    static bool IsWide(Placeholder m) => m.Groups["length"].Value is "l" or "ll" or "z" or "j" or "t";

    /// <summary>A number in the format; <c>*</c> is a value.</summary>
    int? Size(string digits) => digits.Length == 0 ? null : Math.Clamp(digits == "*" ? (int)next(4) : int.Parse(digits, CultureInfo.InvariantCulture), -widest, widest);

    static string Integer(char kind, ulong bits, bool wide, int precision, string flags)
    {
        bool signed = kind is 'd' or 'i';
        long value = wide ? (long)bits : (int)bits;
        ulong magnitude = signed ? (ulong)Math.Abs((decimal)value) : bits;
        string digits = kind switch
        {
            'x' => magnitude.ToString("x", CultureInfo.InvariantCulture),
            'X' => magnitude.ToString("X", CultureInfo.InvariantCulture),
            'o' => Octal(magnitude),
            _ => magnitude.ToString(CultureInfo.InvariantCulture),
        };
        string prefix = flags.Contains('#', StringComparison.Ordinal) && magnitude != 0 ? kind switch { 'x' => "0x", 'X' => "0X", 'o' => "0", _ => "" } : "";
        return (signed ? Sign(value < 0, flags) : "") + prefix + digits.PadLeft(Math.Max(0, precision), '0');
    }

    static string Octal(ulong value)
    {
        string digits = "";
        do digits = (value & 7) + digits;
        while ((value >>= 3) != 0);
        return digits;
    }

    static string Sign(bool negative, string flags) => negative ? "-" : flags.Contains('+', StringComparison.Ordinal) ? "+" : flags.Contains(' ', StringComparison.Ordinal) ? " " : "";

    static string Real(char kind, double value, int precision, string flags)
    {
        double size = Math.Abs(value);
        string text = double.IsNaN(size) ? "nan" : double.IsInfinity(size) ? "inf" : char.ToLowerInvariant(kind) switch
        {
            'f' => size.ToString($"F{precision}", CultureInfo.InvariantCulture),
            'e' => Exponential(size, precision),
            _ => General(size, Math.Max(1, precision), flags.Contains('#', StringComparison.Ordinal)),
        };
        return Sign(double.IsNegative(value), flags) + (char.IsUpper(kind) ? text.ToUpperInvariant() : text);
    }

    static string Exponential(double size, int precision) => size.ToString($"0.{new string('0', precision)}e+00", CultureInfo.InvariantCulture);

    /// <summary>%g: so many digits, without zeros at the end; with an exponent where it is below -4 or not below the number of digits.</summary>
    static string General(double size, int digits, bool zeros)
    {
        string e = Exponential(size, digits - 1);
        int at = e.IndexOf('e', StringComparison.Ordinal), exponent = int.Parse(e[(at + 1)..], CultureInfo.InvariantCulture);
        bool plain = exponent >= -4 && exponent < digits;
        string number = plain ? size.ToString($"F{digits - 1 - exponent}", CultureInfo.InvariantCulture) : e[..at];
        if (!zeros && number.Contains('.', StringComparison.Ordinal)) number = number.TrimEnd('0').TrimEnd('.');
        return plain ? number : number + e[at..];
    }

    [GeneratedRegex(@"%(?<flags>[-+ #0]*)(?<width>\*|\d{0,4})(?<dot>\.(?<precision>\*|\d{0,4}))?(?<length>hh|h|ll|l|j|z|t|L)?(?<kind>[diuxXocspfFeEgG%])")]
    private static partial Regex Conversion();
}
