using System.Globalization;
using System.Text.RegularExpressions;

namespace Tessera.Vision;

/// <summary>What a path or a value says about a photo's class.</summary>
static class Labels
{
    /// <summary>From a path to the first group of the pattern's first match in it, the path written with forward slashes on every system.</summary>
    public static Func<string, string> FromRegex(string pattern)
    {
        Regex regex;
        try
        {
            regex = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (ArgumentException e)
        {
            throw new DataException($"pattern: not a regular expression: got '{pattern}', expected one with a group for the label: {e.Message} Hint: such as /([^/]+)_\\d+.jpg$", e);
        }
        if (regex.GetGroupNumbers().Length < 2)
            throw new DataException($"pattern: no group: got '{pattern}', expected a group for the label. Hint: such as /([^/]+)_\\d+.jpg$");
        return path => Match(regex, path) is { Success: true } match
            ? match.Groups[1].Value
            : throw new DataException($"{path}: the pattern '{pattern}' does not match this path. Hint: it runs on the whole path with forward slashes, and its first group is the label.");
    }

    static Match Match(Regex regex, string path)
    {
        try
        {
            return regex.Match(path.Replace('\\', '/'));
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new DataException($"{path}: the pattern '{regex}' takes too long on this path: expected an answer within a second. Hint: avoid repetitions inside repetitions, such as (.+)+.", e);
        }
    }

    /// <summary>The name of the folder a photo lies in.</summary>
    public static string OfFolder(string path) => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path))) ?? "";

    /// <summary>Whether a label is an integer as one writes it: 7 and -1, not 07 and +7, which are names.</summary>
    public static bool IsInteger(string label) =>
        long.TryParse(label, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            && string.Equals(value.ToString(CultureInfo.InvariantCulture), label, StringComparison.Ordinal);
}
