namespace Tessera.Vision;

/// <summary>What the factories of <see cref="ImageDataBunch"/> have in common beyond transforms, size and batch size.</summary>
public sealed record ImageDataOptions
{
    /// <summary>Share of the photos held back for validation, 0 to below 1; null for 0.2, or for the folders that <see cref="ImageDataBunch.FromFolder"/> finds.</summary>
    public double? ValidFraction { get; init; }

    /// <summary>Seed of the split, of the order of batches, and of the random transforms.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Holds back the photos for which this is true instead of a random share.</summary>
    public Func<string, bool>? IsValid { get; init; }

    /// <summary>Paths of photos that are left out, before the split: see <see cref="CleaningList"/>.</summary>
    public IReadOnlySet<string>? Exclude { get; init; }

    /// <summary>
    /// A folder of photos without known classes that are only predicted: <c>learn.GetPreds(data.Test)</c>; null for none. A name is that of a folder among the photos, whose photos then neither
    /// train nor validate; where there is none, of one in the working directory.
    /// </summary>
    public string? TestFolder { get; init; }

    /// <summary>Tries the photos of the first training batch when the bunch is made: those that cannot be read or come out in another size become a warning.</summary>
    public bool Check { get; init; } = true;

    /// <summary>The classes in order, instead of the sorted labels of the training photos.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Photos a validation batch; null for the batch size.</summary>
    public int? ValidBatchSize { get; init; }

    /// <summary>Threads that decode and transform; null for one a core; 0 works on the caller's thread.</summary>
    public int? Workers { get; init; }

    /// <summary>How photos are brought to the size; null for the size's default.</summary>
    public ResizeMethod? Resize { get; init; }

    /// <summary>
    /// Cuts photos to one square right after decoding: training photos to a random window of at least 8 % of the area, the others to the centre; null for none.
    /// Learners and model files keep it, so that photos are predicted as they were validated.
    /// </summary>
    public Presize? Presize { get; init; }

    /// <summary>Rounds the side lengths to multiples of this.</summary>
    public int Multiple { get; init; } = 1;

    /// <summary>What lies outside of a transformed photo.</summary>
    public PaddingMode Padding { get; init; } = PaddingMode.Reflection;

    /// <summary>How values between pixels are found.</summary>
    public InterpolationMode Interpolation { get; init; } = InterpolationMode.Bilinear;

    /// <summary>
    /// Decode large JPEG photos at a half, a quarter or an eighth of their size where that is no smaller than a photo in a batch. Several times as
    /// fast for photos of many megapixels; off by default, since the pixels differ a little from those of the whole photo. <see cref="Presize"/> takes the whole photo.
    /// </summary>
    public bool ScaledDecoding { get; init; }

    /// <summary>Bytes of decoded photos that are kept for later epochs, first come, first kept; 0 for none. Default: an eighth of the machine's memory, at most 1 GiB.</summary>
    public long CacheBytes { get; init; } = Math.Min(1L << 30, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8);

    /// <summary>
    /// Transform whole batches on the device: loading threads decode, and one kernel makes the pictures of a batch from the photos' bytes, with the same random
    /// numbers. Pixels differ from those of the loading threads by less than 1/255. Worth it where a GPU waits for the threads; off by default.
    /// </summary>
    public bool TransformOnDevice { get; init; }

    /// <summary>Where batches live; null for the default device.</summary>
    public Device? Device { get; init; }
}
