using System.Globalization;
using System.Text.RegularExpressions;
using CsvHelper;
using CsvHelper.Configuration;

namespace Tessera.Vision;

/// <summary>Photos with the names of their classes, before they are split.</summary>
static class Labels
{
    /// <summary>The first group of the pattern's first match in the path, written with forward slashes on every system.</summary>
    public static List<(string Path, string Label)> FromRegex(IReadOnlyList<string> paths, string pattern)
    {
        Regex regex;
        try
        {
            regex = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        }
        catch (ArgumentException e)
        {
            throw new DataException($"pattern: '{pattern}' is not a regular expression: {e.Message}", e);
        }
        if (regex.GetGroupNumbers().Length < 2)
            throw new DataException($"pattern: '{pattern}' has no group: expected one that matches the label, such as /([^/]+)_\\d+.jpg$");
        return [.. paths.Select(path =>
        {
            var match = Match(regex, path);
            return match.Success
                ? (path, match.Groups[1].Value)
                : throw new DataException($"{path}: the pattern '{pattern}' does not match this path. Hint: it runs on the whole path with forward slashes, and its first group is the label.");
        })];
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

    /// <summary>Rows of a table: a file name under <paramref name="folder"/> and a label. Columns go by header name or by number from 0.</summary>
    public static List<(string Path, string Label)> FromCsv(string csv, string folder, string fileColumn, string labelColumn, string suffix)
    {
        try
        {
            using var reader = new StreamReader(csv);
            using var table = new CsvReader(reader, new CsvConfiguration(CultureInfo.InvariantCulture) { DetectDelimiter = true, MissingFieldFound = null, BadDataFound = null });
            if (!table.Read() || !table.ReadHeader() || table.HeaderRecord is not { } header)
                throw new DataException($"{csv}: the table is empty: expected a header row and one row a photo.");
            int file = Column(header, fileColumn, csv), label = Column(header, labelColumn, csv);
            var rows = new List<(string, string)>();
            while (table.Read())
            {
                string? name = table.GetField(file), value = table.GetField(label);
                if (string.IsNullOrWhiteSpace(name) || string.IsNullOrWhiteSpace(value))
                    throw new DataException($"{csv}: row {table.Parser.Row} has no {(string.IsNullOrWhiteSpace(name) ? header[file] : header[label])}. Hint: fill in or remove the row.");
                rows.Add((Path.Combine(folder, name + suffix), value));
            }
            return rows;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CsvHelperException)
        {
            throw new DataException($"{csv}: the table cannot be read: {e.Message.Split('\n')[0]}", e);
        }
    }

    static int Column(string[] header, string column, string csv)
    {
        int at = Array.IndexOf(header, column);
        if (at < 0 && int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < header.Length) at = number;
        return at >= 0 ? at : throw new DataException($"{csv}: no column '{column}': expected one of {string.Join(", ", header)}, or a number from 0 to {header.Length - 1}.");
    }
}
