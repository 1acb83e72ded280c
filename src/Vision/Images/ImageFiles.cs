using System.IO.Enumeration;

namespace Tessera.Vision;

/// <summary>Finds the photos of a folder.</summary>
public static class ImageFiles
{
    /// <summary>Endings (lower case) of names that count as images.</summary>
    public static IReadOnlySet<string> Extensions { get; } = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        ".bmp", ".gif", ".ico", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif",
        ".pbm", ".pgm", ".ppm", ".pnm", ".ras", ".rgb", ".svg", ".xbm", ".xpm", ".xwd", ".ief",
    };

    /// <summary>
    /// Paths of the images in <paramref name="folder"/>, sorted by ordinal comparison, so that a seeded split is the same on every machine.
    /// Names that begin with a dot are skipped, hidden folders too; links to folders are not followed.
    /// </summary>
    /// <param name="folder">Where to look.</param>
    /// <param name="recurse">Look into sub-folders.</param>
    /// <param name="checkExtension">Take only names that end in one of <see cref="Extensions"/>, in any case.</param>
    /// <param name="include">With recursion: the only top-level folders to enter; null for all.</param>
    /// <param name="exclude">With recursion: top-level folders not to enter.</param>
    /// <exception cref="DataException">The folder does not exist or cannot be read.</exception>
    public static string[] In(
        string folder, bool recurse = false, bool checkExtension = true, IReadOnlyCollection<string>? include = null, IReadOnlyCollection<string>? exclude = null)
    {
        if (File.Exists(folder))
            throw new DataException($"{folder}: is a file: expected a folder of photos. Hint: name the folder it is in.");
        if (!Directory.Exists(folder))
            throw new DataException($"{folder}: no such folder. Hint: check the path, or unpack the archive first.");
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        try
        {
            var files = new FileSystemEnumerable<string>(folder, (ref entry) => entry.ToSpecifiedFullPath(), new EnumerationOptions
            {
                RecurseSubdirectories = recurse,
                AttributesToSkip = 0,
                IgnoreInaccessible = false,
            })
            {
                ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && entry.FileName[0] != '.'
                    && (!checkExtension || Extensions.Contains(Path.GetExtension(entry.FileName).ToString())),
                ShouldRecursePredicate = (ref entry) => entry.FileName[0] != '.' && (entry.Attributes & FileAttributes.ReparsePoint) == 0
                    && Enters(ref entry, root, include, exclude),
            };
            var paths = files.ToArray();
            Array.Sort(paths, StringComparer.Ordinal);
            return paths;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{folder}: cannot be listed: {e.Message} Hint: check the rights.", e);
        }
    }

    static bool Enters(ref FileSystemEntry entry, string root, IReadOnlyCollection<string>? include, IReadOnlyCollection<string>? exclude)
    {
        if (!Path.TrimEndingDirectorySeparator(Path.GetFullPath(entry.Directory.ToString())).Equals(root, StringComparison.Ordinal))
            return true;
        var name = entry.FileName.ToString();
        return (include is null || include.Contains(name, StringComparer.Ordinal)) && (exclude is null || !exclude.Contains(name, StringComparer.Ordinal));
    }
}
