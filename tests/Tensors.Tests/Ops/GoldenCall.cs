using System.Text.Json;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A recorded call of an op: its attributes, with their usual defaults, and its input tensors.</summary>
sealed record GoldenCall(JsonElement Attrs, IReadOnlyDictionary<string, Tensor> Inputs)
{
    public Tensor this[string name] => Inputs[name];

    public Tensor? Maybe(string name) => Inputs.GetValueOrDefault(name);

    public JsonElement? Attr(string name) =>
        Attrs.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public int Int(string name, int usual = 0) => Attr(name)?.GetInt32() ?? usual;

    public float Float(string name, float usual = 0) => (float)(Attr(name)?.Number() ?? usual);

    public bool Bool(string name, bool usual = false) => Attr(name)?.GetBoolean() ?? usual;

    public string Text(string name, string usual = "") => Attr(name)?.GetString() ?? usual;

    /// <summary>A list of numbers; a single number is a list of one.</summary>
    public int[] Ints(string name) => Attr(name) is { ValueKind: JsonValueKind.Array } list ? list.Ints() : [Int(name)];

    public Pair Pair(string name, int usual = 0) => Attr(name) is { ValueKind: JsonValueKind.Array } list ? (list[0].GetInt32(), list[1].GetInt32()) : Int(name, usual);

    public Reduction Reduction => Text("reduction", "mean") switch
    {
        "none" => Tessera.Reduction.None,
        "sum" => Tessera.Reduction.Sum,
        "batchmean" => Tessera.Reduction.BatchMean,
        _ => Tessera.Reduction.Mean,
    };

    /// <summary>The inputs named in the attribute <c>inputs_in_order</c>, else all in the order of their names.</summary>
    public Tensor[] List => Attr("inputs_in_order") is { } names
        ? [.. names.EnumerateArray().Select(n => Inputs[n.GetString()!])]
        : [.. Inputs.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value)];
}
