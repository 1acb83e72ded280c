using System.Xml.Linq;
using SkiaSharp;
using Tessera.Vision;

namespace Tessera.Tests.Plots;

/// <summary>Hebrew and Arabic class names, letter by letter as they are drawn from left to right.</summary>
public sealed class VisualOrderTests
{
    const string Cat = "\u05d7\u05ea\u05d5\u05dc", Tac = "\u05dc\u05d5\u05ea\u05d7"; // Hebrew
    const string Dog = "\u05db\u05dc\u05d1", God = "\u05d1\u05dc\u05db";

    [TestCase("cat", "cat")]
    [TestCase(Cat, Tac)]
    [TestCase(Cat + " " + Dog, God + " " + Tac, Description = "words")]
    [TestCase(Cat + " / " + Dog + " / 1.25 / 0.97", Tac + " / " + God + " / 1.25 / 0.97", Description = "the fields of a title keep their order")]
    [TestCase("a " + Cat + " b", "a " + Tac + " b")]
    [TestCase(Cat + " 12 " + Dog, God + " 12 " + Tac, Description = "digits are read from the left")]
    [TestCase(Cat + " (" + Dog + " " + Cat + ") 12", Tac + " (" + Tac + " " + God + ") 12", Description = "brackets part words")]
    [TestCase("\u05e9\u05b8\u05c1\u05dc", "\u05dc\u05e9\u05b8\u05c1", Description = "points stay behind their letter")]
    [TestCase("\u0633\u0644\u0627\u0645", "\ufee1\ufefc\ufeb3", Description = "salam: seen at the beginning, lam and alef as one at the end, meem alone")]
    [TestCase("\u0642\u0637\u0629", "\ufe94\ufec4\ufed7", Description = "a cat: qaf at the beginning, tah in the middle, teh marbuta at the end")]
    [TestCase("\u0643\u0644\u0628 \u0642\u0637\u0629", "\ufe94\ufec4\ufed7 \ufe90\ufee0\ufedb", Description = "two words do not join")]
    [TestCase("\u0645\u06cc\u200c\u0634", "\ufeb5\ufbfd\u200c\ufee3", Description = "Persian: no joining over a zero-width non-joiner")]
    public void LettersStandInTheOrderOfDrawing(string text, string drawn)
    {
        Assert.That(VisualOrder.Of(text), Is.EqualTo(drawn));
        Assert.That(VisualOrder.Logical(drawn), Is.EqualTo(text));
    }

    [Test]
    public void AnyTextComesBack()
    {
        string[] pieces = [Cat, Dog, "\u0633\u0644\u0627\u0645", "\u0642\u0637\u0629", "\u0644", "\u0627", "\u05e9\u05b8", "\u0644\u064e", "\u0627\u064e", "\u0640", " ", "-", "(", ")", "1", "23", "\u0661\u0662", "/", ".", "cat", "\U0001F408", "\u4e2d"];
        var random = new Random(3);
        for (int i = 0; i < 2000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => pieces[random.Next(pieces.Length)]));
            Assert.That(VisualOrder.Logical(VisualOrder.Of(text)), Is.EqualTo(text), string.Join(' ', text.Select(c => $"{(int)c:x4}")));
        }
    }

    [Test]
    public void OurFontHasAllForms()
    {
        using var font = FigureFont.Font(FigureFont.Typeface, 12);
        Assert.That(ArabicForms.All.Where(c => !font.ContainsGlyph(c)).Select(c => $"{(int)c:x4}"), Is.Empty);
        Assert.That(ArabicForms.All.Count(), Is.EqualTo(117 + 8 + 36));
    }

    sealed record Word(string Text) : IDrawing
    {
        public void Draw(SKCanvas canvas, SKRect area) => FigureFont.Draw(canvas, Text, area.MidX, 20, 24);
    }

    /// <summary>The picture is that of the reversed letters; the label of the SVG is the word as it is written.</summary>
    [Test]
    public void FiguresAreDrawnSoAndLabelledAsWritten()
    {
        byte[] drawn = new Figure(new Word(Cat), 200, 60).ToPng();
        using (var bitmap = new SKBitmap(new SKImageInfo(200, 60, SKColorType.Rgba8888, SKAlphaType.Premul)))
        using (var canvas = new SKCanvas(bitmap))
        using (var font = FigureFont.Font(FigureFont.Typeface, 24))
        using (var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true })
        {
            canvas.Clear(SKColors.White);
            canvas.DrawText(Tac, 100 - (font.MeasureText(Tac) / 2), 44, SKTextAlign.Left, font, paint);
            using var expected = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            Assert.That(drawn, Is.EqualTo(expected.ToArray()));
        }
        foreach (string text in (string[])[Cat, "\u0633\u0644\u0627\u0645"])
            Assert.That(XDocument.Parse(new Figure(new Word(text), 200, 60).ToSvg()).Descendants().Select(e => (string?)e.Attribute("aria-label")), Has.Member(text));
    }
}
