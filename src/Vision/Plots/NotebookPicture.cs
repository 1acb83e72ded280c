using System.Net;

namespace Tessera.Vision;

/// <summary>
/// Says how a notebook of the .NET kernel shows a type. The kernel finds it by its name, so that nothing of it is needed here: see "TypeFormatterSource" in the
/// documentation of dotnet-interactive.
/// </summary>
/// <param name="formatterSourceType">Has a method <c>CreateTypeFormatters</c>.</param>
[AttributeUsage(AttributeTargets.Class)]
sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
{
    public Type FormatterSourceType { get; } = formatterSourceType;

    public string[] PreferredMimeTypes { get; set; } = ["text/html"];
}

/// <summary>Figures and photos are pictures in a notebook, tables are lines.</summary>
sealed class NotebookPicture
{
    public string MimeType => "text/html";

    public IEnumerable<object> CreateTypeFormatters() => [this];

    /// <summary>Writes HTML; false for what is shown in some other way.</summary>
    public bool Format(object instance, TextWriter writer)
    {
        string? html = instance switch
        {
            Figure figure => Picture(figure.ToPng(), figure.Width, figure.Height),
            Image image => Picture(image.ToPng(), image.Width, image.Height),
            Table or FolderListing or ImageDataBunch => $"<pre>{WebUtility.HtmlEncode(instance.ToString())}</pre>",
            _ => null,
        };
        writer.Write(html);
        return html is not null;
    }

    static string Picture(byte[] png, int width, int height) => FormattableString.Invariant($"<img width=\"{width}\" height=\"{height}\" src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">");
}
