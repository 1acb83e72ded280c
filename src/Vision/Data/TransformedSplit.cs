namespace Tessera.Vision;

/// <summary>Photos with their classes and transforms: the fourth of five steps, see <see cref="ImageList"/>.</summary>
public sealed class TransformedSplit
{
    readonly TransformPipeline train, valid;
    readonly bool scaledDecoding;

    internal TransformedSplit(LabeledSplit labeled, TransformPipeline train, TransformPipeline valid, bool scaledDecoding) =>
        (Labeled, this.train, this.valid, this.scaledDecoding) = (labeled, train, valid, scaledDecoding);

    internal LabeledSplit Labeled { get; }

    /// <summary>Photos are cut to one square right after decoding: see <see cref="ImageDataOptions.Presize"/>.</summary>
    /// <param name="presize">How; null for not at all.</param>
    public TransformedSplit Presized(Presize? presize) => new(Labeled, train.With(presize, atRandom: true), valid.With(presize, atRandom: false), scaledDecoding);

    /// <summary>Photos in batches; the fifth step.</summary>
    /// <param name="batchSize">Photos a training batch.</param>
    /// <param name="validBatchSize">Photos a batch of the other sets; null for the same.</param>
    /// <param name="seed">Of the order of batches and the random transforms; null for the seed of the split.</param>
    /// <param name="workers">Threads that decode and transform; null for one a core; 0 works on the caller's thread.</param>
    /// <param name="check">Tries the photos of the first training batch; what is wrong with them becomes a warning.</param>
    /// <param name="cacheBytes">As in <see cref="ImageDataOptions.CacheBytes"/>; null for its default.</param>
    /// <param name="device">Where batches live; null for the default device.</param>
    public ImageDataBunch Bunch(int batchSize = 64, int? validBatchSize = null, ulong? seed = null, int? workers = null, bool check = true, long? cacheBytes = null, Device? device = null)
    {
        var options = new ImageDataOptions { ValidBatchSize = validBatchSize, Seed = seed ?? Labeled.Split.Seed, Workers = workers, Check = check, Device = device };
        return ToBunch(batchSize, cacheBytes is { } bytes ? options with { CacheBytes = bytes } : options);
    }

    internal ImageDataBunch ToBunch(int batchSize, ImageDataOptions options)
    {
        var decoded = options.CacheBytes > 0 ? new DecodedPhotos(options.CacheBytes) : null;
        var (items, validItems) = (Labeled.Train, Labeled.Valid);
        return new(Labeled, Set(items, train), Set(items, valid), validItems.Count == 0 ? null : Set(validItems, valid), Labeled.Test is { } test ? Set(test, valid) : null, batchSize, options);

        ImageDataset Set(IReadOnlyList<LabeledImage> photos, TransformPipeline pipeline) => new(photos, pipeline, scaledDecoding, decoded) { OnDevice = options.TransformOnDevice, Root = Labeled.Split.List.Root };
    }

    /// <summary>As that of <see cref="LabeledSplit"/>, with the transforms of training.</summary>
    public override string ToString() => Labeled + "\ntransforms: " + string.Join(", ", train.Transforms.Select(t => t.GetType().Name));
}
