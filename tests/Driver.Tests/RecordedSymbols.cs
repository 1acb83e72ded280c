using System.Text.Json;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A prototype: <c>cuMemFree_v2</c>, and the C types of its parameters.</summary>
sealed record Prototype(string Symbol, IReadOnlyList<string> Parameters);

/// <summary>A prototype of one of NVIDIA's libraries: C types of the result and the parameters.</summary>
sealed record LibraryPrototype(bool IsExported, string Result, IReadOnlyList<string> Parameters);

/// <summary>The driver's interface as recorded from NVIDIA's header and library.</summary>
static class RecordedSymbols
{
    static readonly Lazy<HashSet<string>> exported = new(() => [.. File.ReadLines(TestData.Golden("symbols/libcuda.txt")).Where(l => !l.StartsWith('#'))]);
    static readonly Lazy<Dictionary<string, Prototype>> prototypes = new(ReadPrototypes);
    static readonly Lazy<Dictionary<string, Dictionary<string, long>>> enums = new(
        () => JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, long>>>(File.ReadAllText(TestData.Golden("symbols/enums.json")))!);

    static readonly Lazy<Dictionary<string, LibraryPrototype>> libraries = new(() => File.ReadLines(TestData.Golden("symbols/signatures.tsv")).Skip(1).Select(l => l.Split('\t')).ToDictionary(
        row => row[0], row => new LibraryPrototype(row[2] == "yes", row[3], row[4] == "void" ? [] : [.. row[4].Split(';').Select(p => p.Trim()[..p.Trim().LastIndexOf(' ')])]), StringComparer.Ordinal));

    static readonly Lazy<Dictionary<string, int>> sizes = new(() => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllText(TestData.Golden("symbols/structs.json")))!
        .ToDictionary(s => s.Key, s => s.Value.GetProperty("size").GetInt32(), StringComparer.Ordinal));

    /// <summary>The prototype of a function of any recorded library.</summary>
    public static LibraryPrototype? Of(string symbol) => libraries.Value.GetValueOrDefault(symbol);

    /// <summary>Bytes of a recorded structure, if it is one.</summary>
    public static int? SizeOf(string structure) => sizes.Value.TryGetValue(structure, out int size) ? size : null;

    /// <summary>Whether a name is a recorded enumeration.</summary>
    public static bool IsEnum(string name) => enums.Value.ContainsKey(name);

    /// <summary>What the library exports.</summary>
    public static IReadOnlySet<string> Exported => exported.Value;

    /// <summary>Members and values of an enumeration of the header.</summary>
    public static IReadOnlyDictionary<string, long> Enum(string name) => enums.Value[name];

    /// <summary>The prototype of an exported name.</summary>
    public static Prototype? Find(string symbol) => prototypes.Value.GetValueOrDefault(symbol);

    static Dictionary<string, Prototype> ReadPrototypes()
    {
        var found = new Dictionary<string, Prototype>(StringComparer.Ordinal);
        foreach (string[] row in File.ReadLines(TestData.Golden("symbols/signatures.tsv")).Skip(1).Select(l => l.Split('\t')))
        {
            if (!row[0].StartsWith("cu", StringComparison.Ordinal) || !char.IsUpper(row[0][2])) continue;
            if (row[3] != "enum cudaError_enum") continue;
            var prototype = new Prototype(row[0], row[4] == "void" ? [] : [.. row[4].Split(';').Select(p => p.Trim()[..p.Trim().LastIndexOf(' ')])]);
            found.Add(row[0], prototype);
            // The first version of this call is exported still, with the same parameters; the header names only its second.
            if (row[0] == "cuEventElapsedTime_v2") found.Add("cuEventElapsedTime", prototype with { Symbol = "cuEventElapsedTime" });
        }
        return found;
    }
}
