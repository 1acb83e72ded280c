using Tessera.NN;

namespace Tessera.Vision;

/// <summary>A photo file and the number of its class.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">Index into the classes; -1 where it is not known.</param>
public readonly record struct LabeledImage(string Path, int Label);

/// <summary>Photos that are decoded and transformed as they are asked for.</summary>
public sealed class ImageDataset : Dataset
{
    readonly TransformPipeline pipeline;

    /// <summary>Photos and the pipeline that makes floats of them.</summary>
    /// <exception cref="ShapeException">The pipeline has no size, so photos would not fit into one batch.</exception>
    public ImageDataset(IReadOnlyList<LabeledImage> items, TransformPipeline pipeline)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        this.pipeline = pipeline;
        Items = items;
        Size = pipeline.Size
            ?? throw new ShapeException("ImageDataset: no size: photos of different sizes do not fit into one batch. Hint: give size, for example size: 224.");
        InputShape = [Image.Channels, Size.Height, Size.Width];
    }

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
        label = Items[item].Label;
        pipeline.Apply(Image.Load(Items[item].Path), new ItemRandom(random), x, PixelLayout.Hwc);
    }

    /// <inheritdoc/>
    public override string Describe(int item) => Items[item].Path;
}
