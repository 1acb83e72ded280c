using System.Collections.Concurrent;
using System.Text.Json;

namespace Tessera.Testing;

/// <summary>One entry of a recorded index such as ops/cases.json.</summary>
/// <param name="Id">The entry's id, name or file, else its place; unique within its list.</param>
/// <param name="Json">The entry itself.</param>
/// <param name="Folder">The folder of the index, where the entry's files lie.</param>
public sealed record GoldenCase(string Id, JsonElement Json, string Folder)
{
    static readonly ConcurrentDictionary<string, Lazy<JsonElement>> indexes = new(StringComparer.Ordinal);

    /// <summary>A member of the entry: <c>c["rtol"].GetDouble()</c>.</summary>
    public JsonElement this[string member] => Json.GetProperty(member);

    /// <summary>A member of the entry, or null where it is absent or null.</summary>
    public JsonElement? Maybe(string member) =>
        Json.TryGetProperty(member, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>The path of a file beside the index.</summary>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>The arrays of a safetensors file beside the index.</summary>
    public IReadOnlyDictionary<string, TestArray> Arrays(string name) => SafetensorsReader.Read(File(name));

    /// <summary>
    /// Every entry of a list in a recorded index, for <c>[TestCaseSource]</c>; one skipped case with the reason where the index is
    /// absent. <paramref name="list"/> is the list's member in the index; <paramref name="where"/> picks entries.
    /// </summary>
    public static IEnumerable<TestCaseData> All(string index, string list = "cases", Func<GoldenCase, bool>? where = null)
    {
        if (TestData.FindGolden(index) is not string path)
            return [new TestCaseData(new GoldenCase(index, default, "")).Ignore(TestData.ReasonAbsent(index, "TESSERA_GOLDEN"))];

        return Read(path, list).Where(where ?? (_ => true)).Select(c => new TestCaseData(c).SetArgDisplayNames(c.Id));
    }

    /// <summary>The whole of a recorded JSON file, for numbers that stand beside the list.</summary>
    public static JsonElement Index(string index) => Parse(TestData.Golden(index));

    /// <summary>The entry's id: what the runner shows.</summary>
    public override string ToString() => Id;

    static IEnumerable<GoldenCase> Read(string path, string list)
    {
        string folder = Path.GetDirectoryName(path)!;
        HashSet<string> taken = new(StringComparer.Ordinal);
        foreach ((int i, JsonElement json) in Parse(path).GetProperty(list).EnumerateArray().Index())
        {
            string id = Name(json) ?? $"{list}[{i}]";
            yield return new GoldenCase(taken.Add(id) ? id : $"{id}[{i}]", json, folder);
        }
    }

    static JsonElement Parse(string path) => indexes.GetOrAdd(path, p => new Lazy<JsonElement>(() =>
    {
        using JsonDocument json = JsonDocument.Parse(System.IO.File.ReadAllBytes(p));
        return json.RootElement.Clone();
    })).Value;

    static string? Name(JsonElement json)
    {
        foreach (string member in (string[])["id", "name", "file", "expected", "scheduler", "function", "layer", "kind", "op"])
        {
            if (json.TryGetProperty(member, out JsonElement value) && value.ValueKind == JsonValueKind.String)
                return value.GetString();
        }
        return null;
    }
}
