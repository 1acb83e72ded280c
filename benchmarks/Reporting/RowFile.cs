namespace Tessera.Benchmarks;

/// <summary>Rows of several runs in one list.</summary>
static class RowFile
{
    /// <summary>Old rows with those of the newly measured works in their place, in the order of <see cref="Work.All"/>.</summary>
    public static IReadOnlyList<Row> Merge(IReadOnlyList<Row> old, IReadOnlyList<Row> measured)
    {
        var (before, now) = (ByWork(old), ByWork(measured));
        return [.. Work.All.SelectMany(w => now.GetValueOrDefault(w.Name) ?? before.GetValueOrDefault(w.Name) ?? [])];
    }

    // A work's first row bears its name; those that follow belong to it.
    static Dictionary<string, List<Row>> ByWork(IReadOnlyList<Row> rows)
    {
        HashSet<string> names = [.. Work.All.Select(w => w.Name)];
        Dictionary<string, List<Row>> groups = [];
        List<Row> current = [];
        foreach (var row in rows)
        {
            if (names.Contains(row.Work)) groups[row.Work] = current = [];
            current.Add(row);
        }
        return groups;
    }
}
