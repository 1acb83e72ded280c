using System.Globalization;

namespace Tessera.Vision;

/// <summary>Photos for training and for validation with their classes: the third of five steps, see <see cref="ImageList"/>.</summary>
public sealed class LabeledSplit
{
    readonly List<string> warnings = [];

    internal LabeledSplit(ImageSplit split, IReadOnlyList<(string Path, string Label)> train, IReadOnlyList<(string Path, string Label)> valid, IReadOnlyList<string>? classes, bool integers)
    {
        Split = split;
        Classes = classes is null ? Vocabulary([.. (train.Count > 0 ? train : valid).Select(p => p.Label)], integers) : Given(classes);
        ClassNumbers = integers && Classes.All(Labels.IsInteger) ? [.. Classes.Select(c => long.Parse(c, CultureInfo.InvariantCulture))] : null;
        Train = Number(train, "training");
        if (train.Count > 0 && Train.Count == 0)
            throw new DataException(
                $"classes: no photo is of any of them: "
                    + $"got photos of {string.Join(", ", train.Select(p => p.Label).Distinct(StringComparer.Ordinal).Take(5))}, "
                    + $"expected {string.Join(", ", Classes.Take(5))}. Hint: names count letter by letter, capitals too.");
        Valid = Number(valid, "validation");
        if (Train.Count == 0) warnings.Add("no training photos: nothing can be learned.");
        if (Valid.Count == 0) warnings.Add("no validation photos: the error of the model will not be measured.");
    }

    LabeledSplit(LabeledSplit other, IReadOnlyList<LabeledImage> test)
    {
        (Split, Classes, ClassNumbers, Train, Valid, Test) = (other.Split, other.Classes, other.ClassNumbers, other.Train, other.Valid, test);
        warnings.AddRange(other.warnings);
    }

    static string[] Given(IReadOnlyList<string> classes) => classes.Count == 0
        ? throw new DataException("classes: none were given: got an empty list, expected at least one name. Hint: null takes the labels of the training photos.")
        : classes.GroupBy(c => c, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice
        ? throw new DataException($"classes: a name twice: got '{twice.Key}' in {string.Join(", ", classes)}, expected each once. Hint: leave the second out.")
        : [.. classes];

    internal ImageSplit Split { get; }

    /// <summary>The names of the classes: the sorted labels of the training photos, upper case before lower case, unless they were given.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The classes as numbers, where the labels are integers: those of a column, a list or a function of integers; else null.</summary>
    public IReadOnlyList<long>? ClassNumbers { get; }

    /// <summary>The training photos.</summary>
    public IReadOnlyList<LabeledImage> Train { get; }

    /// <summary>The validation photos.</summary>
    public IReadOnlyList<LabeledImage> Valid { get; }

    /// <summary>Photos that are only predicted, with label -1; null for none.</summary>
    public IReadOnlyList<LabeledImage>? Test { get; }

    /// <summary>What was found odd; nothing that stops training.</summary>
    public IReadOnlyList<string> Warnings => warnings;

    /// <summary>Adds photos that are only predicted, with the transforms of validation; what their folders are called does not count.</summary>
    /// <exception cref="DataException">No such folder, or no photos in it.</exception>
    public LabeledSplit AddTest(string folder) => new(this, [.. ImageList.FromFolder(folder).Items.Select(i => new LabeledImage(i.Path, -1))]);

    /// <summary>The same with a warning more.</summary>
    internal LabeledSplit Warn(string warning)
    {
        warnings.Add(warning);
        return this;
    }

    /// <summary>From photos to floats of one size.</summary>
    /// <param name="transforms">Random changes of training photos and the fixed ones of validation; none by default.</param>
    /// <param name="size">Side lengths of a photo in a batch; it must be given.</param>
    /// <param name="resize">How photos are brought to the size; null for the size's default.</param>
    /// <param name="padding">What lies outside of a transformed photo.</param>
    /// <param name="interpolation">How values between pixels are found.</param>
    /// <param name="multiple">Rounds the side lengths to multiples of this.</param>
    /// <param name="scaledDecoding">As in <see cref="ImageDataOptions.ScaledDecoding"/>.</param>
    /// <exception cref="ShapeException">No size.</exception>
    public TransformedSplit Transform(
        TransformPair? transforms = null, ImageSize? size = null, ResizeMethod? resize = null, PaddingMode padding = PaddingMode.Reflection,
        InterpolationMode interpolation = InterpolationMode.Bilinear, int multiple = 1, bool scaledDecoding = false)
    {
        if (size is null) throw new ShapeException("Transform: no size: got none, expected one, since photos of different sizes do not fit into one batch. Hint: give size, for example size: 224.");
        if (multiple < 1) throw new ShapeException(FormattableString.Invariant($"Transform: multiple: got {multiple}, expected at least 1. Hint: 32 fits most networks, 1 leaves the size as it is."));
        transforms ??= Transforms.None();
        return new(this, Pipeline(transforms.Train), Pipeline(transforms.Valid), scaledDecoding);

        TransformPipeline Pipeline(IReadOnlyList<Transform> list) => new(list, size, resize, padding, interpolation, multiple);
    }

    static string[] Vocabulary(IReadOnlyList<string> labels, bool integers)
    {
        var distinct = labels.Distinct(StringComparer.Ordinal);
        string[] classes = [.. integers ? distinct.OrderBy(l => long.Parse(l, CultureInfo.InvariantCulture)) : distinct.Order(StringComparer.Ordinal)];
        return classes.Length >= 2 ? classes : throw new DataException(string.Create(CultureInfo.InvariantCulture,
            $"photos: one class only: got '{string.Join("", classes)}' for all {labels.Count} training photos, expected at least two. Hint: check the pattern or folder that gives the labels."));
    }

    LabeledImage[] Number(IReadOnlyList<(string Path, string Label)> photos, string set)
    {
        var index = Classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        var unknown = photos.Where(p => !index.ContainsKey(p.Label)).ToArray();
        if (unknown.Length > 0)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture,
                $"{unknown.Length} {set} photos have labels that are no class and are left out: {string.Join(", ", unknown.Take(5).Select(p => p.Path))}{(unknown.Length > 5 ? ", ..." : "")}"));
        }
        return [.. photos.Where(p => index.ContainsKey(p.Label)).Select(p => new LabeledImage(p.Path, index[p.Label]))];
    }

    /// <summary>The classes, the counts and the first five photos of each set, and the warnings.</summary>
    public override string ToString() => Listing.Of(this);
}
