using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// Photos for training and for validation, in batches <c>[N, 3, H, W]</c> with their class numbers, and the names of the classes.
/// </summary>
[TypeFormatterSource(typeof(NotebookPicture))]
public sealed partial class ImageDataBunch : DataBunch
{
    readonly ImageDataOptions options;
    readonly LabeledSplit labeled;

    internal ImageDataBunch(LabeledSplit labeled, ImageDataset train, ImageDataset fix, ImageDataset? valid, ImageDataset? test, int batchSize, ImageDataOptions options)
        : base(
            new DataLoader(train, batchSize, shuffle: true, dropLast: true, seed: options.Seed, workers: options.Workers, device: options.Device),
            valid is null ? null : InOrder(valid, options.ValidBatchSize ?? batchSize, options),
            test is null ? null : InOrder(test, options.ValidBatchSize ?? batchSize, options))
    {
        (this.options, this.labeled, TrainSet, ValidSet, TestSet) = (options, labeled, train, valid, test);
        Fix = InOrder(fix, options.ValidBatchSize ?? batchSize, options);
        Single = InOrder(valid ?? fix, 1, options with { Workers = 0 });
        ValidationSplit = ValidationSplit.Of(labeled, options.Seed);
        Warnings = [.. labeled.Warnings, .. options.Check ? Checked() : []];
    }

    IEnumerable<string> Checked()
    {
        int n = TrainSet.Count, batchSize = Train.BatchSize;
        if (n > 0 && n < batchSize)
            yield return string.Create(CultureInfo.InvariantCulture, $"fewer than one batch: {n} training photos, batch size {batchSize}: training cannot begin. Use a smaller batch size.");
        foreach (string warning in FirstBatch.Warnings(TrainSet, [.. Train.Order(0).Take(batchSize)], Seed)) yield return warning;
    }

    static DataLoader InOrder(ImageDataset set, int batchSize, ImageDataOptions options) =>
        new(set, batchSize, shuffle: false, dropLast: false, seed: options.Seed, workers: options.Workers, device: options.Device);

    /// <summary>The training photos.</summary>
    public ImageDataset TrainSet { get; }

    /// <summary>The validation photos.</summary>
    public ImageDataset? ValidSet { get; }

    /// <summary>The photos of <see cref="ImageDataOptions.TestFolder"/>, with label -1 and the transforms of validation.</summary>
    public ImageDataset? TestSet { get; }

    /// <summary>The training photos in their order, all of them, with the transforms of validation: for predictions on what was learned from.</summary>
    public DataLoader Fix { get; }

    /// <summary>The validation photos (the training photos where there are none) one by one, with the transforms of validation.</summary>
    public DataLoader Single { get; }

    /// <summary>The names of the classes; a label is an index into them.</summary>
    public IReadOnlyList<string> Classes => labeled.Classes;

    /// <summary>The classes as numbers, where the labels are integers, as those of a table can be; else null.</summary>
    public IReadOnlyList<long>? ClassNumbers => labeled.ClassNumbers;

    /// <summary>The number of classes, and of the model's outputs.</summary>
    public int C => Classes.Count;

    /// <summary>The folder that holds the photos.</summary>
    public string Root => labeled.Split.List.Root;

    /// <summary>What was found odd while the photos were gathered: files that cannot be read, labels that are no class, sets that are empty or too small.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Which photos are held back; of a learner that was read from a file, those of its training, or null where the file does not say.</summary>
    public ValidationSplit? ValidationSplit { get; private init; }

    /// <summary>How batches are normalised; null where they are not.</summary>
    public ImageStats? Stats { get; private set; }

    /// <summary>Seed of the split, of the order of batches, and of the random transforms.</summary>
    public ulong Seed => options.Seed;

    internal override IEnumerable<(string Part, string Content)> Identify() =>
        [("classes", string.Join(", ", Classes)), .. base.Identify(), ("normalisation", Stats?.ToString() ?? "none")];

    /// <summary>How photos are brought to the size.</summary>
    public ResizeMethod Resize => options.Resize ?? TrainSet.Size.DefaultMethod;

    /// <summary>The side lengths of a photo in a batch.</summary>
    public ImageSize Size => TrainSet.Size;

    /// <summary>How photos are cut right after decoding; null where they are not.</summary>
    public Presize? Presize => TrainSet.Pipeline.Presize;

    /// <summary>Photos whose path says their class: the first group of <paramref name="pattern"/> in the path, with forward slashes on every system.</summary>
    /// <param name="folder">Where the photos are; sub-folders count.</param>
    /// <param name="pattern">A regular expression, such as <c>/([^/]+)_\d+.jpg$</c>.</param>
    /// <param name="transforms">Random changes of training photos and the fixed ones of validation; none by default.</param>
    /// <param name="size">Side lengths of a photo in a batch.</param>
    /// <param name="batchSize">Photos a training batch.</param>
    /// <param name="options">Split, seed, workers and the like.</param>
    /// <exception cref="DataException">No photos, no match, or fewer than two classes.</exception>
    public static ImageDataBunch FromNameRegex(string folder, string pattern, TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
        => Bunch(Split(ImageList.FromFolder(folder), ref options).LabelFromRegex(pattern, options.Classes), transforms, size, batchSize, options);

    /// <summary>Photos whose class a function tells from the path.</summary>
    public static ImageDataBunch FromNameFunction(
        IReadOnlyList<string> paths, Func<string, string> label, TransformPair? transforms = null, ImageSize? size = null,
        int batchSize = 64, ImageDataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        return Bunch(Split(ImageList.FromPaths(paths), ref options).LabelFromFunction(label, options.Classes), transforms, size, batchSize, options);
    }

    /// <summary>Photos whose class, an integer, a function tells from the path.</summary>
    public static ImageDataBunch FromNameFunction(
        IReadOnlyList<string> paths, Func<string, int> label, TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64,
        ImageDataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        return Bunch(Split(ImageList.FromPaths(paths), ref options).LabelFromFunction(label, options.Classes), transforms, size, batchSize, options);
    }

    /// <summary>Photos and their classes, given in two lists of equal length.</summary>
    /// <exception cref="DataException">The lists have different lengths.</exception>
    public static ImageDataBunch FromLists(
        IReadOnlyList<string> paths, IReadOnlyList<string> labels, TransformPair? transforms = null, ImageSize? size = null,
        int batchSize = 64, ImageDataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return Bunch(Split(ImageList.FromPaths(paths), ref options).LabelFromList(labels, options.Classes), transforms, size, batchSize, options);
    }

    /// <summary>Photos and their classes as integers, given in two lists of equal length.</summary>
    /// <exception cref="DataException">The lists have different lengths.</exception>
    public static ImageDataBunch FromLists(
        IReadOnlyList<string> paths, IReadOnlyList<int> labels, TransformPair? transforms = null, ImageSize? size = null,
        int batchSize = 64, ImageDataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return Bunch(Split(ImageList.FromPaths(paths), ref options).LabelFromList(labels, options.Classes), transforms, size, batchSize, options);
    }

    /// <summary>
    /// Photos in one folder a class. Where <paramref name="folder"/> holds the sub-folders <paramref name="train"/> and <paramref name="valid"/>,
    /// they are the two sets; where <see cref="ImageDataOptions.IsValid"/> or <see cref="ImageDataOptions.ValidFraction"/> is set, the photos are split as in the
    /// other factories. Else, where neither was named nor is there, a random fifth is held back, and a warning says so.
    /// </summary>
    /// <param name="folder">Where the photos are.</param>
    /// <param name="train">Its sub-folder of training photos.</param>
    /// <param name="valid">Its sub-folder of validation photos; in place of <c>valid</c>, <c>val</c> is taken too.</param>
    /// <param name="transforms">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="size">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="batchSize">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="options">As in <see cref="FromNameRegex"/>.</param>
    /// <exception cref="DataException">No photos, fewer than two classes, or only one of the two sub-folders, or none where they were named.</exception>
    public static ImageDataBunch FromFolder(
        string folder, string train = TwoFolders.Train, string valid = TwoFolders.Valid, TransformPair? transforms = null,
        ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
    {
        options ??= new ImageDataOptions();
        var two = TwoFolders.Find(folder, train, valid);
        var photos = two?.Photos() ?? ImageList.FromFolder(folder);
        bool isSplit = options.IsValid is not null || options.ValidFraction is not null;
        if (!isSplit) TwoFolders.Check(two, folder, train, valid);
        var split = two is { } sets && !isSplit ? Kept(photos, ref options).SplitByFolder(sets.TrainName, sets.ValidName) : Split(photos, ref options);
        var labeled = split.LabelFromFolder(options.Classes);
        return Bunch(two is null && !isSplit ? labeled.Warn(TwoFolders.Missing(folder)) : labeled, transforms, size, batchSize, options);
    }

    /// <summary>Photos named in a file of separated values: one column for the file, one for the class.</summary>
    /// <param name="csv">The table.</param>
    /// <param name="folder">What file names are relative to; null for the table's folder.</param>
    /// <param name="fileColumn">Header of the file column, or its number from 0.</param>
    /// <param name="labelColumn">Header of the class column, or its number from 0.</param>
    /// <param name="suffix">Added to every file name.</param>
    /// <param name="transforms">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="size">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="batchSize">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="options">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="header">Whether the first row names the columns; if not they are called 0, 1, ...</param>
    /// <param name="delimiter">What stands between two values; null: found out.</param>
    /// <exception cref="DataException">The table cannot be read, its header is a photo, it lacks the column, or has an empty cell.</exception>
    public static ImageDataBunch FromCsv(
        string csv, string? folder = null, string fileColumn = "0", string labelColumn = "1", string suffix = "", TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64,
        ImageDataOptions? options = null, bool header = true, string? delimiter = null)
        => Bunch(Split(ImageList.FromCsv(csv, folder, fileColumn, suffix, header, delimiter), ref options).LabelFromColumn(labelColumn, options.Classes), transforms, size, batchSize, options);

    /// <summary>Photos named in a table in memory: one column for the file, one for the class.</summary>
    /// <param name="table">One row a photo.</param>
    /// <param name="folder">What file names are relative to.</param>
    /// <param name="fileColumn">Name of the file column, or its number from 0.</param>
    /// <param name="labelColumn">Name of the class column, or its number from 0. Where all its values are integers, the classes are.</param>
    /// <param name="suffix">Added to every file name.</param>
    /// <param name="transforms">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="size">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="batchSize">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="options">As in <see cref="FromNameRegex"/>.</param>
    /// <exception cref="DataException">The table lacks the column, or has an empty cell.</exception>
    public static ImageDataBunch FromTable(
        Table table, string folder, string fileColumn = "0", string labelColumn = "1", string suffix = "", TransformPair? transforms = null,
        ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
        => Bunch(Split(ImageList.FromTable(table, folder, fileColumn, suffix), ref options).LabelFromColumn(labelColumn, options.Classes), transforms, size, batchSize, options);

    /// <summary>Normalises batches on the device: (x - mean) / std by channel. Returns this bunch.</summary>
    /// <exception cref="TesseraException">It is normalised already.</exception>
    public ImageDataBunch Normalize(ImageStats stats)
    {
        if (Stats is not null)
            throw new TesseraException(
                "Normalize: called twice: got a bunch whose batches are normalised already, expected one whose batches are not. "
                    + "Hint: make a new bunch for other statistics.");
        ArgumentNullException.ThrowIfNull(stats);
        if (stats.Mean.Count is not (1 or Image.Channels) || stats.Std.Count != stats.Mean.Count || !stats.Std.All(s => s > 0))
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Normalize: no statistics of photos: "
                    + $"got means {string.Join(", ", stats.Mean)} and deviations {string.Join(", ", stats.Std)}, expected 3 of each (or 1), deviations above 0. "
                    + $"Hint: ImageNet.Stats for photos."));
        Stats = stats;
        BatchTransform = stats.Normalize;
        return this;
    }

    /// <summary>Normalises batches with mean and standard deviation of the first training batch. Returns this bunch.</summary>
    /// <exception cref="TesseraException">It is normalised already, or there is no whole training batch.</exception>
    public ImageDataBunch Normalize() => Normalize(Train.BatchCount > 0 ? Train.Epoch().Take(1).Select(batch => ImageStats.Of(batch.X)).Single()
        : throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
            $"Normalize: no training batch to measure: got {TrainSet.Count} photos and batch size {Train.BatchSize}, expected at least one whole batch. "
                + $"Hint: use a smaller batch size, or give statistics.")));

    /// <summary>Classes, counts and the first photos of each set, the folder, and the warnings.</summary>
    public override string ToString() => Listing.Of(labeled, TrainSet.InputShape, Warnings);

    /// <summary>What the factories have in common: the split of the options, or the default ones.</summary>
    static ImageSplit Split(ImageList photos, [NotNull] ref ImageDataOptions? options)
    {
        options ??= new ImageDataOptions();
        photos = Kept(photos, ref options);
        return options.IsValid is { } isValid ? photos.SplitByFunction(isValid) : photos.SplitByRandom(options.ValidFraction ?? 0.2, options.Seed);
    }

    /// <summary>The photos that are not left out: neither named in the options, nor in a test folder among them, which is found now.</summary>
    static ImageList Kept(ImageList photos, ref ImageDataOptions options)
    {
        string? test = options.TestFolder is { } name ? TestFolderOf(photos.Root, name) : null;
        options = options with { TestFolder = test };
        string? inside = test is null ? null : Inside(test, photos.Root);
        if (options.Exclude is null && inside is null) return photos;
        var exclude = options.Exclude?.Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
        return photos.Filter(p => Path.GetFullPath(p) is var path && exclude?.Contains(path) != true && (inside is null || !path.StartsWith(inside, StringComparison.Ordinal)));
    }

    /// <summary>A folder among the photos, else as the working directory has it.</summary>
    static string TestFolderOf(string root, string name) => Path.Combine(root, name) is var among && Directory.Exists(among) ? among : Directory.Exists(name) ? name
        : throw new DataException($"TestFolder: no such folder: got {name}, expected one in {root} or in the working directory. Hint: name a folder of photos that are only predicted.");

    /// <summary>The beginning of all paths in a folder that lies in <paramref name="root"/>; null for one that does not.</summary>
    static string? Inside(string folder, string root)
    {
        string of = Path.GetFullPath(folder) + Path.DirectorySeparatorChar, all = Path.GetFullPath(root) + Path.DirectorySeparatorChar;
        return of.Length > all.Length && of.StartsWith(all, StringComparison.Ordinal) ? of : null;
    }

    static ImageDataBunch Bunch(LabeledSplit labeled, TransformPair? transforms, ImageSize? size, int batchSize, ImageDataOptions options)
    {
        string[] absent = [.. options.Exclude?.Where(p => !File.Exists(p)).Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>()];
        if (absent.Length > 0)
            labeled = labeled.Warn(string.Create(CultureInfo.InvariantCulture,
                $"Exclude names {absent.Length} files that are not there, such as {absent[0]}: paths count from the working directory, "
                    + $"{Environment.CurrentDirectory}."));
        return (options.TestFolder is { } test ? labeled.AddTest(test) : labeled)
            .Transform(transforms, size, options.Resize, options.Padding, options.Interpolation, options.Multiple, options.ScaledDecoding).Presized(options.Presize).ToBunch(batchSize, options);
    }
}
