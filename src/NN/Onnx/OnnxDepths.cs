using System.Text;
using System.Text.Json;

namespace Tessera.NN;

/// <summary>
/// Where stochastic depth stands in a graph, which has no operator for it: the names of nodes <c>Identity</c> with their probabilities, as JSON in the metadata of the
/// file: <c>{"features.1.1.stochastic_depth": 0.0125}</c>.
/// </summary>
internal static class OnnxDepths
{
    /// <summary>The key in the metadata.</summary>
    public const string Key = "stochastic_depth";

    const int MaxText = 1 << 20;

    /// <summary>The metadata of a file that is written.</summary>
    public static string ToText(IReadOnlyDictionary<string, double> depths)
    {
        using MemoryStream bytes = new();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            foreach (var (node, p) in depths) json.WriteNumber(node, p);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    /// <summary>Probabilities by node; empty where the file has none.</summary>
    /// <exception cref="DataException">The entry is damaged.</exception>
    public static IReadOnlyDictionary<string, double> Of(OnnxModel model)
    {
        Dictionary<string, double> depths = new(StringComparer.Ordinal);
        if (model.Metadata.GetValueOrDefault(Key) is not { } text) return depths;
        if (text.Length > MaxText) throw Error(model, $"{text.Length} characters", $"at most {MaxText}");
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 2 });
            foreach (var p in json.RootElement.EnumerateObject())
                depths[p.Name] = p.Value.ValueKind == JsonValueKind.Number && p.Value.GetDouble() is >= 0 and <= 1 and var probability
                    ? probability : throw Error(model, p.ToString(), "a number of 0 to 1");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Error(model, $"'{(text.Length > 60 ? text[..60] + "…" : text)}'", "probabilities by node, as {\"block.stochastic_depth\":0.1}");
        }
        return depths;
    }

    static DataException Error(OnnxModel model, string got, string expected) => model.Error($"metadata '{Key}': got {got}, expected {expected}. Hint: export the network again, or remove the entry.");
}
