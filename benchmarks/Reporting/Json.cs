using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tessera.Benchmarks;

/// <summary>Rows as a JSON array.</summary>
[JsonSerializable(typeof(IReadOnlyList<Row>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
sealed partial class Json : JsonSerializerContext
{
    /// <summary>Writes the file whole or not at all.</summary>
    public static void Write(string path, IReadOnlyList<Row> rows)
    {
        string next = path + ".next";
        File.WriteAllText(next, JsonSerializer.Serialize(rows, Default.IReadOnlyListRow) + "\n");
        File.Move(next, path, overwrite: true);
    }
}
