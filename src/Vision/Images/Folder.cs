using System.Collections;
using System.Globalization;

namespace Tessera.Vision;

/// <summary>Looks into folders.</summary>
public static class Folder
{
    /// <summary>Files and folders in a folder, in ordinal order; printed as <c>(#3) [labels.csv, train, valid]</c>.</summary>
    /// <exception cref="DataException">The folder does not exist or cannot be read.</exception>
    public static FolderListing List(string folder)
    {
        try
        {
            string[] paths = Directory.GetFileSystemEntries(folder);
            Array.Sort(paths, StringComparer.Ordinal);
            return new(paths);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DataException($"{folder}: cannot be listed: {e.Message} Hint: check the path and the rights.", e);
        }
    }
}

/// <summary>The paths of what is in a folder.</summary>
[TypeFormatterSource(typeof(NotebookPicture))]
public sealed class FolderListing : IReadOnlyList<string>
{
    const int shown = 10;
    readonly string[] paths;

    internal FolderListing(string[] paths) => this.paths = paths;

    /// <inheritdoc/>
    public int Count => paths.Length;

    /// <inheritdoc/>
    public string this[int index] => paths[index];

    /// <inheritdoc/>
    public IEnumerator<string> GetEnumerator() => ((IEnumerable<string>)paths).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The count and the first names.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"(#{Count}) [{string.Join(", ", paths.Take(shown).Select(p => Path.GetFileName(p)))}{(Count > shown ? ", ..." : "")}]");
}
