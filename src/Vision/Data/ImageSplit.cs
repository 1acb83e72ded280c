using System.Globalization;

namespace Tessera.Vision;

/// <summary>Photos for training and for validation without labels: the second of five steps, see <see cref="ImageList"/>.</summary>
public sealed class ImageSplit
{
    internal ImageSplit(
        ImageList list, IReadOnlyList<ListedImage> train, IReadOnlyList<ListedImage> valid, ulong seed = 42, double? share = null) =>
        (List, Train, Valid, Seed, Share) = (list, train, valid, seed, share);

    internal ImageList List { get; }

    internal IReadOnlyList<ListedImage> Train { get; }

    internal IReadOnlyList<ListedImage> Valid { get; }

    internal ulong Seed { get; }

    /// <summary>The share of a random split; null for any other.</summary>
    internal double? Share { get; }

    /// <summary>The files that train, in order.</summary>
    public IReadOnlyList<string> TrainPaths => [.. Train.Select(i => i.Path)];

    /// <summary>The files that validate, in order.</summary>
    public IReadOnlyList<string> ValidPaths => [.. Valid.Select(i => i.Path)];

    /// <summary>A photo's class is the name of the folder it lies in.</summary>
    /// <param name="classes">The classes in order; null for the sorted labels of the training photos.</param>
    /// <exception cref="DataException">Fewer than two classes.</exception>
    public LabeledSplit LabelFromFolder(IReadOnlyList<string>? classes = null) => Label(i => Labels.OfFolder(i.Path), classes);

    /// <summary>A photo's class is the first group of the pattern's first match in its path, written with forward slashes on every system.</summary>
    /// <param name="pattern">A regular expression with a group, such as <c>/([^/]+)_\d+.jpg$</c>.</param>
    /// <param name="classes">As in <see cref="LabelFromFolder"/>.</param>
    /// <exception cref="DataException">The pattern is none, or does not match; fewer than two classes.</exception>
    public LabeledSplit LabelFromRegex(string pattern, IReadOnlyList<string>? classes = null)
    {
        var label = Labels.FromRegex(pattern);
        return Label(i => label(i.Path), classes);
    }

    /// <summary>A function tells a photo's class from its path.</summary>
    /// <param name="label">Called once a photo.</param>
    /// <param name="classes">As in <see cref="LabelFromFolder"/>.</param>
    /// <exception cref="DataException">Fewer than two classes, or a label that is null.</exception>
    public LabeledSplit LabelFromFunction(Func<string, string> label, IReadOnlyList<string>? classes = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        return Label(i => label(i.Path), classes);
    }

    /// <inheritdoc cref="LabelFromFunction(Func{string, string}, IReadOnlyList{string})"/>
    public LabeledSplit LabelFromFunction(Func<string, int> label, IReadOnlyList<string>? classes = null)
    {
        ArgumentNullException.ThrowIfNull(label);
        return Label(i => label(i.Path).ToString(CultureInfo.InvariantCulture), classes, integers: true);
    }

    /// <summary>A column of the table holds the classes. Where all its values are integers, the classes are: 2 stands before 10.</summary>
    /// <param name="column">Its name, or its number from 0.</param>
    /// <param name="classes">As in <see cref="LabelFromFolder"/>.</param>
    /// <exception cref="DataException">The list was not made from a table, the column is absent or lacks a value; fewer than two classes.</exception>
    public LabeledSplit LabelFromColumn(string column = "1", IReadOnlyList<string>? classes = null)
    {
        var values = (List.Table ?? throw ImageList.NoTable("LabelFromColumn")).Filled(column);
        return Label(i => values[i.Row], classes, values.All(Labels.IsInteger));
    }

    /// <summary>The classes are given, one a path or row that the list was made from, before it was filtered.</summary>
    /// <param name="labels">In that order.</param>
    /// <param name="classes">As in <see cref="LabelFromFolder"/>.</param>
    /// <exception cref="DataException">Too many or too few labels; fewer than two classes.</exception>
    public LabeledSplit LabelFromList(IReadOnlyList<string> labels, IReadOnlyList<string>? classes = null) => LabelFromList(labels, classes, integers: false);

    /// <inheritdoc cref="LabelFromList(IReadOnlyList{string}, IReadOnlyList{string})"/>
    public LabeledSplit LabelFromList(IReadOnlyList<int> labels, IReadOnlyList<string>? classes = null)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return LabelFromList([.. labels.Select(l => l.ToString(CultureInfo.InvariantCulture))], classes, integers: true);
    }

    LabeledSplit LabelFromList(IReadOnlyList<string> labels, IReadOnlyList<string>? classes, bool integers)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return labels.Count == List.Given ? Label(i => labels[i.Row], classes, integers)
            : throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"lists: got {List.Given} paths and {labels.Count} labels, expected one label a path. Hint: the lists go side by side."));
    }

    /// <summary>All photos have one class: for lists that are only looked at or predicted.</summary>
    public LabeledSplit LabelConstant(string label, IReadOnlyList<string>? classes = null) => Label(_ => label, classes ?? [label]);

    LabeledSplit Label(Func<ListedImage, string> label, IReadOnlyList<string>? classes, bool integers = false) =>
        new(this, [.. Train.Select(i => (i.Path, Known(i, label(i))))], [.. Valid.Select(i => (i.Path, Known(i, label(i))))], classes, integers);

    static string Known(ListedImage item, string? label) => label ?? throw new DataException($"{item.Path}: has no label: got null. Hint: the function or list must name a class for every photo.");

    /// <summary>The counts and the first five photos of each set.</summary>
    public override string ToString() => Listing.Of("train", TrainPaths) + "\n" + Listing.Of("valid", ValidPaths, List.Root);
}
