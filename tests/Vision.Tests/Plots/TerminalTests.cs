using System.Text.RegularExpressions;
using Tessera.Vision;

namespace Tessera.Tests.Plots;

public sealed partial class TerminalTests
{
    static readonly Image picture = new(4, 2, [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, /**/ 0, 0, 0, 255, 255, 0, 0, 255, 255, 255, 0, 255]);

    [Test]
    public void AHalfBlockIsTwoPixels()
    {
        string text = TerminalPicture.Of(picture, 4, TerminalFormat.HalfBlocks);
        Assert.That(text, Does.StartWith("\e[38;2;255;0;0m\e[48;2;0;0;0m▀\e[38;2;0;255;0m\e[48;2;255;255;0m▀").And.EndsWith("▀\e[0m\n"));
        Assert.That(text.Count(c => c == '▀'), Is.EqualTo(4));
        Assert.That(TerminalPicture.Of(Ink.Solid(1, 2, 3), 10, TerminalFormat.HalfBlocks).Count(c => c == '\e'), Is.EqualTo(15), "two colours and an end for each of five lines");
    }

    [TestCase(4, 2)]
    [TestCase(13, 17)]
    public void SixelsAreThePicture(int width, int height)
    {
        var image = new Image(width, height, [.. Enumerable.Range(0, width * height * 3).Select(i => (byte)(51 * (i * i % 6)))]);
        string text = TerminalPicture.Of(image, 80, TerminalFormat.Sixel);
        Assert.That(Decoded(text, width, height), Is.EqualTo(image.Pixels.ToArray()), "colours of the palette come back as they were");
    }

    [Test]
    public void TooFewColumnsAreAnError() =>
        Assert.That(() => TerminalPicture.Of(picture, 0, TerminalFormat.HalfBlocks), Throws.TypeOf<TesseraException>().With.Message.Contains("got 0"));

    /// <summary>Reads sixels as a terminal does.</summary>
    static byte[] Decoded(string text, int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        var palette = new Dictionary<int, byte[]>();
        var (color, row, col) = (0, 0, 0);
        foreach (Match token in Token().Matches(text[(text.IndexOf('q', StringComparison.Ordinal) + 1)..^"\e\\\n".Length]))
        {
            string t = token.Value;
            int[] numbers = [.. Number().Matches(t).Select(m => int.Parse(m.Value))];
            if (t[0] == '"') Assert.That(numbers, Is.EqualTo(new[] { 1, 1, width, height }));
            else if (t[0] == '#' && numbers.Length == 5) palette[numbers[0]] = [.. numbers[2..].Select(p => (byte)((p * 255) / 100))];
            else if (t[0] == '#') color = numbers[0];
            else if (t[0] == '$') col = 0;
            else if (t[0] == '-') (row, col) = (row + 6, 0);
            else
            {
                for (int n = t[0] == '!' ? numbers[0] : 1; n > 0; n--, col++)
                    for (int bit = 0; bit < 6; bit++)
                        if (((t[^1] - 63) >> bit & 1) == 1) palette[color].CopyTo(rgb, (((row + bit) * width) + col) * 3);
            }
        }
        return rgb;
    }

    [GeneratedRegex("\"[0-9;]+|#[0-9;]+|![0-9]+[?-~]|[?-~]|[$-]")]
    private static partial Regex Token();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Number();
}
