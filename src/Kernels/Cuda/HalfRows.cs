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
        bool brain = type == DType.BFloat16;
        string text = Body().Replace(float32, "{\n    .reg .b16 short0, short1, short2, short3;\n    .reg .b32 pair0, pair1;");
        text = Place().Replace(text, "$&\n    shr.u64 at, at, 1;\n    shr.u64 step, step, 1;");
        text = Load().Replace(text, m => Lines(m, brain
            ? ["ld.global.v2.b32 {#0, #2}, [a];", "and.b32 #1, #0, 0xFFFF0000;", "shl.b32 #0, #0, 16;", "and.b32 #3, #2, 0xFFFF0000;", "shl.b32 #2, #2, 16;"]
            : ["ld.global.v4.b16 {short0, short1, short2, short3}, [a];", "cvt.f32.f16 #0, short0;", "cvt.f32.f16 #1, short1;", "cvt.f32.f16 #2, short2;", "cvt.f32.f16 #3, short3;"]));
        text = Store().Replace(text, m => Lines(m, brain
            ? ["cvt.rn.bf16x2.f32 pair0, #1, #0;", "cvt.rn.bf16x2.f32 pair1, #3, #2;", "st.global.v2.b32 [a], {pair0, pair1};"]
            : ["cvt.rn.f16.f32 short0, #0;", "cvt.rn.f16.f32 short1, #1;", "cvt.rn.f16.f32 short2, #2;", "cvt.rn.f16.f32 short3, #3;", "st.global.v4.b16 [a], {short0, short1, short2, short3};"]));
        return brain ? text.Replace(".target sm_70", ".target sm_80", StringComparison.Ordinal) : text;
    }

    /// <summary>The lines in place of one, under its guard and with its registers.</summary>
    static string Lines(Match m, string[] lines)
        => string.Join('\n', lines.Select(l => "    " + m.Groups[1].Value + Registers().Replace(l, m.Groups[2].Value + "$1")));

    [GeneratedRegex("#([0-3])")]
    private static partial Regex Registers();
}
