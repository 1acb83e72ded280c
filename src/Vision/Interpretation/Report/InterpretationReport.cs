using System.Text.RegularExpressions;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What a report shows beside what the model said.</summary>
public sealed record ReportOptions
{
    /// <summary>The heading.</summary>
    public string Title { get; init; } = "Interpretation";

    /// <summary>How many photos of largest loss are shown with their heat maps.</summary>
    public int TopLosses { get; init; } = 16;

    /// <summary>How many photos at most can be looked at by a click on the confusion matrix; wrong ones first. A photo adds about 5 KB to the page.</summary>
    public int Photos { get; init; } = 300;

    /// <summary>The longer side of such a photo, in pixels, at least 16.</summary>
    public int PhotoSize { get; init; } = 128;

    /// <summary>The course of training; default what the learner recorded in all fit calls.</summary>
    public Recorder? Recorder { get; init; }

    /// <summary>What is known about the run, in this order: seed, sizes and the like.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Run { get; init; } = [];
}

/// <summary>
/// A page that stands alone, in one HTML file without links to others: curves, confusion matrix to sort and to click, the largest losses with heat maps,
/// a table of classes, and the record of the run.
/// </summary>
public static partial class InterpretationReport
{
    /// <summary>Writes the page, whole or not at all.</summary>
    /// <param name="interpretation">What the model said.</param>
    /// <param name="path">The file, .html.</param>
    /// <param name="options">What it shows beside; default 16 largest losses and up to 300 photos.</param>
    /// <exception cref="TesseraException">The items are no pictures, or the file cannot be written.</exception>
    /// <example><code>
    /// learn.Interpret().SaveReport("report.html", new() { Title = "Pets" });
    /// </code></example>
    public static void SaveReport(this ClassificationInterpretation interpretation, string path, ReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(interpretation);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ReportOptions();
        if (options.TopLosses < 0 || options.Photos < 0 || options.PhotoSize < 16)
            throw new TesseraException(FormattableString.Invariant(
                $"SaveReport: got {options.TopLosses} losses and {options.Photos} photos of {options.PhotoSize} pixels, expected none or more, and at least 16 pixels."));
        string page = Page(interpretation, options);
        AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(page)));
    }

    static string Page(ClassificationInterpretation interpretation, ReportOptions options)
    {
        var tables = new ReportTables(interpretation);
        var pictures = new ReportPictures(interpretation, options);
        var parts = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["title"] = ReportTables.Escaped(options.Title),
            ["summary"] = tables.Summary(),
            ["curves"] = pictures.Curves(),
            ["matrix"] = tables.Matrix(),
            ["confused"] = tables.MostConfused(),
            ["losses"] = pictures.TopLosses(),
            ["classes"] = tables.Classes(),
            ["run"] = tables.Run(options.Run),
            ["data"] = pictures.Data(tables.Shown),
        };
        using var stream = typeof(InterpretationReport).Assembly.GetManifestResourceStream("report.html")!;
        using var reader = new StreamReader(stream);
        return Placeholder.Replace(reader.ReadToEnd(), match => parts[match.Groups[1].Value]);
    }

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Placeholder { get; }
}
