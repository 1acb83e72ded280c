using SkiaSharp;

namespace Tessera.Vision;

/// <summary>Text of figures, in the font that comes with this assembly, since a system may have none.</summary>
static class FigureFont
{
    /// <summary>DejaVu Sans.</summary>
    public static SKTypeface Typeface { get; } = Load();

    static SKTypeface Load()
    {
        using var stream = typeof(FigureFont).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!;
        using var data = SKData.Create(stream);
        return SKTypeface.FromData(data);
    }

    /// <summary>The height of a line of text, with the space to the next.</summary>
    public static float LineHeight(float size) => 1.25f * size;

    /// <summary>How wide the widest line of <paramref name="text"/> is.</summary>
    public static float Width(string text, float size)
    {
        using var font = Font(size);
        return text.Split('\n').Max(line => font.MeasureText(line));
    }

    /// <summary>The largest size up to <paramref name="size"/>, and at least 6, at which the text is no wider than <paramref name="width"/>.</summary>
    public static float Fit(string text, float size, float width) => Math.Clamp(size * width / Math.Max(Width(text, size), 1), 6, size);

    /// <summary>The text with as much left out of the middle of each line, in place of it an ellipsis, as makes it no wider than <paramref name="width"/>.</summary>
    public static string Shorten(string text, float size, float width)
    {
        using var font = Font(size);
        return string.Join('\n', text.Split('\n').Select(Line));

        string Line(string line)
        {
            int kept = line.Length;
            while (kept > 2 && font.MeasureText(Cut(line, kept)) > width) kept--;
            return Cut(line, kept);
        }

        static string Cut(string line, int kept) => kept == line.Length ? line : $"{line[..((kept + 1) / 2)]}…{line[^(kept / 2)..]}";
    }

    /// <summary>Draws lines of text downwards; (x, y) is the top of the first, at its left end, middle or right end as <paramref name="align"/> says.</summary>
    /// <param name="canvas">Where.</param>
    /// <param name="text">Lines.</param>
    /// <param name="x">Pixels from the left.</param>
    /// <param name="y">Pixels from the top.</param>
    /// <param name="size">Of the font, in pixels.</param>
    /// <param name="align">What stands at x.</param>
    /// <param name="color">Black by default.</param>
    /// <param name="angle">Degrees clockwise about (x, y).</param>
    public static void Draw(SKCanvas canvas, string text, float x, float y, float size, SKTextAlign align = SKTextAlign.Center, SKColor? color = null, float angle = 0)
    {
        using var font = Font(size);
        using var paint = new SKPaint { Color = color ?? SKColors.Black, IsAntialias = true };
        canvas.Save();
        canvas.RotateDegrees(angle, x, y);
        foreach (var (i, line) in text.Split('\n').Index())
            canvas.DrawText(line, x, y + size + (i * LineHeight(size)), align, font, paint);
        canvas.Restore();
    }

    static SKFont Font(float size) => new(Typeface, size) { Subpixel = true };
}
