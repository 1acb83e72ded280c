using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tessera.Benchmarks;

/// <summary>Rows as a JSON array.</summary>
[JsonSerializable(typeof(IReadOnlyList<Row>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
sealed partial class Json : JsonSerializerContext
{
    /// <summary>The rows of a file; none where it is not there.</summary>
    public static IReadOnlyList<Row> Read(string path) =>
        File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), Default.IReadOnlyListRow) ?? [] : [];

    /// <summary>The rows as the file has them.</summary>
    public static string Text(IReadOnlyList<Row> rows) => JsonSerializer.Serialize(rows, Default.IReadOnlyListRow);

    /// <summary>Writes the file whole or not at all.</summary>
    public static void Write(string path, IReadOnlyList<Row> rows)
    {
        string next = path + ".next";
        File.WriteAllText(next, Text(rows) + "\n");
        File.Move(next, path, overwrite: true);
    }
}
