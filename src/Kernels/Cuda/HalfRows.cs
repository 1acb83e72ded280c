using System.Text.RegularExpressions;

namespace Tessera.Cuda;

/// <summary>
/// Kernels over rows of channels for rows of 16 bits: the text for float32 with other loads and stores. It moves four channels at once, by <c>at</c> bytes from the
/// start of a tensor and <c>step</c> bytes further each time; both are halved, four halves are widened behind each load, and rounded before each store. All else, such as a
/// channel's mean, stays float32.
/// </summary>
internal static partial class HalfRows
{
    /// <summary>Where the place in a row is computed.</summary>
    [GeneratedRegex(@"^    mul\.wide\.u32 at, row, pitch;\n    add\.u64 at, at, wide;\n    mul\.wide\.u32 step, \w+, pitch;$", RegexOptions.Multiline)]
    private static partial Regex Place();

    /// <summary>Four channels of g, x, y, the residual or the output.</summary>
    [GeneratedRegex(@"^    (@!?\w+ )?ld\.global\.v4\.b32 \{([gxyro])0, \w+, \w+, \w+\}, \[a\];$", RegexOptions.Multiline)]
    private static partial Regex Load();

    [GeneratedRegex(@"^    (@!?\w+ )?st\.global\.v4\.b32 \[a\], \{([gy])0, \w+, \w+, \w+\};$", RegexOptions.Multiline)]
    private static partial Regex Store();

    [GeneratedRegex(@"^\{$", RegexOptions.Multiline)]
    private static partial Regex Body();

    /// <summary>The text for Float16, or for BFloat16, which needs sm_80.</summary>
    public static string Text(string float32, DType type)
    {
        string text = Body().Replace(float32, "{\n    .reg .b16 short0, short1, short2, short3;\n    .reg .b32 pair0, pair1;");
        text = Place().Replace(text, "$&\n    shr.u64 at, at, 1;\n    shr.u64 step, step, 1;");
        text = Load().Replace(text, m => HalfText.Load(type, m.Groups[1].Value, m.Groups[2].Value, "a", four: true));
        text = Store().Replace(text, m => HalfText.Store(type, m.Groups[1].Value, m.Groups[2].Value, "a", four: true));
        return type == DType.BFloat16 ? text.Replace(".target sm_70", ".target sm_80", StringComparison.Ordinal) : text;
    }
}
