using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Tessera.Cuda;

/// <summary>
/// Kernels for float32 whose operands lie in memory as halves: the text with other loads and stores. A number is widened behind its load and rounded before its
/// store; what is computed stays float32, so a result is the float32 kernel's, rounded once.
/// </summary>
internal static partial class HalfText
{
    static readonly ConcurrentDictionary<(string File, DType Y, DType A, DType B), string> names = new();

    /// <summary>
    /// The name of the text of a file for operands of these types, Float32, Float16 or BFloat16; the last needs sm_80. Of <c>unary.ptx</c>, <c>binary.ptx</c>,
    /// <c>dropout.ptx</c>, <c>maxpool2d.ptx</c>, <c>avgpool2d.ptx</c> and <c>avgpool2d_backward.ptx</c>, which name their operands alike: y (or gx) is the
    /// result, a (or x, gy) the first operand, b the second.
    /// </summary>
    public static string File(string file, DType y, DType a, DType b = DType.Float32)
    {
        if (y == DType.Float32 && a == DType.Float32 && b == DType.Float32) return file;
        var key = (file, y, a, b);
        return names.TryGetValue(key, out string? name) ? name : names.GetOrAdd(key, static k => PtxLibrary.Add($"{k.Y}({k.A}, {k.B}):{k.File}", Text(PtxLibrary.Text(k.File), k.Y, k.A, k.B)));
    }

    static string Text(string float32, DType y, DType a, DType b)
    {
        DType Of(string name) => name switch { "y" or "gx" or "y0" or "best0" or "sum0" => y, "b" or "b0" => b, _ => a };
        static string Named(string first, bool four) => four ? first[..^1] : first;
        string text = Declared(float32);
        text = Place().Replace(text, m => Of(m.Groups[2].Value) == DType.Float32 ? m.Value
            : $"    shr.u64 halved, {m.Groups[3].Value}, 1;\n    add.u64 {m.Groups[1].Value}, {m.Groups[2].Value}, halved;");
        text = Loads().Replace(text, m => Of(m.Groups[3].Value) is var type and not DType.Float32
            ? Load(type, m.Groups[1].Value, Named(m.Groups[3].Value, m.Groups[2].Length > 0), m.Groups[4].Value, m.Groups[2].Length > 0) : m.Value);
        text = Stores().Replace(text, m => Of(m.Groups[4].Value) is var type and not DType.Float32
            ? Store(type, m.Groups[1].Value, Named(m.Groups[4].Value, m.Groups[2].Length > 0), m.Groups[3].Value, m.Groups[2].Length > 0) : m.Value);
        return y == DType.BFloat16 || a == DType.BFloat16 || b == DType.BFloat16 ? text.Replace(".target sm_70", ".target sm_80", StringComparison.Ordinal) : text;
    }

    /// <summary>The text of a product of float16 factors, <c>*_half.sm80.ptx</c>, for factors of type <paramref name="type"/>.</summary>
    public static string Factors(string float16, DType type) => type == DType.BFloat16 ? float16.Replace(".f16.f16.", ".bf16.bf16.", StringComparison.Ordinal) : float16;

    /// <summary>The text of <c>gemm_half.sm80.ptx</c>, or of <c>gemm.ptx</c> for its <c>gemm_combine</c>, with a result and a residual of 16 bits; steps are bytes, of halves too.</summary>
    public static string Product(string float32, DType type)
    {
        string text = ProductResidual().Replace(Declared(float32), m => Access(Load, m));
        return ProductStores().Replace(text, m => Access(Store, m)).Replace(".target sm_70", ".target sm_80", StringComparison.Ordinal);

        string Access(Func<DType, string, string, string, bool, string> access, Match m)
        {
            bool four = m.Groups["four"].Length > 0;
            string name = m.Groups["name"].Value;
            return access(type, m.Groups["guard"].Value, four ? name[..^1] : name, m.Groups["place"].Value, four);
        }
    }

    [GeneratedRegex(@"^    (?<guard>@\w+ )?ld\.global\.(?<four>v4\.)?b32 \{?(?<name>r\d|t)(?:, \w+, \w+, \w+\})?, \[(?<place>at|at_r)\];$", RegexOptions.Multiline)]
    private static partial Regex ProductResidual();

    [GeneratedRegex(@"^    (?<guard>@\w+ )?st\.global\.(?<four>v4\.)?b32 \[(?<place>at_y)\], \{?(?<name>v\d?)(?:, \w+, \w+, \w+\})?;$", RegexOptions.Multiline)]
    private static partial Regex ProductStores();

    /// <summary>The text of a convolution, <c>conv2d*.ptx</c>, with a result and a residual of 16 bits. Sums in pieces stay float32: <c>conv2d_combine</c> rounds theirs.</summary>
    public static string Convolution(string float32, DType type)
    {
        string text = Residual().Replace(Declared(float32), m => m.Groups[1].Value + ResidualLoads().Replace(m.Groups[2].Value, l => Numbered(Load, type, l)));
        text = ResultStores().Replace(text, s => Numbered(Store, type, s));
        return ResultPlace().Replace(text, "    shr.u64 halved, y_at, 1;\n    add.u64 a, $1, halved;").Replace(".target sm_70", ".target sm_80", StringComparison.Ordinal);

        // Of four, or of number k at byte 4k of float32.
        static string Numbered(Func<DType, string, string, string, bool, string> access, DType type, Match m)
        {
            bool four = m.Groups["four"].Length > 0;
            int number = m.Groups["number"].Value[0] - '0';
            return access(type, m.Groups["guard"].Value, m.Groups["name"].Value + (four ? "" : $"{number}"), number == 0 ? "a" : $"a+{2 * number}", four);
        }
    }

    /// <summary>The entry <c>moments</c> of <c>moments.ptx</c> with one more parameter: where the numbers go that it reads, rounded, in their order.</summary>
    public static string Moments(string float32, DType type)
    {
        int entry = float32.IndexOf(".visible .entry moments(", StringComparison.Ordinal), end = float32.IndexOf("\n}\n", entry, StringComparison.Ordinal) + 3;
        string header = float32[..float32.IndexOf("// Four", StringComparison.Ordinal)], text = Declared(float32[entry..end]);
        text = text.Replace("halved;", "halved, shift;", StringComparison.Ordinal).Replace(".param .u32 p_span)", ".param .u32 p_span, .param .u64 p_rounded)", StringComparison.Ordinal);
        // The place of a half is y + (place - x) / 2.
        text = text.Replace("    ld.param.u64 x, [p_x];\n",
            "    ld.param.u64 x, [p_x];\n    ld.param.u64 shift, [p_rounded];\n    shr.u64 halved, x, 1;\n    sub.u64 shift, shift, halved;\n",
            StringComparison.Ordinal);
        text = Rows().Replace(text, m => $"{m.Value}\n    shr.u64 halved, {m.Groups[2].Value}, 1;\n    add.u64 halved, halved, shift;\n{Store(type, "", m.Groups[1].Value, "halved", four: true)}");
        return (header + text).Replace(".target sm_70", ".target sm_80", StringComparison.Ordinal);
    }

    /// <summary>Four channels of one of four rows.</summary>
    [GeneratedRegex(@"^    ld\.global\.v4\.b32 \{([abcd])0, \w+, \w+, \w+\}, \[(x|a)\];$", RegexOptions.Multiline)]
    private static partial Regex Rows();

    /// <summary>The entry <c>copy_across_b32</c> of <c>copy_rows.ptx</c> for elements of 2 bytes, of any type; in shared memory they take 4.</summary>
    public static string Across(string words) => words.Replace("mul.wide.u32 at, c, 4;", "mul.wide.u32 at, c, 2;", StringComparison.Ordinal)
        .Replace("ld.global.b32 v, [x];", "ld.global.u16 v, [x];", StringComparison.Ordinal).Replace("st.global.b32 [y], v;", "st.global.u16 [y], v;", StringComparison.Ordinal);

    static string Declared(string text) => Body().Replace(text, "{\n    .reg .b16 short0, short1, short2, short3;\n    .reg .b32 pair0, pair1;\n    .reg .b64 halved;");

    /// <summary>Where the residual is read.</summary>
    [GeneratedRegex(@"^(    add\.u64 a, residual, y_at;\n)((?:    .*\n)+)", RegexOptions.Multiline)]
    private static partial Regex Residual();

    [GeneratedRegex(@"^    (?<guard>@\w+ )?ld\.global\.(?:nc\.)?(?<four>v4\.)?f32 \{?(?<name>[a-z])(?<number>\d)(?:, \w+, \w+, \w+\})?, \[a(?:\+\d+)?\];$", RegexOptions.Multiline)]
    private static partial Regex ResidualLoads();

    [GeneratedRegex(@"^    (?<guard>@\w+ )?st\.global\.(?<four>v4\.)?f32 \[a(?:\+\d+)?\], \{?(?<name>[a-z])(?<number>\d)(?:, \w+, \w+, \w+\})?;$", RegexOptions.Multiline)]
    private static partial Regex ResultStores();

    [GeneratedRegex(@"^    add\.u64 a, (y|residual), y_at;$", RegexOptions.Multiline)]
    private static partial Regex ResultPlace();

    /// <summary>Where an element is, in bytes of float32 from the operand's start.</summary>
    [GeneratedRegex(@"^    add\.u64 (\w+), (y|x|a|b|gx|gy), (\w+);$", RegexOptions.Multiline)]
    private static partial Regex Place();

    [GeneratedRegex(@"^    (@!?\w+ )?ld\.global\.(v4\.)?b32 \{?((?:x|g|a|b)0)(?:, \w+, \w+, \w+\})?, \[(\w+)\];$", RegexOptions.Multiline)]
    private static partial Regex Loads();

    [GeneratedRegex(@"^    (@!?\w+ )?st\.global\.(v4\.)?b32 \[(\w+)\], \{?((?:y|best|sum)0)(?:, \w+, \w+, \w+\})?;$", RegexOptions.Multiline)]
    private static partial Regex Stores();

    [GeneratedRegex(@"^\{$", RegexOptions.Multiline)]
    private static partial Regex Body();

    /// <summary>Loads and widens a half, name ← [address], or four, name0 to name3, under a guard. Of bfloat16 the bits are the upper half of the float.</summary>
    public static string Load(DType type, string guard, string name, string address, bool four) => Lines(guard, name, address, (type, four) switch
    {
        (DType.BFloat16, true) => ["ld.global.v2.b32 {#0, #2}, [@];", "and.b32 #1, #0, 0xFFFF0000;", "shl.b32 #0, #0, 16;", "and.b32 #3, #2, 0xFFFF0000;", "shl.b32 #2, #2, 16;"],
        (DType.BFloat16, false) => ["ld.global.u16 pair0, [@];", "shl.b32 pair0, pair0, 16;", "mov.b32 #, pair0;"],
        (_, true) => ["ld.global.v4.b16 {short0, short1, short2, short3}, [@];", "cvt.f32.f16 #0, short0;", "cvt.f32.f16 #1, short1;", "cvt.f32.f16 #2, short2;", "cvt.f32.f16 #3, short3;"],
        _ => ["ld.global.b16 short0, [@];", "cvt.f32.f16 #, short0;"],
    });

    /// <summary>Rounds and stores a number, [address] ← name, or four, name0 to name3, under a guard.</summary>
    public static string Store(DType type, string guard, string name, string address, bool four) => Lines(guard, name, address, (type, four) switch
    {
        (DType.BFloat16, true) => ["cvt.rn.bf16x2.f32 pair0, #1, #0;", "cvt.rn.bf16x2.f32 pair1, #3, #2;", "st.global.v2.b32 [@], {pair0, pair1};"],
        (DType.BFloat16, false) => ["cvt.rn.bf16x2.f32 pair0, #, #;", "st.global.u16 [@], pair0;"],
        (_, true) => ["cvt.rn.f16.f32 short0, #0;", "cvt.rn.f16.f32 short1, #1;", "cvt.rn.f16.f32 short2, #2;", "cvt.rn.f16.f32 short3, #3;",
            "st.global.v4.b16 [@], {short0, short1, short2, short3};"],
        _ => ["cvt.rn.f16.f32 short0, #;", "st.global.b16 [@], short0;"],
    });

    static string Lines(string guard, string name, string address, string[] lines)
        => string.Join('\n', lines.Select(l => "    " + guard + l.Replace("#", name, StringComparison.Ordinal).Replace("@", address, StringComparison.Ordinal)));
}
