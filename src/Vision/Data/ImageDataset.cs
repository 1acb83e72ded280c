using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>A photo file and the number of its class.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">Index into the classes; -1 where it is not known.</param>
public readonly record struct LabeledImage(string Path, int Label);

/// <summary>Photos that are decoded and transformed as they are asked for.</summary>
public sealed partial class ImageDataset : Dataset
{
    readonly TransformPipeline pipeline;
    readonly DecodedPhotos? decoded;
    readonly ImageSize? atLeast;

    /// <summary>Photos and the pipeline that makes floats of them.</summary>
    /// <param name="items">The photos.</param>
    /// <param name="pipeline">From pixels to floats; it has a size.</param>
    /// <param name="scaledDecoding">Decode large JPEG photos at a fraction of their size that is still no smaller than the pipeline's: see <see cref="Image.Load"/>.</param>
    /// <exception cref="ShapeException">The pipeline has no size, so photos would not fit into one batch.</exception>
    public ImageDataset(IReadOnlyList<LabeledImage> items, TransformPipeline pipeline, bool scaledDecoding = false) : this(items, pipeline, scaledDecoding, decoded: null) { }

    internal ImageDataset(IReadOnlyList<LabeledImage> items, TransformPipeline pipeline, bool scaledDecoding, DecodedPhotos? decoded)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        (this.pipeline, this.decoded) = (pipeline, decoded);
        Items = items;
        Size = pipeline.Size
            ?? throw new ShapeException("ImageDataset: no size: got none, expected one, since photos of different sizes do not fit into one batch. Hint: give size, for example size: 224.");
        InputShape = [Image.Channels, Size.Height, Size.Width];
        if (scaledDecoding && pipeline.Method != ResizeMethod.None && pipeline.Presize is null) atLeast = Size; // a window of a presized photo needs all its pixels
    }

    /// <summary>From pixels to floats.</summary>
    internal TransformPipeline Pipeline => pipeline;

    /// <summary>The transforms, in the order in which they are applied.</summary>
    internal IReadOnlyList<Transform> Transforms => pipeline.Transforms;

    /// <summary>The same photos with other transforms; decoded ones are shared.</summary>
    internal ImageDataset With(IReadOnlyList<Transform> transforms) =>
        new(Items, pipeline.With(transforms), atLeast is not null, decoded) { OnDevice = OnDevice, Root = Root };

    /// <summary>The folder that holds the photos; empty where there is none.</summary>
    internal string Root { get; init; } = "";

    /// <summary>The photos, in order.</summary>
    public IReadOnlyList<LabeledImage> Items { get; }

    /// <summary>Side lengths of a photo in a batch.</summary>
    public ImageSize Size { get; }

    /// <inheritdoc/>
    public override int Count => Items.Count;

    /// <inheritdoc/>
    public override Shape InputShape { get; }

    /// <inheritdoc/>
    public override void Load(int item, Philox random, Span<float> x, out long label)
    {
        (string path, int number) = Items[item];
        label = number;
        var image = decoded?.Find(path) ?? Decode(path);
        pipeline.Apply(image, new ItemRandom(random), x, PixelLayout.Hwc);
        image.Recycle();
    }

    Image Decode(string path)
    {
        var image = Image.LoadRented(path, atLeast);
        decoded?.Keep(path, image);
        return image;
    }

    /// <summary>Their number, their paths from the folder that holds them with their classes by a hash, and what makes floats of them. Photos may move, folder and all.</summary>
    public override IEnumerable<(string Part, string Content)> Identify()
    {
        var names = Items.Select(i => FormattableString.Invariant($"{PathFrom(Root, i.Path)} {i.Label}"));
        yield return ("photos", string.Create(CultureInfo.InvariantCulture, $"{Count}, SHA-256 {RunIdentity.Hash(names)}"));
        yield return ("transforms", pipeline.ToText() + (atLeast is null ? "" : ", scaled decoding") + (OnDevice ? ", on the device" : ""));
    }

    /// <summary>A path from a folder, with forward slashes; the path itself where there is no folder.</summary>
    internal static string PathFrom(string root, string path) => (root.Length == 0 ? path : Path.GetRelativePath(root, path)).Replace('\\', '/');

    /// <inheritdoc/>
    public override string Describe(int item) => Items[item].Path;
}
