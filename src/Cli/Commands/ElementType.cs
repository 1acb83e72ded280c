using System.Globalization;
using System.Numerics;

namespace Tessera.Cli;

/// <summary>A type of PTX that arguments of a kernel have: how its numbers are read and printed.</summary>
readonly record struct ElementType(string Name, int Bytes)
{
    /// <summary>All names.</summary>
    public static readonly string[] Names = ["f32", "f64", "f16", "bf16", "s8", "u8", "b8", "s16", "u16", "b16", "s32", "u32", "b32", "s64", "u64", "b64"];

    public static bool TryParse(string name, out ElementType type)
    {
        bool known = Array.IndexOf(Names, name) >= 0;
        type = known ? new(name, int.Parse(name.AsSpan(name.IndexOfAny(['1', '3', '6', '8'])), CultureInfo.InvariantCulture) / 8) : default;
        return known;
    }

    /// <summary>The number of a text as an argument; null where it is none, or outside of the type's range. Integers may be hexadecimal: 0xff.</summary>
    public PtxArgument? Scalar(string text) => Name switch
    {
        "f64" => Real(text) is double x ? PtxArgument.Value(x) : null,
        "f32" => Real(text) is double x && Fits(x, (float)x) ? PtxArgument.Value((float)x) : null,
        "f16" => Real(text) is double x && Fits(x, (double)(Half)x) ? PtxArgument.Value((Half)x) : null,
        "bf16" => Real(text) is double x && Fits(x, BitConverter.Int32BitsToSingle(Bf16(x) << 16)) ? PtxArgument.Value(Bf16(x)) : null,
        "s8" => Whole<sbyte>(text),
        "s16" => Whole<short>(text),
        "s32" => Whole<int>(text),
        "s64" => Whole<long>(text),
        _ => Bytes switch { 1 => Whole<byte>(text), 2 => Whole<ushort>(text), 4 => Whole<uint>(text), _ => Whole<ulong>(text) },
    };

    /// <summary>An element of a buffer as text.</summary>
    public string Text(ReadOnlySpan<byte> element) => Name switch
    {
        "f64" => Plain(BitConverter.ToDouble(element)),
        "f32" => Plain(BitConverter.ToSingle(element)),
        "f16" => Plain((float)BitConverter.ToHalf(element)),
        "bf16" => Plain(BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(element) << 16)),
        "s8" => Plain((sbyte)element[0]),
        "s16" => Plain(BitConverter.ToInt16(element)),
        "s32" => Plain(BitConverter.ToInt32(element)),
        "s64" => Plain(BitConverter.ToInt64(element)),
        _ => Bytes switch { 1 => Plain(element[0]), 2 => Plain(BitConverter.ToUInt16(element)), 4 => Plain(BitConverter.ToUInt32(element)), _ => Plain(BitConverter.ToUInt64(element)) },
    };

    static string Plain(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    static double? Real(string text) => text switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && !(double.IsInfinity(value) && text.Any(char.IsAsciiDigit)) ? value : null,
    };

    /// <summary>A number that is none of the infinities must not become one.</summary>
    static bool Fits(double value, double rounded) => double.IsInfinity(value) || !double.IsInfinity(rounded);

    /// <summary>The upper half of a single, rounded once, to even.</summary>
    static ushort Bf16(double value)
    {
        float single = (float)value;
        // A tie that only the first rounding made is none.
        if ((BitConverter.SingleToUInt32Bits(single) & 0xFFFF) == 0x8000 && single != value) single = single < value ? MathF.BitIncrement(single) : MathF.BitDecrement(single);
        uint bits = BitConverter.SingleToUInt32Bits(single);
        return (ushort)(float.IsNaN(single) ? 0x7FFF : (bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }

    static PtxArgument? Whole<T>(string text) where T : unmanaged, IBinaryInteger<T>
    {
        bool hex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool read = T.TryParse(hex ? text.AsSpan(2) : text, hex ? NumberStyles.AllowHexSpecifier : NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value);
        return read ? PtxArgument.Value(value) : null;
    }
}
