using System.Text;
using SkiaSharp;

namespace Tessera.Vision;

/// <summary>
/// Text of figures, in the font that comes with this assembly, since a system may have none. Letters that it has not (Chinese, Japanese, Korean) are
/// taken from a font of the system that has them; where there is none, a box stands for them.
/// </summary>
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
    public static float Width(string text, float size) => text.Split('\n').Max(line => LineWidth(line, size));

    static float LineWidth(string line, float size)
    {
        float width = 0;
        foreach (var (part, face) in Parts(line, SystemFonts.Shared))
        {
            using var font = Font(face, size);
            width += font.MeasureText(part);
        }
        return width;
    }

    /// <summary>The largest size up to <paramref name="size"/>, and at least 6, at which the text is no wider than <paramref name="width"/>.</summary>
    public static float Fit(string text, float size, float width) => Math.Clamp(size * width / Math.Max(Width(text, size), 1), 6, size);

    /// <summary>The text with as much left out of the middle of each line, in place of it an ellipsis, as makes it no wider than <paramref name="width"/>.</summary>
    public static string Shorten(string text, float size, float width)
    {
        return string.Join('\n', text.Split('\n').Select(Line));

        string Line(string line)
        {
            if (LineWidth(line, size) <= width) return line;
            Rune[] runes = [.. line.EnumerateRunes()];
            int kept = runes.Length - 1;
            while (kept > 2 && LineWidth(Cut(runes, kept), size) > width) kept--;
            return Cut(runes, kept);
        }

        static string Cut(Rune[] line, int kept) => $"{string.Concat(line[..((kept + 1) / 2)])}…{string.Concat(line[^(kept / 2)..])}";
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
        using var paint = new SKPaint { Color = color ?? SKColors.Black, IsAntialias = true };
        canvas.Save();
        canvas.RotateDegrees(angle, x, y);
        foreach (var (i, line) in text.Split('\n').Index())
        {
            float left = x - (align == SKTextAlign.Left ? 0 : LineWidth(line, size) * (align == SKTextAlign.Right ? 1 : 0.5f));
            foreach (var (part, face) in Parts(line, SystemFonts.Shared))
            {
                using var font = Font(face, size);
                canvas.DrawText(part, left, y + size + (i * LineHeight(size)), SKTextAlign.Left, font, paint);
                left += font.MeasureText(part);
            }
        }
        canvas.Restore();
    }

    /// <summary>A line in the order of its drawing, cut into parts that one font has.</summary>
    public static IReadOnlyList<(string Text, SKTypeface Face)> Parts(string line, SystemFonts others)
    {
        line = VisualOrder.Of(line);
        using var ours = Font(Typeface, 12);
        if (ours.ContainsGlyphs(line)) return [(line, Typeface)];
        List<(string Text, SKTypeface Face)> parts = [];
        foreach (Rune rune in line.EnumerateRunes())
        {
            var before = parts.Count > 0 ? parts[^1].Face : null;
            var face = ours.ContainsGlyph(rune.Value) ? Typeface
                : before is not null && SystemFonts.Has(before, rune) ? before
                : others.With(rune) ?? Typeface;
            if (face == before) parts[^1] = (parts[^1].Text + rune, face);
            else parts.Add((rune.ToString(), face));
        }
        return parts;
    }

    /// <summary>The font of this family: ours, or one of the system that was used.</summary>
    public static SKTypeface OfFamily(string family) => SystemFonts.Shared.Used(family) ?? Typeface;

    public static SKFont Font(SKTypeface face, float size) => new(face, size) { Subpixel = true };
}
