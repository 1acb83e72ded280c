namespace Tessera.Benchmarks;

/// <summary>The table inside a hand-written Markdown page: what stands between two marks is replaced, the rest stays.</summary>
static class Page
{
    const string Begin = "<!-- ratios: begin (generated: dotnet run -c Release --project benchmarks -- ratios --markdown docs/performance.md) -->";
    const string End = "<!-- ratios: end -->";

    /// <summary>Before minutes of measuring: is there a page with a place for the table?</summary>
    /// <exception cref="FileNotFoundException">No such page.</exception>
    /// <exception cref="InvalidDataException">The page lacks the marks.</exception>
    public static void Check(string path) => Place(path);

    /// <summary>Puts table and facts into the page; it is written whole or not at all.</summary>
    /// <exception cref="InvalidDataException">The page lacks the marks.</exception>
    public static void Write(string path, IReadOnlyList<Row> rows, IEnumerable<string> facts)
    {
        var (page, from, to) = Place(path);
        string text = string.Join('\n', facts.Select(f => "- " + f)) + "\n\n" + Markdown.Table(rows);
        string next = path + ".next";
        File.WriteAllText(next, $"{page[..(from + Begin.Length)]}\n\n{text}\n\n{page[to..]}");
        File.Move(next, path, overwrite: true);
    }

    static (string Page, int From, int To) Place(string path)
    {
        string page = File.ReadAllText(path);
        int from = page.IndexOf(Begin, StringComparison.Ordinal), to = page.IndexOf(End, StringComparison.Ordinal);
        if (from < 0 || to < from) throw new InvalidDataException($"{path}: no place for the table: expected the lines '{Begin}' and '{End}'.");
        return (page, from, to);
    }
}
