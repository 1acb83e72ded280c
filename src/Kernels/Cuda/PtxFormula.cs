using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Tessera.Cuda;

/// <summary>
/// A kernel with a hole: a PTX file whose lines <c>mov.b32 y, a; // name(a, b)</c> are replaced by formulas. The fields of an operation, float32 all,
/// become the registers c0, c1, ..., so that one kernel serves every value; an operation that computes with its fields before the formula
/// gets a kernel for each value.
/// </summary>
internal static partial class PtxFormula
{
    static readonly ConcurrentDictionary<Type, bool> parametric = new();

    [GeneratedRegex(@"^ *mov\.b32 ([%\w]+), [%\w]+; // (\w+)\(([%\w, ]+)\)$", RegexOptions.Multiline)]
    private static partial Regex Hole();

    /// <summary>What stands for a formula in the text: its name in the comment, the operation as <see cref="PtxVec"/> sees it.</summary>
    public readonly record struct Part(string Name, Func<PtxVec[], PtxVec> Apply);

    /// <summary>The kernel of an operation: the entry <paramref name="entry"/> of <paramref name="file"/> with its holes filled.</summary>
    public static Kernel Kernel<TOp>(KernelCache kernels, TOp op, string name, string file, string entry, Func<TOp, Part[]> parts) where TOp : struct
        => kernels.Get(Key(op, name, file, parts), entry, (op, name, file, parts), static s => Text(s.op, s.name, s.file, s.parts));

    /// <summary>The parameters c0 and c1 of an operation: its fields.</summary>
    public static (float C0, float C1) Parameters<TOp>(TOp op) where TOp : struct
    {
        var words = Words(ref op);
        return (words.Length > 0 ? words[0] : 0, words.Length > 1 ? words[1] : 0);
    }

    /// <summary>The file's text with every hole filled by the operation's formula.</summary>
    public static string Text<TOp>(TOp op, string name, string file, Func<TOp, Part[]> parts) where TOp : struct
    {
        float[] stand = [];
        if (IsParametric(op, name, file, parts)) (op, stand) = Marked<TOp>(op, 1);
        return Fill(PtxLibrary.Text(file), parts(op), stand);
    }

    static string Key<TOp>(TOp op, string name, string file, Func<TOp, Part[]> parts) where TOp : struct
    {
        // One string a (file, operation), kept: a lookup allocates nothing.
        if (IsParametric(op, name, file, parts)) return Keys<TOp>.Of(file, name);
        return $"{file}:{name}({string.Join(", ", Words(ref op).ToArray().Select(w => BitConverter.SingleToUInt32Bits(w).ToString("X8", System.Globalization.CultureInfo.InvariantCulture)))})";
    }

    static class Keys<TOp>
    {
        static readonly ConcurrentDictionary<string, string> keys = new(StringComparer.Ordinal);

        public static string Of(string file, string name) => keys.TryGetValue(file, out string? key) ? key : keys.GetOrAdd(file, $"{file}:{name}");
    }

    /// <summary>True where the fields' values do not show in the formula but as constants of it: two sets of values give one text.</summary>
    static bool IsParametric<TOp>(TOp op, string name, string file, Func<TOp, Part[]> parts) where TOp : struct
    {
        if (parametric.TryGetValue(typeof(TOp), out bool known)) return known;
        if (Words(ref op).Length == 0) return parametric[typeof(TOp)] = true;
        if (Words(ref op).Length > 2) return parametric[typeof(TOp)] = false;
        var (a, standA) = Marked<TOp>(op, 1);
        var (b, standB) = Marked<TOp>(op, 2);
        string text = PtxLibrary.Text(file);
        return parametric[typeof(TOp)] = Fill(text, parts(a), standA) == Fill(text, parts(b), standB);
    }

    /// <summary>The operation with odd numbers, of no use to any formula, as its fields.</summary>
    static (TOp Op, float[] Values) Marked<TOp>(TOp op, int seed) where TOp : struct
    {
        var words = Words(ref op);
        for (int i = 0; i < words.Length; i++) words[i] = 1.2345679f + (0.0078613f * ((10 * seed) + i));
        return (op, words.ToArray());
    }

    // A struct without fields has a size of 1.
    static Span<float> Words<TOp>(ref TOp op) where TOp : struct
        => System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref Unsafe.As<TOp, float>(ref op), Unsafe.SizeOf<TOp>() / sizeof(float));

    static string Fill(string text, Part[] parts, float[] parameters)
    {
        var functions = new SortedSet<string>(StringComparer.Ordinal);
        text = Hole().Replace(text, match =>
        {
            var part = Array.Find(parts, p => p.Name == match.Groups[2].Value);
            if (part.Apply is null) return match.Value;
            return PtxVec.Write(part.Apply, match.Groups[1].Value, match.Groups[3].Value.Split(',', StringSplitOptions.TrimEntries), parameters, functions);
        });
        if (functions.Count == 0) return text;
        // Functions come before the kernels that call them.
        string lanes = PtxLibrary.Text("lanes.ptx");
        const string header = ".address_size 64";
        string body = lanes[(lanes.IndexOf(header, StringComparison.Ordinal) + header.Length)..];
        int first = text.IndexOf(".visible .entry", StringComparison.Ordinal);
        return text.Insert(first, body + "\n");
    }
}
