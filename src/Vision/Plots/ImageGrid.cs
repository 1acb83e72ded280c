using SkiaSharp;

namespace Tessera.Vision;

/// <summary>A photo of a grid.</summary>
/// <param name="Photo">The photo, drawn as large as fits, its proportions kept.</param>
/// <param name="Title">Lines above it.</param>
/// <param name="Color">Of the title; black by default.</param>
readonly record struct ImageCell(Image Photo, string Title = "", SKColor? Color = null);

/// <summary>Photos row by row, each under its title, below a heading.</summary>
/// <param name="Cells">The photos.</param>
/// <param name="Columns">How many stand side by side.</param>
/// <param name="Heading">A line above all, or empty.</param>
sealed record ImageGrid(IReadOnlyList<ImageCell> Cells, int Columns, string Heading = "") : IDrawing
{
    const float Gap = 6, TitleSize = 13, HeadingSize = 16;

    /// <summary>The least number of columns that makes the grid no taller than wide: ⌈√n⌉.</summary>
    public static int Square(int n) => Math.Max(1, (int)Math.Ceiling(Math.Sqrt(n)));

    int TitleLines => Cells.Count == 0 ? 0 : Cells.Max(c => c.Title.Length == 0 ? 0 : c.Title.Count(ch => ch == '\n') + 1);

    float TitleHeight => TitleLines == 0 ? 0 : (TitleLines * FigureFont.LineHeight(TitleSize)) + 2;

    float HeadingHeight => Heading.Length == 0 ? 0 : FigureFont.LineHeight(HeadingSize) + Gap;

    /// <summary>A figure in which photos of a square shape are <paramref name="side"/> pixels wide, unless width or height are given.</summary>
    public Figure ToFigure(int side, int? width = null, int? height = null)
    {
        int rows = Math.Max(1, (Cells.Count + Columns - 1) / Columns);
        return new Figure(this, width ?? (int)((Columns * (side + Gap)) + Gap), height ?? (int)Math.Ceiling(HeadingHeight + (rows * (side + TitleHeight + Gap)) + Gap));
    }

    public void Draw(SKCanvas canvas, SKRect area)
    {
        FigureFont.Draw(canvas, Heading, area.MidX, area.Top + (Gap / 2), FigureFont.Fit(Heading, HeadingSize, area.Width - (2 * Gap)));
        int rows = Math.Max(1, (Cells.Count + Columns - 1) / Columns);
        float w = (area.Width - Gap) / Columns, h = (area.Height - HeadingHeight - Gap) / rows;
        foreach (var (i, cell) in Cells.Index())
        {
            float left = area.Left + Gap + (i % Columns * w), top = area.Top + HeadingHeight + (i / Columns * h);
            float size = FigureFont.Fit(cell.Title, TitleSize, w - Gap);
            FigureFont.Draw(canvas, FigureFont.Shorten(cell.Title, size, w - Gap), left + ((w - Gap) / 2), top, size, color: cell.Color);
            Draw(canvas, cell.Photo, SKRect.Create(left, top + TitleHeight, w - Gap, h - TitleHeight - Gap));
        }
    }

    static void Draw(SKCanvas canvas, Image photo, SKRect box)
    {
        float scale = Math.Min(box.Width / photo.Width, box.Height / photo.Height);
        if (scale <= 0) return;
        using var bitmap = ImageCodec.ToBitmap(photo);
        using var picture = SKImage.FromBitmap(bitmap);
        // Tiny pictures keep their square pixels, as digits of 28 x 28 should.
        var sampling = scale >= 3 ? new SKSamplingOptions(SKFilterMode.Nearest) : new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear);
        float w = scale * photo.Width, h = scale * photo.Height;
        canvas.DrawImage(picture, SKRect.Create(box.MidX - (w / 2), box.MidY - (h / 2), w, h), sampling);
    }
}
