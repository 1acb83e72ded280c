using System.Globalization;

namespace Tessera;

/// <summary>Opens files to read; the error says why one cannot be opened, and what to do about it.</summary>
internal static class InputFile
{
    const int MostLooked = 10_000, MostNamed = 3;

    /// <summary>A file to be read from its beginning to its end.</summary>
    /// <inheritdoc cref="Error"/>
    /// <exception cref="DataException">It cannot be opened.</exception>
    public static FileStream Open(string path, string cure, IEnumerable<string> endings)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw Error(path, e, cure, endings);
        }
    }

    /// <summary>Whether an error says that a file cannot be opened or read.</summary>
    public static bool IsRefusal(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException;

    /// <summary>The error for a file that could not be opened or read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cause">What happened.</param>
    /// <param name="cure">Where such a file comes from: what to do where the folder holds none.</param>
    /// <param name="endings">How names of such files end, with the dot.</param>
    /// <param name="name">How the message calls the file; null for the path.</param>
    public static DataException Error(string path, Exception cause, string cure, IEnumerable<string> endings, string? name = null)
    {
        var (what, hint) = Explain(path, cause, cure, [.. endings]);
        return new DataException($"{name ?? path}: cannot be read: {what}. Hint: {hint}.", cause);
    }

    static (string What, string Hint) Explain(string path, Exception cause, string cure, string[] endings)
    {
        if (path.Length == 0 || path.Contains('\0')) return ("that is no path", "name a file");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? path;
        if (Directory.Exists(path)) return ("it is a folder", Files(path, endings) is { Length: > 0 } inside ? $"name a file in it, such as {Path.Combine(path, inside[0])}" : "name a file");
        if (File.Exists(path)) return (cause.Message.TrimEnd('.'), "check the rights, and that no other program holds it");
        if (!Directory.Exists(folder)) return ($"there is no folder {folder}", $"check the path: {Existing(folder)} is there");
        string[] files = Files(folder, endings);
        string wanted = Path.GetFileName(path);
        var (nearest, distance) = files.Select(f => (f, wanted.Length > 0 && f.StartsWith(wanted, StringComparison.OrdinalIgnoreCase) ? 1 : Distance(f, wanted))).DefaultIfEmpty().MinBy(f => f.Item2);
        if (nearest is not null && distance <= 1 + (nearest.Length / 4)) return ("there is no such file", $"did you mean {nearest}");
        if (files.Length == 0) return ("there is no such file", cure);
        string more = files.Length > MostNamed ? string.Create(CultureInfo.InvariantCulture, $" and {files.Length - MostNamed} more") : "";
        return ("there is no such file", $"the folder holds {string.Join(", ", files.Take(MostNamed))}{more}");
    }

    static string Existing(string folder)
    {
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } above) folder = above;
        return folder;
    }

    /// <summary>Names of the files of a kind in a folder, in order.</summary>
    static string[] Files(string folder, string[] endings)
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).Take(MostLooked).Select(f => Path.GetFileName(f)).Where(f => Array.Exists(endings, e => f.EndsWith(e, StringComparison.OrdinalIgnoreCase))).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>How many letters must be changed, inserted or left out to turn one name into the other (Levenshtein).</summary>
    static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0]++;
            for (int j = 1; j <= b.Length; j++)
            {
                int changed = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
