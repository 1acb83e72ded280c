using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Pictures of where a classifier errs and what it looks at; widths and heights are pixels.</summary>
public static class InterpretationPlots
{
    /// <summary>
    /// The photos of the largest (or smallest) losses as the model saw them, each under predicted class, actual class, loss, and the probability of the
    /// actual class.
    /// </summary>
    /// <param name="interpretation">What the model said.</param>
    /// <param name="k">How many photos, at least 1.</param>
    /// <param name="largest">Whether the largest losses come first.</param>
    /// <param name="heatmap">Whether each photo bears the <see cref="GradCam"/> of its actual class.</param>
    /// <param name="heatmapThreshold">Maps of fewer places are left out.</param>
    /// <param name="alpha">Weight of the map over the photo, 0 to 1.</param>
    /// <param name="colors">Of the map; default magma.</param>
    /// <param name="showText">Whether there are heading and titles.</param>
    /// <param name="width">Of the figure; by default, a photo is 260 pixels wide.</param>
    /// <param name="height">Of the figure.</param>
    /// <exception cref="TesseraException">The items are no photos, or a map was asked for and the model has no body and head.</exception>
    public static Figure PlotTopLosses(this ClassificationInterpretation interpretation, int k, bool largest = true, bool heatmap = false, int heatmapThreshold = GradCam.LeastPlaces,
        double alpha = 0.6, ColorMap? colors = null, bool showText = true, int? width = null, int? height = null)
    {
        ArgumentNullException.ThrowIfNull(interpretation);
        if (k < 1) throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"PlotTopLosses: number of photos: got {k}, expected at least 1. Hint: 9 is usual."));
        int[] items = [.. interpretation.TopLosses(k, largest).Select(l => l.Item)];
        var photos = heatmap
            ? GradCam.Of(interpretation.Learner, items, set: interpretation.Set).Select(cam => cam.Map.Length < heatmapThreshold ? cam.Photo : cam.Overlay(alpha, colors))
            : items.Select(i => LoadedItem.Of(interpretation.Set, i).ToImage());
        var cells = photos.Zip(items, (photo, i) => new ImageCell(photo, showText ? Title(interpretation, i) : ""));
        return new ImageGrid([.. cells], ImageGrid.Square(items.Length), showText ? "Prediction/Actual/Loss/Probability" : "").ToFigure(260, width, height);
    }

    /// <summary>What stands above a photo: in one line, or, where the names are long, the prediction in a line of its own.</summary>
    static string Title(ClassificationInterpretation i, int item)
    {
        const int longest = 40;
        string predicted = i.Classes[i.Predicted[item]] + "/";
        string rest = string.Create(CultureInfo.InvariantCulture, $"{i.Classes[i.Targets[item]]} / {i.Losses[item]:F2} / {i.ProbabilityOfActual(item):F2}");
        return predicted.Length + rest.Length <= longest ? predicted + rest : $"{predicted}\n{rest}";
    }

    /// <summary>How often each class (row) was taken for each (column).</summary>
    /// <param name="interpretation">What the model said.</param>
    /// <param name="normalize">Divides each row by its sum; a class without items stays 0.</param>
    /// <param name="decimals">Digits behind the point where normalised.</param>
    /// <param name="title">Above the matrix.</param>
    /// <param name="colors">From the least number to the largest; default blues.</param>
    /// <param name="showText">Whether the numbers are written, white above half the largest.</param>
    /// <param name="width">Of the figure; by default as the number of classes needs.</param>
    /// <param name="height">Of the figure; default the width.</param>
    public static Figure PlotConfusionMatrix(this ClassificationInterpretation interpretation, bool normalize = false, int decimals = 2, string title = "Confusion matrix",
        ColorMap? colors = null, bool showText = true, int? width = null, int? height = null)
    {
        ArgumentNullException.ThrowIfNull(interpretation);
        var (matrix, n) = (interpretation.ConfusionMatrix(), interpretation.Classes.Count);
        double[,] values = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            long sum = Enumerable.Range(0, n).Sum(j => matrix[i, j]);
            for (int j = 0; j < n; j++) values[i, j] = normalize ? (double)matrix[i, j] / Math.Max(sum, 1) : matrix[i, j];
        }
        if (decimals is < 0 or > 9) throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"PlotConfusionMatrix: decimals: got {decimals}, expected 0 to 9. Hint: 2 is usual."));
        string format = normalize ? "F" + decimals.ToString(CultureInfo.InvariantCulture) : "F0";
        var chart = new MatrixChart(values, interpretation.Classes, interpretation.Classes)
        {
            Title = title,
            RowAxis = "Actual",
            ColumnAxis = "Predicted",
            CellText = showText ? v => v.ToString(format, CultureInfo.InvariantCulture) : null,
            Colors = colors ?? ColorMap.Blues,
        };
        int side = width ?? Math.Clamp((int)Math.Max(200, 110 + chart.LabelWidth) + (30 * n), 400, 1600);
        return new Figure(chart, side, height ?? side);
    }

    /// <summary>The photo under its map.</summary>
    /// <param name="cam">The map and the photo.</param>
    /// <param name="title">Above it, such as the name of the class.</param>
    /// <param name="alpha">Weight of the map, 0 to 1.</param>
    /// <param name="colors">Of the map; default magma.</param>
    /// <param name="width">Of the figure.</param>
    public static Figure Plot(this GradCam cam, string title = "", double alpha = 0.4, ColorMap? colors = null, int width = 400)
    {
        ArgumentNullException.ThrowIfNull(cam);
        return new ImageGrid([new ImageCell(cam.Overlay(alpha, colors), title)], 1).ToFigure(width);
    }

    /// <summary>The filters of a model's first convolution (see <see cref="LayerVisualization.Filters"/>) in a square grid.</summary>
    /// <exception cref="TesseraException">The model has no convolution, or its first one reads neither one channel nor three.</exception>
    public static Figure PlotFilters(this Module model, int? width = null, int? height = null)
    {
        var filters = LayerVisualization.Filters(model);
        return new ImageGrid([.. filters.Select(f => new ImageCell(f))], ImageGrid.Square(filters.Count)).ToFigure(56, width, height);
    }

    /// <summary>Patches that excite a channel, and beside them their guided gradients.</summary>
    /// <param name="patches">What <see cref="LayerVisualization"/> found, at least one.</param>
    /// <param name="width">Of the figure.</param>
    /// <exception cref="TesseraException">No patches.</exception>
    public static Figure Plot(this IReadOnlyList<Patch> patches, int width = 640)
    {
        ArgumentNullException.ThrowIfNull(patches);
        if (patches.Count == 0) throw new TesseraException("Plot: no patches: got an empty list, expected at least one. Hint: LayerVisualization.Patches finds them.");
        ImageGrid Grid(Func<Patch, Image> of) => new([.. patches.Select(p => new ImageCell(of(p)))], ImageGrid.Square(patches.Count));
        return new Figure(new Panels(2, [Grid(p => p.Photo), Grid(p => p.Gradient)]), width, (width / 2) + 3);
    }
}
