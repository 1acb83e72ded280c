using System.Text.Json;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A prototype of the driver or of one of NVIDIA's libraries: C types of the result and the parameters.</summary>
sealed record Prototype(bool IsExported, string Result, IReadOnlyList<string> Parameters);

/// <summary>The interfaces of the driver and the libraries as recorded from NVIDIA's headers and libraries.</summary>
static class RecordedSymbols
{
    static readonly Lazy<HashSet<string>> exported = new(() => [.. File.ReadLines(TestData.Golden("symbols/libcuda.txt")).Where(l => !l.StartsWith('#'))]);
    static readonly Lazy<Dictionary<string, Dictionary<string, long>>> enums = new(
        () => JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, long>>>(File.ReadAllText(TestData.Golden("symbols/enums.json")))!);

    static readonly Lazy<Dictionary<string, Prototype>> prototypes = new(() => File.ReadLines(TestData.Golden("symbols/signatures.tsv")).Skip(1).Select(l => l.Split('\t')).ToDictionary(
        row => row[0], row => new Prototype(row[2] == "yes", row[3], row[4] == "void" ? [] : [.. row[4].Split(';').Select(p => p.Trim()[..p.Trim().LastIndexOf(' ')])]), StringComparer.Ordinal));

    static readonly Lazy<Dictionary<string, JsonElement>> structures = new(() => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllText(TestData.Golden("symbols/structs.json")))!);

    /// <summary>The prototype of a function of the driver or of any recorded library.</summary>
    public static Prototype? Of(string symbol) => prototypes.Value.GetValueOrDefault(symbol);

    /// <summary>The prototype of one of the driver's entry points.</summary>
    // The first version of this call is exported still, with the same parameters; the header names only its second.
    public static Prototype? OfDriver(string entryPoint) => Of(entryPoint == "cuEventElapsedTime" ? "cuEventElapsedTime_v2" : entryPoint);

    /// <summary>Bytes of a recorded structure, if it is one.</summary>
    public static int? SizeOf(string structure) => structures.Value.TryGetValue(structure, out var s) ? s.GetProperty("size").GetInt32() : null;

    /// <summary>Names and offsets of the fields of a recorded structure.</summary>
    public static IReadOnlyList<(string Name, int Offset)> Fields(string structure) =>
        [.. structures.Value[structure].GetProperty("fields").EnumerateArray().Select(f => (f.GetProperty("name").GetString()!, f.GetProperty("offset").GetInt32()))];

    /// <summary>Whether a name is a recorded enumeration.</summary>
    public static bool IsEnum(string name) => enums.Value.ContainsKey(name);

    /// <summary>What the library exports.</summary>
    public static IReadOnlySet<string> Exported => exported.Value;

    /// <summary>Members and values of an enumeration of the headers.</summary>
    public static IReadOnlyDictionary<string, long> Enum(string name) => enums.Value[name];
}

/// <summary>An enumeration in C#, and its name and what its members begin with in the header.</summary>
sealed record BoundEnum(Type Type, string Name, string Prefix)
{
    /// <summary>Every member as a test case.</summary>
    public static IEnumerable<TestCaseData> Members(IEnumerable<BoundEnum> enums) =>
        enums.SelectMany(e => Enum.GetNames(e.Type).Select(m => new TestCaseData(e, m).SetArgDisplayNames($"{e.Type.Name}.{m}")));

    /// <summary>A member has the number that the header gives the one of its name, whatever their spelling.</summary>
    public void AssertNumber(string member)
    {
        string plain = (Prefix + member).Replace("_", "", StringComparison.Ordinal);
        var recorded = RecordedSymbols.Enum(Name).Single(m => m.Key.Replace("_", "", StringComparison.Ordinal).Equals(plain, StringComparison.OrdinalIgnoreCase));
        Assert.That(Convert.ToInt64(Enum.Parse(Type, member)), Is.EqualTo(recorded.Value), recorded.Key);
    }
}
