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

    static string? Fault(Row r)
    {
        if (r.Ours is not { } ours || !IsFigure(ours)) return $"{r.Work}: no figure of ours: got {r.Ours}.";
        if (r.Theirs is null && !r.Note.Contains("did not load", StringComparison.Ordinal)) return $"{r.Work}: no figure of {r.Peer}, and no reason.";
        if (r.Theirs is { } theirs && !(IsFigure(theirs) && r.Ratio is { } ratio && IsFigure(ratio))) return $"{r.Work}: {r.Peer}: got {r.Theirs}, ratio {r.Ratio}.";
        return r.Unit.Length == 0 || r.Peer.Length == 0 ? $"{r.Work}: no unit or no peer." : null;
    }

    static bool IsFigure(double x) => double.IsFinite(x) && x > 0;
}
