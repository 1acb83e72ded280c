using System.Text;
using SkiaSharp;

namespace Tessera.Vision;

/// <summary>
/// A picture of numbers or photos: a chart, a grid of photos, a confusion matrix. It is drawn when it is asked for, as PNG, SVG, pixels, or text
/// for a terminal, the same on every system: the font comes with Tessera. A notebook of the .NET kernel shows it. Immutable.
/// </summary>
[TypeFormatterSource(typeof(NotebookPicture))]
public sealed class Figure
{
    const int MaxSide = 16384;

    readonly IDrawing drawing;

    /// <summary>A picture of <paramref name="drawing"/>.</summary>
    /// <exception cref="ShapeException">A side below 1 or above 16384 pixels.</exception>
    internal Figure(IDrawing drawing, int width, int height)
    {
        if (width is < 1 or > MaxSide || height is < 1 or > MaxSide)
            throw new ShapeException($"Figure: impossible size: got {width} x {height} pixels, expected sides of 1 to {MaxSide}. Hint: give width, then height, in pixels.");
        (this.drawing, Width, Height) = (drawing, width, height);
    }

    /// <summary>Pixels from left to right.</summary>
    public int Width { get; }

    /// <summary>Pixels from top to bottom.</summary>
    public int Height { get; }

    /// <summary>Writes the figure as PNG (name ends in .png) or SVG (.svg), whole or not at all: an old file stays as it was on failure.</summary>
    /// <exception cref="DataException">Another extension.</exception>
    /// <exception cref="TesseraException">The file cannot be written.</exception>
    public void Save(string path)
    {
        byte[] file = CheckExtension(path) == ".png" ? ToPng() : Encoding.UTF8.GetBytes(ToSvg());
        AtomicFile.Write(path, stream => stream.Write(file));
    }

    /// <summary>.png or .svg.</summary>
    /// <exception cref="DataException">Another extension.</exception>
    internal static string CheckExtension(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Path.GetExtension(path).ToLowerInvariant() is (".png" or ".svg") and var extension
            ? extension
            : throw new DataException($"{path}: cannot write a figure in this format: got '{Path.GetExtension(path)}', expected .png or .svg. Hint: change the name's ending.");
    }

    /// <summary>The bytes of a PNG file.</summary>
    public byte[] ToPng()
    {
        using var bitmap = Render();
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>The text of an SVG file. Photos are embedded; letters are outlines, so that they need no font, and their words are labels (<c>aria-label</c>).</summary>
    public string ToSvg()
    {
        using var stream = new MemoryStream();
        var area = SKRect.Create(Width, Height);
        using (var canvas = SKSvgCanvas.Create(area, stream)) // the text is whole when the canvas is disposed
        {
            canvas.DrawRect(area, new SKPaint { Color = SKColors.White });
            drawing.Draw(canvas, area);
        }
        return SvgOutlines.Of(Encoding.UTF8.GetString(stream.ToArray()));
    }

    /// <summary>The pixels.</summary>
    public Image ToImage()
    {
        using var bitmap = Render();
        return ImageCodec.FromRgba(bitmap.GetPixelSpan(), Width, Height);
    }

    /// <summary>Text that shows the figure when it is written to a terminal, ending with a new line.</summary>
    /// <param name="columns">How many characters wide; the height follows. Small text needs sixels, or many columns.</param>
    /// <param name="format">What the terminal understands.</param>
    /// <exception cref="TesseraException">Fewer than 2 columns.</exception>
    public string ToTerminal(int columns = 80, TerminalFormat format = TerminalFormat.HalfBlocks) => TerminalPicture.Of(ToImage(), columns, format);

    /// <summary>The size.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Figure {Width} x {Height}");

    SKBitmap Render()
    {
        var bitmap = new SKBitmap(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        drawing.Draw(canvas, SKRect.Create(Width, Height));
        return bitmap;
    }
}
