using System.Globalization;
using System.Text.Json;

namespace Tessera.Testing;

/// <summary>Numbers of recorded JSON, where NaN and infinities are the strings "nan", "inf", "-inf".</summary>
public static class GoldenNumber
{
    /// <summary>A number, or the value a string such as "nan" stands for.</summary>
    public static double Number(this JsonElement json) => json.ValueKind != JsonValueKind.String ? json.GetDouble() : json.GetString() switch
    {
        "nan" => double.NaN,
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        string other => double.Parse(other, CultureInfo.InvariantCulture),
        null => double.NaN,
    };

    /// <summary>A list of numbers.</summary>
    public static double[] Numbers(this JsonElement json) => [.. json.EnumerateArray().Select(Number)];

    /// <summary>A list of whole numbers.</summary>
    public static int[] Ints(this JsonElement json) => [.. json.EnumerateArray().Select(n => n.GetInt32())];
}
