using System.Globalization;
using System.Text;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// Photos for training and for validation, in batches <c>[N, 3, H, W]</c> with their class numbers, and the names of the classes.
/// </summary>
public sealed class ImageDataBunch : DataBunch
{
    readonly ImageDataOptions options;

    ImageDataBunch(Sets sets, IReadOnlyList<string> classes, int batchSize, ImageDataOptions options)
        : base(
            new DataLoader(sets.Train, batchSize, shuffle: true, dropLast: true, seed: options.Seed, workers: options.Workers, device: options.Device),
            sets.Valid is null ? null : InOrder(sets.Valid, options.ValidBatchSize ?? batchSize, options),
            sets.Test is null ? null : InOrder(sets.Test, options.ValidBatchSize ?? batchSize, options))
    {
        this.options = options;
        (TrainSet, ValidSet, TestSet) = (sets.Train, sets.Valid, sets.Test);
        Fix = InOrder(sets.Fix, options.ValidBatchSize ?? batchSize, options);
        Single = InOrder(sets.Valid ?? sets.Fix, 1, options with { Workers = 0 });
        Classes = classes;
    }

    /// <summary>The photos of a bunch; <paramref name="Fix"/> are the training photos with the transforms of validation.</summary>
    sealed record Sets(ImageDataset Train, ImageDataset Fix, ImageDataset? Valid, ImageDataset? Test);

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
    public IReadOnlyList<string> Classes { get; }

    /// <summary>What was found odd while the photos were gathered; nothing that stops training.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>How batches are normalised; null where they are not.</summary>
    public ImageStats? Stats { get; private set; }

    /// <summary>Seed of the split, of the order of batches, and of the random transforms.</summary>
    public ulong Seed => options.Seed;

    /// <summary>How photos are brought to the size.</summary>
    public ResizeMethod Resize => options.Resize ?? TrainSet.Size.DefaultMethod;

    /// <summary>The side lengths of a photo in a batch.</summary>
    public ImageSize Size => TrainSet.Size;

    /// <summary>Photos whose path says their class: the first group of <paramref name="pattern"/> in the path, with forward slashes on every system.</summary>
    /// <param name="folder">Where the photos are; sub-folders count.</param>
    /// <param name="pattern">A regular expression, such as <c>/([^/]+)_\d+.jpg$</c>.</param>
    /// <param name="transforms">Random changes of training photos and the fixed ones of validation; none by default.</param>
    /// <param name="size">Side lengths of a photo in a batch.</param>
    /// <param name="batchSize">Photos a training batch.</param>
    /// <param name="options">Split, seed, workers and the like.</param>
    /// <exception cref="DataException">No photos, no match, or fewer than two classes.</exception>
    public static ImageDataBunch FromNameRegex(string folder, string pattern, TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
        => Create(Labels.FromRegex(Photos(folder), pattern), transforms, size, batchSize, options);

    /// <summary>Photos whose class a function tells from the path.</summary>
    public static ImageDataBunch FromNameFunction(IReadOnlyList<string> paths, Func<string, string> label, TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        return Create([.. paths.Select(p => (p, label(p)))], transforms, size, batchSize, options);
    }

    /// <summary>Photos and their classes, given in two lists of equal length.</summary>
    /// <exception cref="DataException">The lists have different lengths.</exception>
    public static ImageDataBunch FromLists(IReadOnlyList<string> paths, IReadOnlyList<string> labels, TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(labels);
        if (paths.Count != labels.Count)
            throw new DataException($"lists: got {paths.Count} paths and {labels.Count} labels, expected one label a path.");
        return Create([.. paths.Zip(labels)], transforms, size, batchSize, options);
    }

    /// <summary>
    /// Photos in one folder a class. Where <paramref name="folder"/> holds the sub-folders <paramref name="train"/> and <paramref name="valid"/>,
    /// they are the two sets; else, or where <see cref="ImageDataOptions.IsValid"/> is set, the photos are split as in the other factories.
    /// </summary>
    public static ImageDataBunch FromFolder(string folder, string train = "train", string valid = "valid", TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
    {
        options ??= new ImageDataOptions();
        string trainFolder = Path.Combine(folder, train), validFolder = Path.Combine(folder, valid);
        if (!Directory.Exists(trainFolder) || !Directory.Exists(validFolder))
            return Create([.. Photos(folder).Select(p => (p, Labels.OfFolder(p)))], transforms, size, batchSize, options);
        string prefix = Path.GetFullPath(validFolder) + Path.DirectorySeparatorChar;
        string[] paths = [.. Photos(trainFolder), .. Photos(validFolder)];
        options = options.IsValid is not null ? options : options with { IsValid = p => Path.GetFullPath(p).StartsWith(prefix, StringComparison.Ordinal) };
        return Create([.. paths.Select(p => (p, Labels.OfFolder(p)))], transforms, size, batchSize, options);
    }

    /// <summary>Photos named in a table with a header row: one column for the file, one for the class.</summary>
    /// <param name="csv">The table.</param>
    /// <param name="folder">What file names are relative to; null for the table's folder.</param>
    /// <param name="fileColumn">Header of the file column, or its number from 0.</param>
    /// <param name="labelColumn">Header of the class column, or its number from 0.</param>
    /// <param name="suffix">Added to every file name.</param>
    /// <param name="transforms">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="size">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="batchSize">As in <see cref="FromNameRegex"/>.</param>
    /// <param name="options">As in <see cref="FromNameRegex"/>.</param>
    /// <exception cref="DataException">The table cannot be read, lacks the column, or has an empty cell.</exception>
    public static ImageDataBunch FromCsv(string csv, string? folder = null, string fileColumn = "0", string labelColumn = "1", string suffix = "", TransformPair? transforms = null, ImageSize? size = null, int batchSize = 64, ImageDataOptions? options = null)
        => Create(Labels.FromCsv(csv, folder ?? Path.GetDirectoryName(Path.GetFullPath(csv))!, fileColumn, labelColumn, suffix), transforms, size, batchSize, options);

    /// <summary>Normalises batches on the device: (x - mean) / std by channel. Returns this bunch.</summary>
    /// <exception cref="TesseraException">It is normalised already.</exception>
    public ImageDataBunch Normalize(ImageStats stats)
    {
        if (Stats is not null) throw new TesseraException("Normalize: called twice: batches are normalised already. Hint: make a new bunch for other statistics.");
        Stats = stats;
        BatchTransform = stats.Normalize;
        return this;
    }

    /// <summary>Normalises batches with mean and standard deviation of the first training batch. Returns this bunch.</summary>
    /// <exception cref="TesseraException">It is normalised already.</exception>
    public ImageDataBunch Normalize() => Normalize(Train.Epoch().Take(1).Select(batch => ImageStats.Of(batch.X)).Single());

    /// <summary>Classes, counts and the first photos of each set, and the warnings.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Classes.Count} classes: {string.Join(", ", Classes)}\n");
        foreach (var (name, set) in new[] { ("train", TrainSet), ("valid", ValidSet), ("test", TestSet) })
        {
            if (set is null) continue;
            text.Append(CultureInfo.InvariantCulture, $"{name}: {set.Count} photos {set.InputShape}");
            foreach (var item in set.Items.Take(5))
                text.Append(CultureInfo.InvariantCulture, $"\n  {(item.Label < 0 ? "?" : Classes[item.Label])}: {item.Path}");
            text.Append('\n');
        }
        foreach (string warning in Warnings) text.Append(CultureInfo.InvariantCulture, $"warning: {warning}\n");
        return text.ToString().TrimEnd('\n');
    }

    static string[] Photos(string folder)
    {
        string[] photos = ImageFiles.In(folder, recurse: true);
        return photos.Length > 0 ? photos : throw new DataException($"{folder}: no photos in this folder: expected files such as .jpg or .png. Hint: check the path.");
    }

    static ImageDataBunch Create(List<(string Path, string Label)> photos, TransformPair? transforms, ImageSize? size, int batchSize, ImageDataOptions? options)
    {
        options ??= new ImageDataOptions();
        transforms ??= Transforms.None();
        if (options.Exclude is { } exclude) photos = photos.FindAll(p => !exclude.Contains(p.Path));
        if (photos.Count == 0) throw new DataException("photos: none were given. Hint: check the folder, table or list.");
        if (options.ValidFraction is not (>= 0 and < 1)) throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"ValidFraction: not a share: got {options.ValidFraction}, expected at least 0 and below 1."));
        var (train, valid) = Split(photos, options);
        var warnings = new List<string>();
        string[] classes = [.. options.Classes ?? [.. train.Select(p => p.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]];
        if (classes.Length < 2)
            throw new DataException($"photos: one class only: got '{string.Join("", classes)}' for all {train.Count} training photos, expected at least two. Hint: check the pattern or folder that gives the labels.");
        var trainItems = Number(train, classes, warnings, "training");
        var validItems = Number(valid, classes, warnings, "validation");
        if (trainItems.Count < batchSize)
            throw new DataException($"photos: fewer than one batch: got {trainItems.Count} training photos, expected at least the batch size of {batchSize}. Hint: use a smaller batch size.");
        if (validItems.Count == 0) warnings.Add("no validation photos: the error of the model will not be measured.");
        var decoded = options.CacheBytes > 0 ? new DecodedPhotos(options.CacheBytes) : null;
        List<LabeledImage>? testItems = options.TestFolder is { } folder ? [.. Photos(folder).Select(path => new LabeledImage(path, -1))] : null;
        var sets = new Sets(Set(trainItems, transforms.Train), Set(trainItems, transforms.Valid), validItems.Count == 0 ? null : Set(validItems, transforms.Valid), testItems is null ? null : Set(testItems, transforms.Valid));
        var data = new ImageDataBunch(sets, classes, batchSize, options) { Warnings = warnings };
        if (options.Check && data.UnreadableInFirstBatch() is { } unreadable) warnings.Add(unreadable);
        return data;

        ImageDataset Set(List<LabeledImage> items, IReadOnlyList<Transform> list) =>
            new(items, new TransformPipeline(list, size, options.Resize, options.Padding, options.Interpolation), options.ScaledDecoding, decoded);
    }

    /// <summary>Tries the photos of the first batch one by one; null where all can be read.</summary>
    string? UnreadableInFirstBatch()
    {
        float[] pixels = new float[TrainSet.InputShape.Count];
        var bad = Train.Order(0).Take(Train.BatchSize).Select(Failure).Where(f => f is not null).ToArray();
        return bad.Length == 0 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{bad.Length} of the {Train.BatchSize} photos of the first batch cannot be read, and training would stop at them: {string.Join("; ", bad.Take(5))}{(bad.Length > 5 ? "; ..." : "")}");

        string? Failure(int item)
        {
            try
            {
                TrainSet.Load(item, new Philox(Seed), pixels, out _);
                return null;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return e.Message.Split(" Hint: ")[0];
            }
        }
    }

    /// <summary>A permutation of all photos: its first ⌊fraction·n⌋ are validation in permuted order, the others training in their own order.</summary>
    static (List<(string Path, string Label)> Train, List<(string Path, string Label)> Valid) Split(List<(string Path, string Label)> photos, ImageDataOptions options)
    {
        if (options.IsValid is { } isValid)
            return (photos.FindAll(p => !isValid(p.Path)), photos.FindAll(p => isValid(p.Path)));
        int n = (int)(options.ValidFraction * photos.Count);
        int[] order = new Philox(options.Seed).Permutation(photos.Count);
        return ([.. order[n..].Order().Select(i => photos[i])], [.. order[..n].Select(i => photos[i])]);
    }

    static List<LabeledImage> Number(List<(string Path, string Label)> photos, string[] classes, List<string> warnings, string set)
    {
        var index = classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        var unknown = photos.FindAll(p => !index.ContainsKey(p.Label));
        if (unknown.Count > 0)
            warnings.Add($"{unknown.Count} {set} photos have labels that are no class and are left out: {string.Join(", ", unknown.Take(5).Select(p => p.Path))}{(unknown.Count > 5 ? ", ..." : "")}");
        return [.. photos.Where(p => index.ContainsKey(p.Label)).Select(p => new LabeledImage(p.Path, index[p.Label]))];
    }
}
