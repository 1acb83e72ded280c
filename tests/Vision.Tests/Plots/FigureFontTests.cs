using System.Buffers.Binary;
using System.Text;
using System.Xml.Linq;
using SkiaSharp;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Plots;

public sealed class FigureFontTests
{
    const string Rare = "\U000F0000"; // for private use: no system has a letter there

    sealed record Word(string Text) : IDrawing
    {
        public void Draw(SKCanvas canvas, SKRect area) => FigureFont.Draw(canvas, Text, area.MidX, 20, 24, color: SKColors.DarkGreen);
    }

    [Test]
    public void TheLettersOfAnSvgAreOutlinesOfThePngsLetters()
    {
        var figure = new Figure(new Word("Abyssinian <5 %>"), 300, 80);
        var svg = XDocument.Parse(figure.ToSvg());
        Assert.That(svg.Descendants().Select(e => e.Name.LocalName), Has.None.EqualTo("text"));
        var word = svg.Descendants().Single(e => (string?)e.Attribute("aria-label") == "Abyssinian <5 %>");
        Assert.That((string?)word.Attribute("fill"), Is.EqualTo("#006400").Or.EqualTo("darkgreen"));

        using var path = SKPath.ParseSvgPathData((string)word.Attribute("d")!);
        using var bitmap = new SKBitmap(new SKImageInfo(300, 80, SKColorType.Rgba8888, SKAlphaType.Premul));
        using var canvas = new SKCanvas(bitmap);
        using var paint = new SKPaint { Color = SKColors.DarkGreen, IsAntialias = true };
        canvas.Clear(SKColors.White);
        canvas.DrawPath(path, paint);
        byte[] drawn = bitmap.Bytes;
        var expected = figure.ToImage().Pixels;
        double ink = 0, difference = 0;
        for (int i = 0; i < 300 * 80; i++)
        {
            ink += 255 - expected[3 * i];
            difference += Math.Abs(expected[3 * i] - drawn[4 * i]);
        }
        Assert.That(ink, Is.GreaterThan(100_000));
        Assert.That(difference / ink, Is.LessThan(0.2), "edges of letters are smoothed in two ways");
    }

    [Test]
    public void ALetterThatTheFontHasNotComesFromAFontOfTheSystem()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("truetype"));
        File.WriteAllText(folder.File("truetype/Broken.ttf"), "no font");
        File.WriteAllBytes(folder.File("truetype/Other-Regular.ttf"), OtherFont());
        var fonts = new SystemFonts([folder.Path, folder.File("missing")]);

        var parts = FigureFont.Parts($"cat {Rare}{Rare} é", fonts);
        Assert.That(parts.Select(p => p.Text), Is.EqualTo(new[] { "cat ", Rare + Rare, " é" }));
        Assert.That(parts.Select(p => p.Face.FamilyName), Is.EqualTo(new[] { "DejaVu Sans", "DejaVu Tans", "DejaVu Sans" }));
        Assert.That(fonts.Used("DejaVu Tans"), Is.SameAs(parts[1].Face));
    }

    [Test]
    public void WhereNoFontHasItABoxStandsForIt()
    {
        var parts = FigureFont.Parts($"cat {Rare}", new SystemFonts([]));
        Assert.That(parts, Is.EqualTo(new[] { ($"cat {Rare}", FigureFont.Typeface) }));
        Assert.That(FigureFont.Width(Rare, 20), Is.GreaterThan(5));
        Assert.That(new Figure(new Word(Rare), 100, 60).ToImage().Pixels.ToArray(), Has.Some.LessThan(128), "drawn");
        Assert.That(FigureFont.Shorten(string.Concat(Enumerable.Repeat(Rare, 50)), 20, 100).EnumerateRunes().Select(r => r.ToString()), Is.All.EqualTo(Rare).Or.EqualTo("…"), "no half letters");
    }

    /// <summary>Our font under another name, whose last letter is <see cref="Rare"/>.</summary>
    static byte[] OtherFont()
    {
        using var stream = typeof(Figure).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!;
        byte[] font = new byte[stream.Length];
        stream.ReadExactly(font);
        Rename(font, Encoding.ASCII);
        Rename(font, Encoding.BigEndianUnicode);

        int cmap = Int(12 + (16 * Enumerable.Range(0, Short(4)).First(i => Encoding.ASCII.GetString(font, 12 + (16 * i), 4) == "cmap")) + 8);
        int record = cmap + 4 + (8 * Enumerable.Range(0, Short(cmap + 2)).First(i => Int(cmap + 4 + (8 * i)) == 0x0003000A)); // Windows, all of Unicode
        int subtable = cmap + Int(record + 4), last = subtable + 16 + (12 * (Int(subtable + 12) - 1));
        BinaryPrimitives.WriteInt32BigEndian(font.AsSpan(last), char.ConvertToUtf32(Rare, 0));
        BinaryPrimitives.WriteInt32BigEndian(font.AsSpan(last + 4), char.ConvertToUtf32(Rare, 0));
        return font;

        int Short(int at) => BinaryPrimitives.ReadUInt16BigEndian(font.AsSpan(at));
        int Int(int at) => BinaryPrimitives.ReadInt32BigEndian(font.AsSpan(at));
    }

    static void Rename(byte[] font, Encoding encoding)
    {
        byte[] name = encoding.GetBytes("DejaVu Sans"), other = encoding.GetBytes("DejaVu Tans");
        for (int at = 0, found; (found = font.AsSpan(at).IndexOf(name)) >= 0; at += found + name.Length) other.CopyTo(font, at + found);
    }
}

public sealed class NotebookPictureTests
{
    [Test]
    public void FiguresPhotosAndTablesShowThemselves()
    {
        Assert.That(Html(new Figure(new LineChart("x", "y", []), 40, 30)), Does.StartWith("<img width=\"40\" height=\"30\" src=\"data:image/png;base64,iVBOR"));
        Assert.That(Html(new Image(2, 1, [1, 2, 3, 4, 5, 6])), Does.StartWith("<img width=\"2\" height=\"1\" src=\"data:image/png;base64,iVBOR"));
        Assert.That(Html(Table.Of(["<3>", "7"], ("digit", d => d))), Does.StartWith("<pre>").And.Contain("&lt;3&gt;"));
        Assert.That(Html("text"), Is.Null);
    }

    /// <summary>As the kernel does it: by names alone.</summary>
    static string? Html(object value)
    {
        Attribute? attribute = value.GetType().GetCustomAttributes(inherit: true).OfType<Attribute>().FirstOrDefault(a => a.GetType().Name == "TypeFormatterSourceAttribute");
        if (attribute is null) return null;
        object source = Activator.CreateInstance((Type)Get(attribute, "FormatterSourceType"), nonPublic: true)!;
        object formatter = ((IEnumerable<object>)source.GetType().GetMethod("CreateTypeFormatters")!.Invoke(source, [])!).Single();
        Assert.That((string)Get(formatter, "MimeType"), Is.EqualTo("text/html"));
        using StringWriter writer = new();
        Assert.That(formatter.GetType().GetMethod("Format")!.Invoke(formatter, [value, writer]), Is.EqualTo(true));
        return writer.ToString();

        static object Get(object of, string property) => of.GetType().GetProperty(property)!.GetValue(of)!;
    }
}
