using SkiaSharp;

namespace Tessera.Vision;

/// <summary>A matrix as coloured squares, with a text in each: a confusion matrix.</summary>
/// <param name="Values">[rows, columns], the first row on top.</param>
/// <param name="RowLabels">One a row, at the left.</param>
/// <param name="ColumnLabels">One a column, turned by 90° below.</param>
sealed record MatrixChart(double[,] Values, IReadOnlyList<string> RowLabels, IReadOnlyList<string> ColumnLabels) : IDrawing
{
    const float Margin = 8, TitleSize = 16, AxisSize = 13, LabelSize = 12, LeastText = 4;

    /// <summary>Labels that are wider are shortened in the middle.</summary>
    public const float WidestLabel = 190;

    /// <summary>Above the matrix.</summary>
    public string Title { get; init; } = "";

    /// <summary>What the rows are.</summary>
    public string RowAxis { get; init; } = "";

    /// <summary>What the columns are.</summary>
    public string ColumnAxis { get; init; } = "";

    /// <summary>What is written into a square; null for nothing. White where the value is above half the largest.</summary>
    public Func<double, string>? CellText { get; init; }

    /// <summary>Colours from the least value to the largest.</summary>
    public ColorMap Colors { get; init; } = ColorMap.Blues;

    /// <summary>The width of the widest label, for who chooses the size of a figure.</summary>
    public float LabelWidth => Math.Max(Widest(Short(RowLabels), LabelSize), Widest(Short(ColumnLabels), LabelSize));

    static string[] Short(IReadOnlyList<string> labels) => [.. labels.Select(l => FigureFont.Shorten(l, LabelSize, WidestLabel))];

    int Rows => Values.GetLength(0);

    int Columns => Values.GetLength(1);

    public void Draw(SKCanvas canvas, SKRect area)
    {
        float top = area.Top + FigureFont.LineHeight(TitleSize) + Margin, axis = FigureFont.LineHeight(AxisSize) + Margin;
        var space = new SKRect(area.Left + axis, top, area.Right - Margin, area.Bottom - axis);
        var (cell, label, labels, left) = Fit(space);
        var squares = SKRect.Create(left, top, cell * Columns, cell * Rows);

        FigureFont.Draw(canvas, Title, squares.MidX, area.Top + (Margin / 2), FigureFont.Fit(Title, TitleSize, area.Width - Margin));
        FigureFont.Draw(canvas, RowAxis, left - labels - axis + (Margin / 2), squares.MidY, AxisSize, angle: -90);
        FigureFont.Draw(canvas, ColumnAxis, squares.MidX, area.Bottom - axis + (Margin / 2), AxisSize);
        DrawSquares(canvas, squares, cell);
        DrawLabels(canvas, squares, cell, label);
    }

    /// <summary>The side of a square, the size and the width of row labels, and where the squares begin: squares as large as leaves room for labels in proportion to them.</summary>
    (float Cell, float Label, float Labels, float Left) Fit(SKRect space)
    {
        string[] rows = Short(RowLabels), columns = Short(ColumnLabels);
        float cell = 0, label = LabelSize, rowLabels = 0;
        for (int round = 0; round < 4; round++)
        {
            rowLabels = Widest(rows, label) + Margin;
            float columnLabels = Widest(columns, label) + Margin;
            cell = Math.Max(1, Math.Min((space.Width - rowLabels) / Columns, (space.Height - columnLabels) / Rows));
            label = Math.Clamp(0.8f * cell, 5, label);
        }
        float free = space.Width - rowLabels - (cell * Columns);
        return (cell, label, rowLabels, space.Left + rowLabels + Math.Max(0, free / 2));
    }

    static float Widest(IReadOnlyList<string> labels, float size) => labels.Count == 0 ? 0 : labels.Max(l => FigureFont.Width(l, size));

    void DrawSquares(SKCanvas canvas, SKRect squares, float cell)
    {
        double least = Values.Cast<double>().Min(), largest = Values.Cast<double>().Max(), range = largest - least;
        string[] texts = CellText is null || 0.5f * cell < LeastText ? [] : [.. Values.Cast<double>().Select(CellText)]; // smaller ones are dust
        float size = texts.Length == 0 ? 0 : texts.Min(t => Math.Min(0.5f * cell, FigureFont.Fit(t, 14, 0.85f * cell)));
        using var fill = new SKPaint();
        for (int r = 0; r < Rows; r++)
            for (int c = 0; c < Columns; c++)
            {
                float x = squares.Left + (c * cell), y = squares.Top + (r * cell);
                fill.Color = Colors.At(range > 0 ? (Values[r, c] - least) / range : 0);
                canvas.DrawRect(x, y, cell, cell, fill);
                if (texts.Length > 0)
                    FigureFont.Draw(canvas, texts[(r * Columns) + c], x + (cell / 2), y + (cell / 2) - (0.62f * size), size, color: Values[r, c] > largest / 2 ? SKColors.White : SKColors.Black);
            }
        using var frame = new SKPaint { Style = SKPaintStyle.Stroke, Color = SKColors.Black, StrokeWidth = 1 };
        canvas.DrawRect(squares, frame);
    }

    void DrawLabels(SKCanvas canvas, SKRect squares, float cell, float size)
    {
        float half = 0.62f * size; // from the top of the text to its middle
        int every = (int)Math.Ceiling(size / cell); // one that would lie over the last is left out
        foreach (var (r, label) in Short(RowLabels).Index().Where(l => l.Index % every == 0))
            FigureFont.Draw(canvas, label, squares.Left - 4, squares.Top + ((r + 0.5f) * cell) - half, size, SKTextAlign.Right);
        foreach (var (c, label) in Short(ColumnLabels).Index().Where(l => l.Index % every == 0))
            FigureFont.Draw(canvas, label, squares.Left + ((c + 0.5f) * cell) - half, squares.Bottom + 4, size, SKTextAlign.Right, angle: -90);
    }
}
