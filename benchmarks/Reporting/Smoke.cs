using System.Text.Json;

namespace Tessera.Benchmarks;

/// <summary>What must be true of any row, however small and however disturbed the machine.</summary>
static class Smoke
{
    /// <summary>What is wrong with the rows of a work; null where nothing is.</summary>
    public static string? Fault(Work work, IReadOnlyList<Row> rows)
    {
        if (rows.Count == 0) return $"{work.Name}: no row.";
        if (rows[0].Work != work.Name) return $"{work.Name}: the first row is called {rows[0].Work}.";
        return rows.Select(Fault).FirstOrDefault(f => f is not null);
    }

    /// <summary>What is wrong with a file of rows; null where each has all fields, of the right kinds.</summary>
    public static string? FaultOfFile(string json)
    {
        using var document = JsonDocument.Parse(json);
        foreach (var row in document.RootElement.EnumerateArray())
            foreach (var (name, kinds) in fields)
                if (!row.TryGetProperty(name, out var value) || !kinds.Contains(value.ValueKind)) return $"JSON: no field '{name}' of kind {string.Join(" or ", kinds)} in {row}.";
        return null;
    }

    static readonly (string Name, JsonValueKind[] Kinds)[] fields =
    [
        ("work", [JsonValueKind.String]), ("peer", [JsonValueKind.String]), ("unit", [JsonValueKind.String]),
        ("ours", [JsonValueKind.Number, JsonValueKind.Null]), ("theirs", [JsonValueKind.Number, JsonValueKind.Null]), ("ratio", [JsonValueKind.Number, JsonValueKind.Null]),
        ("gate", [JsonValueKind.Number, JsonValueKind.Null]), ("goal", [JsonValueKind.Number, JsonValueKind.Null]),
        ("lowerIsBetter", [JsonValueKind.True, JsonValueKind.False]), ("samples", [JsonValueKind.Number]), ("disturbed", [JsonValueKind.Number]),
    ];

    static string? Fault(Row r)
    {
        if (r.Ours is not { } ours || !IsFigure(ours)) return $"{r.Work}: no figure of ours: got {r.Ours}.";
        if (r.Theirs is null && !r.Note.Contains("did not load", StringComparison.Ordinal)) return $"{r.Work}: no figure of {r.Peer}, and no reason.";
        if (r.Theirs is { } theirs && !(IsFigure(theirs) && r.Ratio is { } ratio && IsFigure(ratio))) return $"{r.Work}: {r.Peer}: got {r.Theirs}, ratio {r.Ratio}.";
        return r.Unit.Length == 0 || r.Peer.Length == 0 ? $"{r.Work}: no unit or no peer." : null;
    }

    static bool IsFigure(double x) => double.IsFinite(x) && x > 0;
}
