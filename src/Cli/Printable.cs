namespace Tessera.Cli;

/// <summary>Text of files, on a terminal.</summary>
static class Printable
{
    /// <summary>With a question mark for every control character: what a name in a damaged or hostile file says does nothing to the terminal.</summary>
    public static string Of(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
