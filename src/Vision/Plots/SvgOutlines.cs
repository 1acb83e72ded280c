using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using SkiaSharp;

namespace Tessera.Vision;

/// <summary>
/// Turns the text of Skia's SVG files into the outlines of its letters, so that it looks the same where its font is missing. What it says stays as
/// <c>aria-label</c>, for readers and searches.
/// </summary>
static partial class SvgOutlines
{
    static readonly string[] ofTheFont = ["x", "y", "font-size", "font-family", "font-style", "font-weight"];

    /// <summary>The same picture without <c>text</c> elements.</summary>
    public static string Of(string svg)
    {
        var document = XDocument.Parse(svg);
        foreach (var text in document.Descendants().Where(e => e.Name.LocalName == "text").ToArray()) text.ReplaceWith(Outlined(text));
        return document.Declaration + "\n" + document;
    }

    static XElement Outlined(XElement text)
    {
        string letters = text.Value.Trim('\n', '\t');
        float[] x = Numbers(text, "x"), y = Numbers(text, "y");
        using var font = FigureFont.Font(FigureFont.OfFamily(Family(text)), Numbers(text, "font-size")[0]);
        using var path = x.Length == letters.EnumerateRunes().Count()
            ? font.GetTextPath(letters, [.. x.Select((left, i) => new SKPoint(left, y[Math.Min(i, y.Length - 1)]))])
            : font.GetTextPath(letters, new SKPoint(x[0], y[0]));
        return new(text.Name.Namespace + "path",
            text.Attributes().Where(a => !a.IsNamespaceDeclaration && a.Name.Namespace == XNamespace.None && !ofTheFont.Contains(a.Name.LocalName)),
            new XAttribute("aria-label", VisualOrder.Logical(letters)), new XAttribute("d", Rounded(path.ToSvgPathData())));
    }

    static string Family(XElement text) => ((string?)text.Attribute("font-family") ?? "").Split(',')[0].Trim(' ', '\'', '"');

    static float[] Numbers(XElement text, string attribute) =>
        [.. ((string?)text.Attribute(attribute) ?? "0").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(n => float.Parse(n, CultureInfo.InvariantCulture))];

    /// <summary>A hundredth of a pixel is enough.</summary>
    static string Rounded(string path) => Number().Replace(path, n => float.Parse(n.Value, CultureInfo.InvariantCulture).ToString("0.##", CultureInfo.InvariantCulture));

    [GeneratedRegex(@"-?\d+\.\d+(e-?\d+)?")]
    private static partial Regex Number();
}
