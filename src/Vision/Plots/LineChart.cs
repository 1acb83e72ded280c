using System.Globalization;
using ScottPlot;
using SkiaSharp;

namespace Tessera.Vision;

/// <summary>A line through points, in the order given; points that are not finite are left out.</summary>
/// <param name="Name">Its name in the legend, or empty.</param>
/// <param name="X">Abscissae.</param>
/// <param name="Y">Ordinates, as many.</param>
/// <param name="HasMarkers">Whether each point is a dot too.</param>
sealed record Line(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, bool HasMarkers = false);

/// <summary>A point that stands out.</summary>
sealed record Mark(string Name, double X, double Y);

/// <summary>Lines over a common axis, drawn by ScottPlot.</summary>
/// <param name="XLabel">What x is.</param>
/// <param name="YLabel">What y is.</param>
/// <param name="Lines">The lines, in the order of the legend.</param>
sealed record LineChart(string XLabel, string YLabel, IReadOnlyList<Line> Lines) : IDrawing
{
    static readonly Color[] colors = [.. new uint[] { 0x1F77B4, 0xFF7F0E, 0x2CA02C, 0xD62728, 0x9467BD, 0x8C564B, 0xE377C2, 0x7F7F7F }.Select(c => Color.FromARGB(0xFF000000 | c))];

    /// <summary>Above the chart.</summary>
    public string Title { get; init; } = "";

    /// <summary>Points on the lines, in the legend where they have a name.</summary>
    public IReadOnlyList<Mark> Marks { get; init; } = [];

    /// <summary>Whether equal distances along x are equal ratios; points at or below 0 are left out.</summary>
    public bool LogX { get; init; }

    /// <summary>Where the names stand: where no line is.</summary>
    public Alignment Legend { get; init; } = Alignment.UpperRight;

    /// <summary>The part of x that is shown; by default, all points.</summary>
    public (double From, double To)? XRange { get; init; }

    /// <summary>The colour of the line of this number.</summary>
    public static SKColor ColorOf(int line)
    {
        var c = colors[line % colors.Length];
        return new SKColor(c.Red, c.Green, c.Blue);
    }

    public void Draw(SKCanvas canvas, SKRect area)
    {
        using var plot = new Plot();
        plot.RenderManager.ClearCanvasBeforeEachRender = false; // other panels stand
        plot.Title(Title, 15);
        plot.XLabel(XLabel, 13);
        plot.YLabel(YLabel, 13);
        plot.Axes.Title.Label.Bold = plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        foreach (var (i, line) in Lines.Index()) Add(plot, line, colors[i % colors.Length]);
        foreach (var (i, mark) in Marks.Index()) Add(plot, mark, colors[(Lines.Count + i) % colors.Length]);
        plot.Legend.DisplayPlottableLegendItems = false;
        plot.Legend.Alignment = Legend;
        SetLimits(plot);
        UseFont(plot);
        plot.RenderInMemory((int)area.Width, (int)area.Height); // settles the layout, so that the next call draws once
        plot.Render(canvas, new PixelRect(area.Left, area.Right, area.Bottom, area.Top));
    }

    double Position(double x) => LogX ? Math.Log10(x) : x;

    (double X, double Y)[] Finite(Line line) =>
        [.. line.X.Zip(line.Y, (x, y) => (X: Position(x), Y: y)).Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y))];

    void Add(Plot plot, Line line, Color color)
    {
        var points = Finite(line);
        var scatter = plot.Add.Scatter(points.Select(p => p.X).ToArray(), points.Select(p => p.Y).ToArray(), color);
        scatter.LineWidth = 1.6f;
        scatter.MarkerSize = line.HasMarkers || points.Length == 1 ? 6 : 0;
        Explain(plot, line.Name, new LegendItem { LineColor = color, LineWidth = 2 });
    }

    void Add(Plot plot, Mark mark, Color color)
    {
        if (double.IsFinite(Position(mark.X)) && double.IsFinite(mark.Y)) plot.Add.Marker(Position(mark.X), mark.Y, MarkerShape.FilledCircle, 10, color);
        Explain(plot, mark.Name, new LegendItem { MarkerShape = MarkerShape.FilledCircle, MarkerSize = 8, MarkerColor = color });
    }

    static void Explain(Plot plot, string name, LegendItem item)
    {
        if (name.Length == 0) return;
        item.LabelText = name;
        item.LabelFontSize = 12;
        item.LabelStyle.Font = FigureFont.Typeface;
        plot.Legend.ManualItems.Add(item);
        plot.Legend.IsVisible = true;
    }

    /// <summary>All points, and 5 % more at each end.</summary>
    void SetLimits(Plot plot)
    {
        (double X, double Y)[] points = [.. Lines.SelectMany(Finite), .. Finite(new Line("", [.. Marks.Select(m => m.X)], [.. Marks.Select(m => m.Y)]))];
        var (left, right) = XRange is { } range ? (Position(range.From), Position(range.To)) : Widened(points.Select(p => p.X));
        var (bottom, top) = Widened(points.Where(p => p.X >= left && p.X <= right).Select(p => p.Y));
        plot.Axes.SetLimits(left, right, bottom, top);
        if (LogX) plot.Axes.Bottom.TickGenerator = Decades(left, right);
    }

    static (double Low, double High) Widened(IEnumerable<double> values)
    {
        double[] all = [.. values];
        if (all.Length == 0) return (0, 1);
        var (low, high) = (all.Min(), all.Max());
        double margin = high > low ? 0.05 * (high - low) : Math.Max(Math.Abs(low), 1) / 10;
        return (low - margin, high + margin);
    }

    /// <summary>Ticks at the powers of ten, labelled like 1e-03, with small ones between; where there are fewer than two powers, at 2 and 5 times them too.</summary>
    static ScottPlot.TickGenerators.NumericManual Decades(double left, double right)
    {
        var ticks = new ScottPlot.TickGenerators.NumericManual { MaxTickCount = int.MaxValue };
        int first = (int)Math.Floor(left), last = (int)Math.Ceiling(right);
        bool few = Math.Floor(right) - Math.Ceiling(left) < 1;
        int step = Math.Max(1, (last - first + 9) / 10);
        for (int decade = first; decade <= last; decade++)
            for (int digit = 1; digit < 10; digit++)
            {
                double at = decade + Math.Log10(digit);
                if (digit == 1 ? decade % step == 0 : few && digit is 2 or 5)
                    ticks.AddMajor(at, (digit * Math.Pow(10, decade)).ToString("0e+00", CultureInfo.InvariantCulture));
                else if (step == 1) ticks.AddMinor(at);
            }
        return ticks;
    }

    static void UseFont(Plot plot)
    {
        plot.Axes.Title.Label.Font = FigureFont.Typeface;
        foreach (var axis in plot.Axes.GetAxes())
            axis.Label.Font = axis.TickLabelStyle.Font = FigureFont.Typeface;
    }
}
