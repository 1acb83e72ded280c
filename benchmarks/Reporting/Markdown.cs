using System.Globalization;
using System.Text;

namespace Tessera.Benchmarks;

/// <summary>Rows as a Markdown table.</summary>
static class Markdown
{
    /// <summary>The table with its head.</summary>
    public static string Table(IEnumerable<Row> rows)
    {
        var text = new StringBuilder(Head);
        foreach (var row in rows) text.Append('\n').Append(Line(row));
        return text.ToString();
    }

    /// <summary>The two first lines.</summary>
    public const string Head = """
        | work | peer | Tessera | peer's | unit | ratio | gate | goal | | samples (dropped) | |
        |---|---|---:|---:|---|---:|---:|---:|---|---:|---|
        """;

    /// <summary>One line.</summary>
    public static string Line(Row r)
    {
        string limit = r.LowerIsBetter ? "≤ " : "";
        string mark = r.HoldsGoal == true ? "goal" : r.Holds switch { true => "gate", false => "missed", null => "" };
        return string.Create(CultureInfo.InvariantCulture,
            $"| {r.Work} | {r.Peer} | {Number(r.Ours)} | {Number(r.Theirs)} | {r.Unit} | {r.Ratio?.ToString("0.00", CultureInfo.InvariantCulture)} | {(r.Gate is { } g ? limit + Short(g) : "")} | {(r.Goal is { } h ? limit + Short(h) : "")} | {mark} | {r.Samples} ({r.Disturbed}) | {r.Note} |");
    }

    static string Short(double x) => x.ToString("0.##", CultureInfo.InvariantCulture);

    static string Number(double? x) => x is { } v ? v.ToString(v < 10 ? "0.00" : v < 100 ? "0.0" : "0", CultureInfo.InvariantCulture) : "";
}
