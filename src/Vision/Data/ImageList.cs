using System.Globalization;

namespace Tessera.Vision;

/// <summary>
/// Photos without labels, the first of five steps to a <see cref="ImageDataBunch"/>: list, split (<see cref="SplitByRandom"/> and the like), label
/// (<see cref="ImageSplit.LabelFromFolder"/> and the like), <see cref="LabeledSplit.Transform"/>, <see cref="TransformedSplit.Bunch"/>. Each step is a type of its
/// own, so that none can be left out. Lists do not change: every method gives a new one.
/// </summary>
public sealed class ImageList
{
    ImageList(IReadOnlyList<ListedImage> items, string root, Table? table, int given)
    {
        if (items.Count == 0) throw new DataException("photos: none were given. Hint: check the folder, table or list, and what filters it.");
        (Items, Root, Table, Given) = (items, root, table, given);
    }

    ImageList() => (Items, Root) = ([], "");

    /// <summary>No photos.</summary>
    internal static ImageList None { get; } = new();

    /// <summary>The photos of a folder in ordinal order of their paths, so that a seeded split is the same everywhere.</summary>
    /// <param name="folder">Where to look.</param>
    /// <param name="recurse">Look into sub-folders.</param>
    /// <param name="include">The only top-level folders to enter; null for all.</param>
    /// <param name="exclude">Top-level folders not to enter.</param>
    /// <exception cref="DataException">No such folder, or no photos in it.</exception>
    public static ImageList FromFolder(string folder, bool recurse = true, IReadOnlyCollection<string>? include = null, IReadOnlyCollection<string>? exclude = null)
    {
        string[] photos = ImageFiles.In(folder, recurse, include: include, exclude: exclude);
        if (photos.Length == 0) throw new DataException($"{folder}: no photos in this folder: expected files such as .jpg or .png. Hint: check the path.");
        return FromPaths(photos, folder);
    }

    /// <summary>Photos by their paths, in the order given.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="root">The folder above all of them; null for the deepest there is.</param>
    /// <exception cref="DataException">No paths.</exception>
    public static ImageList FromPaths(IReadOnlyList<string> paths, string? root = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return new([.. paths.Select((path, row) => new ListedImage(path, row))], root ?? CommonFolder(paths), null, paths.Count);
    }

    /// <summary>Photos named in a table; its other columns can split and label them.</summary>
    /// <param name="table">One row a photo.</param>
    /// <param name="folder">What file names are relative to.</param>
    /// <param name="fileColumn">The column of file names: its name, or its number from 0.</param>
    /// <param name="suffix">Added to every file name.</param>
    /// <exception cref="DataException">No such column, a missing name, or no rows.</exception>
    public static ImageList FromTable(Table table, string folder, string fileColumn = "0", string suffix = "")
    {
        ArgumentNullException.ThrowIfNull(table);
        return new([.. table.Filled(fileColumn).Select((file, row) => new ListedImage(Path.Combine(folder, file + suffix), row))], folder, table, table.Count);
    }

    /// <summary>Photos named in a file of separated values.</summary>
    /// <param name="csv">The file.</param>
    /// <param name="folder">What file names are relative to; null for the file's folder.</param>
    /// <param name="fileColumn">As in <see cref="FromTable"/>.</param>
    /// <param name="suffix">As in <see cref="FromTable"/>.</param>
    /// <param name="header">Whether the first row names the columns: see <see cref="Table.Read(string, bool, string)"/>.</param>
    /// <param name="delimiter">What stands between two values; null: found out.</param>
    /// <exception cref="DataException">The file cannot be read, its header is a photo, or as in <see cref="FromTable"/>.</exception>
    public static ImageList FromCsv(string csv, string? folder = null, string fileColumn = "0", string suffix = "", bool header = true, string? delimiter = null)
    {
        var table = Table.Read(csv, header, delimiter);
        folder ??= Path.GetDirectoryName(Path.GetFullPath(csv))!;
        if (header && table.NameOf(fileColumn) is var name && File.Exists(Path.Combine(folder, name + suffix)))
            throw new DataException($"{csv}: the first row is a photo: got {name}{suffix}, expected the names of the columns. Hint: header: false takes it as a row; in a shell, --no-header.");
        return FromTable(table, folder, fileColumn, suffix);
    }

    /// <summary>The photos, and the place of each in what the list was made from.</summary>
    internal IReadOnlyList<ListedImage> Items { get; }

    /// <summary>The table it was made from, where it was.</summary>
    internal Table? Table { get; }

    /// <summary>Paths or rows that the list was made from, before filters.</summary>
    internal int Given { get; }

    /// <summary>The folder that holds the photos.</summary>
    public string Root { get; }

    /// <summary>Photos.</summary>
    public int Count => Items.Count;

    /// <summary>The files, in order.</summary>
    public IReadOnlyList<string> Paths => [.. Items.Select(i => i.Path)];

    /// <summary>The photos whose path the function takes.</summary>
    /// <exception cref="DataException">It takes none.</exception>
    public ImageList Filter(Func<string, bool> keep)
    {
        ArgumentNullException.ThrowIfNull(keep);
        return new([.. Items.Where(i => keep(i.Path))], Root, Table, Given);
    }

    /// <summary>⌊fraction·n⌋ of the photos at random, in their order: for a quick try.</summary>
    /// <param name="fraction">0 to 1.</param>
    /// <param name="seed">Of the choice.</param>
    /// <exception cref="DataException">The share is less than one photo.</exception>
    public ImageList Sample(double fraction = 0.01, ulong seed = 42)
    {
        if (fraction is not (>= 0 and <= 1)) throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"Sample: not a share: got {fraction}, expected 0 to 1. Hint: 0.1 keeps a tenth."));
        int[] order = new Philox(seed).Permutation(Count);
        return new([.. order[..(int)(fraction * Count)].Order().Select(i => Items[i])], Root, Table, Given);
    }

    /// <summary>A random share is held back for validation: of a permutation of all photos the first ⌊fraction·n⌋, in that order; the others train, in their own.</summary>
    /// <param name="validFraction">0 to below 1; 0 for no validation.</param>
    /// <param name="seed">Of the permutation, and of what follows unless it has a seed of its own.</param>
    /// <exception cref="TesseraException"><paramref name="validFraction"/> is no share.</exception>
    public ImageSplit SplitByRandom(double validFraction = 0.2, ulong seed = 42) => SplitByPermutation(validFraction, new Philox(seed).Permutation, seed);

    /// <summary>As <see cref="SplitByRandom"/> with the permutation of NumPy's legacy generator: the split of published notebooks, for photos in the same order.</summary>
    /// <param name="validFraction">0 to below 1; 0 for no validation.</param>
    /// <param name="seed">NumPy's seed.</param>
    /// <exception cref="TesseraException"><paramref name="validFraction"/> is no share.</exception>
    public ImageSplit SplitByLegacySeed(double validFraction = 0.2, uint seed = 42) => SplitByPermutation(validFraction, n => LegacyPermutation.Of(n, seed), seed);

    ImageSplit SplitByPermutation(double validFraction, Func<int, int[]> permutation, ulong seed)
    {
        if (validFraction is not (>= 0 and < 1))
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"ValidFraction: not a share: got {validFraction}, expected at least 0 and below 1. Hint: 0.2 is usual."));
        int[] order = permutation(Count);
        int n = (int)(validFraction * Count);
        return new(this, [.. order[n..].Order().Select(i => Items[i])], [.. order[..n].Select(i => Items[i])], seed, validFraction);
    }

    /// <summary>The photos under the folder <paramref name="train"/> train, those under <paramref name="valid"/> validate, others are left out.</summary>
    /// <param name="train">A folder in <see cref="Root"/>.</param>
    /// <param name="valid">A folder in <see cref="Root"/>.</param>
    /// <exception cref="DataException">No photo is in either.</exception>
    public ImageSplit SplitByFolder(string train = "train", string valid = "valid")
    {
        string trainFolder = Full(train), validFolder = Full(valid);
        var split = new ImageSplit(this, [.. Items.Where(i => IsIn(i, trainFolder))], [.. Items.Where(i => IsIn(i, validFolder))]);
        return split.Train.Count + split.Valid.Count > 0 ? split
            : throw new DataException($"{Root}: no photo is in the folders '{train}' or '{valid}'. Hint: name the folders, or split otherwise, for example by SplitByRandom().");

        string Full(string folder) => Path.GetFullPath(Path.Combine(Root, folder)) + Path.DirectorySeparatorChar;
        static bool IsIn(ListedImage item, string folder) => Path.GetFullPath(item.Path).StartsWith(folder, StringComparison.Ordinal);
    }

    /// <summary>The photos at these places of the list validate, the others train.</summary>
    /// <exception cref="DataException">A place is outside of the list.</exception>
    public ImageSplit SplitByIndices(IEnumerable<int> valid)
    {
        var chosen = valid.ToHashSet();
        return chosen.FirstOrDefault(i => i < 0 || i >= Count, -2) is var odd and > -2
            ? throw new DataException(string.Create(CultureInfo.InvariantCulture, $"SplitByIndices: no such photo: got {odd}, expected 0 to {Count - 1}. Hint: indices are positions in the list."))
            : SplitAt(i => chosen.Contains(i));
    }

    /// <summary>The photos with these names validate, the others train: <c>SplitByFiles(File.ReadLines("valid.txt"))</c>.</summary>
    /// <param name="valid">File names, or paths from <see cref="Root"/> with forward slashes; empty ones do not count.</param>
    /// <exception cref="DataException">A name is no photo's.</exception>
    public ImageSplit SplitByFiles(IEnumerable<string> valid)
    {
        var names = valid.Select(v => v.Trim()).Where(v => v.Length > 0).ToHashSet(StringComparer.Ordinal);
        var found = new HashSet<string>(StringComparer.Ordinal);
        bool[] isValid = [.. Items.Select(item => Find(Path.GetFileName(item.Path)) | Find(Path.GetRelativePath(Root, item.Path).Replace('\\', '/')))];
        string[] absent = [.. names.Except(found, StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return absent.Length == 0 ? SplitAt(i => isValid[i]) : throw new DataException(string.Create(CultureInfo.InvariantCulture,
            $"SplitByFiles: {absent.Length} of {names.Count} names are no photo's: {string.Join(", ", absent.Take(5))}{(absent.Length > 5 ? ", ..." : "")}. "
                + $"Hint: give file names with their endings, or paths from {Root}."));

        bool Find(string name) => names.Contains(name) && (found.Add(name) || true);
    }

    /// <summary>A column of the table says which photos validate: those with true, yes or 1; false, no, 0 or nothing train.</summary>
    /// <param name="column">Its name, or its number from 0.</param>
    /// <exception cref="DataException">The list was not made from a table, or the column is absent or says something else.</exception>
    public ImageSplit SplitByColumn(string column = "is_valid")
    {
        var values = (Table ?? throw NoTable("SplitByColumn")).Column(column);
        return SplitAt(i => values[Items[i].Row].Trim().ToUpperInvariant() switch
        {
            "TRUE" or "YES" or "1" => true,
            "FALSE" or "NO" or "0" or "" => false,
            _ => throw new DataException($"SplitByColumn: '{values[Items[i].Row]}' in column {column} is neither yes nor no: expected true, yes or 1, or false, no, 0 or nothing."),
        });
    }

    /// <summary>The photos whose path the function takes validate, the others train.</summary>
    public ImageSplit SplitByFunction(Func<string, bool> isValid)
    {
        ArgumentNullException.ThrowIfNull(isValid);
        return SplitAt(i => isValid(Items[i].Path));
    }

    /// <summary>All photos train.</summary>
    public ImageSplit SplitNone() => SplitAt(_ => false);

    ImageSplit SplitAt(Func<int, bool> isValid)
    {
        var sets = Items.Index().ToLookup(i => isValid(i.Index), i => i.Item);
        return new(this, [.. sets[false]], [.. sets[true]]);
    }

    internal static DataException NoTable(string step) => new($"{step}: the list was not made from a table. Hint: begin with ImageList.FromCsv or ImageList.FromTable.");

    /// <summary>The count and the first five photos.</summary>
    public override string ToString() => Listing.Of("photos", Items.Select(i => i.Path), Root);

    static string CommonFolder(IReadOnlyList<string> paths)
    {
        string[][] folders = [.. paths.Select(
            p => (Path.GetDirectoryName(Path.GetFullPath(p)) ?? "/").Split(Path.DirectorySeparatorChar)).DistinctBy(
            f => string.Join('/', f), StringComparer.Ordinal)];
        if (folders.Length == 0) return ".";
        int common = Enumerable.Range(0, folders.Min(f => f.Length)).TakeWhile(k => Array.TrueForAll(folders, f => string.Equals(f[k], folders[0][k], StringComparison.Ordinal))).Count();
        return common <= 1 ? Path.GetPathRoot(Path.GetFullPath(paths[0]))! : string.Join(Path.DirectorySeparatorChar, folders[0][..common]);
    }
}

/// <summary>A photo of a list.</summary>
/// <param name="Path">The file.</param>
/// <param name="Row">Its place among the paths or rows that the list was made from.</param>
readonly record struct ListedImage(string Path, int Row);
