using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The pictures of a report, all inside the page.</summary>
sealed class ReportPictures(ClassificationInterpretation interpretation, ReportOptions options)
{
    /// <summary>The most items that are named in all cells of the matrix together.</summary>
    const int MaxListed = 5000;

    /// <summary>Loss, rate and metrics as charts; nothing where nothing was recorded.</summary>
    public string Curves()
    {
        var recorder = options.Recorder ?? interpretation.Learner.History;
        if (recorder.Losses.Count == 0) return "<p>The course of training is not known.</p>";
        List<(string What, Figure Figure)> charts = [("Losses", recorder.PlotLosses(480, 320)), ("Learning rate", recorder.PlotLr(width: 480, height: 320))];
        if (recorder.MetricValues.Any(m => m is { Count: > 0 })) charts.Add(("Metrics", recorder.PlotMetrics(width: 480)));
        return string.Concat(charts.Select(c => $"<img alt=\"{c.What}\" src=\"data:image/svg+xml;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes(c.Figure.ToSvg()))}\">\n"));
    }

    public string TopLosses()
    {
        int[] items = [.. interpretation.TopLosses(options.TopLosses).Select(l => l.Item)];
        if (items.Length == 0) return "";
        var html = new StringBuilder();
        foreach (var (item, pictures) in items.Zip(WithHeatMaps(items)))
        {
            string caption = FormattableString.Invariant(
                $"<b>{Class(interpretation.Predicted[item])}</b>, but is <b>{Class(interpretation.Targets[item])}</b><br>")
                + FormattableString.Invariant($"loss {interpretation.Losses[item]:F2}, probability {interpretation.ProbabilityOfActual(item):F4}<br>{ReportTables.Escaped(Name(item))}");
            html.Append("<figure>").AppendJoin("", pictures.Select(p => $"<img alt=\"\" src=\"{Uri(p, 256)}\">")).Append($"<figcaption>{caption}</figcaption></figure>\n");
        }
        return html.ToString();
    }

    string Class(int c) => ReportTables.Escaped(interpretation.Classes[c]);

    /// <summary>Each photo, and beside it its heat map where the model has feature maps that are fine enough.</summary>
    IEnumerable<Image[]> WithHeatMaps(int[] items) => interpretation.Learner.Model is Sequential { Count: >= 2 }
        ? GradCam.Of(interpretation.Learner, items, set: interpretation.Set).Select(cam => cam.IsFine ? [cam.Photo, cam.Overlay(0.6)] : new[] { cam.Photo })
        : items.Select(i => new[] { LoadedItem.Of(interpretation.Set, i).ToImage() });

    /// <summary>What the page's script shows: the items of each cell of the matrix, largest loss first, and photos of some.</summary>
    public string Data(IReadOnlyList<int> classes)
    {
        var shown = classes.ToHashSet();
        int[] listed = [.. interpretation.TopLosses().Select(l => l.Item)
            .Where(i => shown.Contains(interpretation.Targets[i]) && shown.Contains(interpretation.Predicted[i])).OrderByDescending(IsWrong).Take(MaxListed)];
        var withPhoto = listed.Where(IsWrong).Concat(RightOnes(listed)).Take(options.Photos).ToHashSet();
        var items = listed.Select(i => new ReportItem(
            interpretation.Targets[i], interpretation.Predicted[i], Name(i), MathF.Round(interpretation.Losses[i], 4),
                withPhoto.Contains(i) ? Uri(LoadedItem.Of(interpretation.Set, i).ToImage(), options.PhotoSize) : null));
        return JsonSerializer.Serialize([.. items], ReportJson.Default.ReportItemArray);
    }

    bool IsWrong(int item) => interpretation.Targets[item] != interpretation.Predicted[item];

    /// <summary>Of each class first one photo that was recognised, then a second of each, and so on.</summary>
    IEnumerable<int> RightOnes(IEnumerable<int> items) => items.Where(i => !IsWrong(i)).GroupBy(i => interpretation.Targets[i])
        .SelectMany(g => g.Select((item, turn) => (item, turn))).OrderBy(x => x.turn).Select(x => x.item);

    /// <summary>The file's name and its folder's.</summary>
    string Name(int item)
    {
        string[] parts = interpretation.Describe(item).Split('/', '\\');
        return string.Join('/', parts[^Math.Min(2, parts.Length)..]);
    }

    static string Uri(Image image, int side)
    {
        int longer = Math.Max(image.Width, image.Height);
        if (longer > side) image = image.Resize(Math.Max(1, image.Height * side / longer), Math.Max(1, image.Width * side / longer));
        return "data:image/jpeg;base64," + Convert.ToBase64String(image.ToJpeg(80));
    }
}

/// <summary>An item of a confusion matrix's cell.</summary>
sealed record ReportItem(int Actual, int Predicted, string Name, float Loss, string? Src);

/// <summary>JSON without reflection; what could end a script element is escaped.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ReportItem[]))]
sealed partial class ReportJson : JsonSerializerContext;
