using SkiaSharp;

namespace Tessera.Vision;

/// <summary>Something that fills a rectangle: a chart, a grid of photos, a matrix, or several of them side by side. Immutable.</summary>
interface IDrawing
{
    /// <summary>Draws into <paramref name="area"/>, in pixels, on a white ground.</summary>
    void Draw(SKCanvas canvas, SKRect area);
}

/// <summary>Drawings of equal size in a grid, row by row.</summary>
/// <param name="Columns">How many stand side by side.</param>
/// <param name="Parts">The drawings.</param>
sealed record Panels(int Columns, IReadOnlyList<IDrawing> Parts) : IDrawing
{
    public void Draw(SKCanvas canvas, SKRect area)
    {
        int rows = (Parts.Count + Columns - 1) / Columns;
        float w = area.Width / Columns, h = area.Height / rows;
        foreach (var (i, part) in Parts.Index())
            part.Draw(canvas, SKRect.Create(area.Left + (i % Columns * w), area.Top + (i / Columns * h), w, h));
    }
}
