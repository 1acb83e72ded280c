using System.Net;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The numbers of a report as HTML.</summary>
sealed class ReportTables
{
    /// <summary>The most classes that a matrix shows.</summary>
    const int MaxClasses = 100;

    readonly ClassificationInterpretation interpretation;
    readonly ConfusionMatrix matrix;
    readonly IReadOnlyList<ClassScores> scores;

    public ReportTables(ClassificationInterpretation interpretation)
    {
        (this.interpretation, matrix, scores) = (interpretation, interpretation.ConfusionMatrix(), interpretation.PerClass());
        var most = Enumerable.Range(0, scores.Count).OrderByDescending(Errors).Take(MaxClasses);
        Shown = [.. most.Order()];
    }

    /// <summary>The classes of the matrix: all, or those with the most errors.</summary>
    public IReadOnlyList<int> Shown { get; }

    /// <summary>Text as HTML shows it, safe in elements and in quoted attributes.</summary>
    public static string Escaped(string text) => WebUtility.HtmlEncode(text);

    string Name(int c) => Escaped(interpretation.Classes[c]);

    /// <summary>Items of the class taken for others, and others taken for it.</summary>
    long Errors(int c) => Enumerable.Range(0, scores.Count).Where(j => j != c).Sum(j => matrix[c, j] + matrix[j, c]);

    public string Summary()
    {
        int wrong = interpretation.Targets.Zip(interpretation.Predicted).Count(pair => pair.First != pair.Second);
        double loss = interpretation.Losses.Average();
        return FormattableString.Invariant(
            $"{wrong} of {interpretation.Count} wrong: error rate {(double)wrong / interpretation.Count:F4}, mean loss {loss:F4}, {interpretation.Classes.Count} classes");
    }

    public string Matrix()
    {
        var html = new StringBuilder();
        if (Shown.Count < interpretation.Classes.Count) html.Append(FormattableString.Invariant($"<p>The {Shown.Count} classes with the most errors, of {interpretation.Classes.Count}.</p>"));
        html.Append("<table id=\"matrix\"><thead><tr><th>actual \\ predicted</th>");
        foreach (int c in Shown) html.Append(FormattableString.Invariant($"<th scope=\"col\" data-class=\"{c}\"><span>{Name(c)}</span></th>"));
        html.Append("</tr></thead><tbody>\n");
        foreach (int actual in Shown)
        {
            html.Append(FormattableString.Invariant($"<tr data-class=\"{actual}\" data-errors=\"{Errors(actual)}\" data-recall=\"{scores[actual].Recall:R}\"><th scope=\"row\">{Name(actual)}</th>"));
            foreach (int predicted in Shown) html.Append(Cell(actual, predicted));
            html.Append("</tr>\n");
        }
        return html.Append("</tbody></table>").ToString();
    }

    string Cell(int actual, int predicted)
    {
        long n = matrix[actual, predicted];
        if (n == 0) return FormattableString.Invariant($"<td data-class=\"{predicted}\"></td>");
        double part = (double)n / Math.Max(scores[actual].Support, 1);
        return FormattableString.Invariant(
            $"<td data-class=\"{predicted}\" class=\"{(actual == predicted ? "right" : "wrong")}\" style=\"--part:{part:F3}\">")
            + FormattableString.Invariant($"<button type=\"button\" title=\"{Name(actual)} taken for {Name(predicted)}\">{n}</button></td>");
    }

    public string MostConfused() => Table("confused", ["Actual", "Predicted", "Times"],
        interpretation.MostConfused().Take(20).Select(c => new[] { Text(c.Actual), Text(c.Predicted), Number(c.Count, "F0") }));

    public string Classes() => Table("scores", ["Class", "Photos", "Precision", "Recall", "F1"], scores.Select(s => new[]
    {
        Text(s.Class), Number(s.Support, "F0"), Number(s.Precision, "F3"), Number(s.Recall, "F3"), Number(s.F1, "F3"),
    }));

    public string Run(IEnumerable<KeyValuePair<string, string>> run)
    {
        string version = typeof(ReportTables).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?";
        string[][] own = [["Photos", FormattableString.Invariant($"{interpretation.Count}, {interpretation.Set.Dataset.InputShape}")], ["Device", $"{interpretation.Set.Device}"], ["Tessera", version],
            ["System", $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}"]];
        return Table("run", ["", ""], run.Select(r => new[] { r.Key, r.Value }).Concat(TrainingRecord.Rows(interpretation.Learner)).Concat(own).Select(row => Array.ConvertAll(row, Text)));
    }

    static string Text(string text) => $"<td data-value=\"{Escaped(text)}\">{Escaped(text)}</td>";

    static string Number(double x, string format) =>
        FormattableString.Invariant($"<td class=\"number\" data-value=\"{x:R}\">")
        + x.ToString(format, System.Globalization.CultureInfo.InvariantCulture) + "</td>";

    /// <summary>A table whose columns sort by a click on their heads; without heads where they are empty.</summary>
    static string Table(string id, string[] heads, IEnumerable<string[]> rows)
    {
        string head = string.Concat(heads.Select(h => $"<th scope=\"col\"><button type=\"button\">{h}</button></th>"));
        return $"<table id=\"{id}\" class=\"sortable\">{(heads[0].Length > 0 ? $"<thead><tr>{head}</tr></thead>" : "")}<tbody>\n"
            + $"{string.Concat(rows.Select(r => $"<tr>{string.Concat(r)}</tr>\n"))}</tbody></table>";
    }
}
