namespace Tessera.Vision;

/// <summary>Ready lists of transforms.</summary>
public static class Transforms
{
    static readonly Uniform Anywhere = (0, 1);

    /// <summary>
    /// The usual augmentation of photos: random crop, flip, symmetric warp, rotation, zoom, brightness and contrast for training;
    /// the centre crop for validation. A maximum of 0 (zoom: 1) leaves that entry out.
    /// </summary>
    /// <param name="doFlip">Mirror left and right, half of the time.</param>
    /// <param name="flipVert">Use all eight symmetries instead, as part of the one resampling.</param>
    /// <param name="maxRotate">Degrees either way.</param>
    /// <param name="maxZoom">Largest enlargement.</param>
    /// <param name="maxLighting">m: brightness from (1-m)/2 to (1+m)/2, contrast from 1-m to 1/(1-m); below 1.</param>
    /// <param name="maxWarp">Largest magnitude of the warp.</param>
    /// <param name="pAffine">Probability of each of warp, rotation and zoom.</param>
    /// <param name="pLighting">Probability of each of brightness and contrast.</param>
    /// <param name="extra">More for the training list.</param>
    /// <exception cref="TesseraException"><paramref name="maxLighting"/> of 1 or more, a negative maximum, or a probability outside 0..1.</exception>
    public static TransformPair Default(
        bool doFlip = true, bool flipVert = false, double maxRotate = 10, double maxZoom = 1.1, double maxLighting = 0.2, double maxWarp = 0.2,
        double pAffine = 0.75, double pLighting = 0.75, IEnumerable<Transform>? extra = null)
    {
        if (!(maxLighting < 1))
            throw new TesseraException(FormattableString.Invariant($"Transforms.Default: maxLighting out of range: got {maxLighting}, expected below 1. Hint: 0.2 is usual."));
        foreach (var (name, value) in new[] { (nameof(maxRotate), maxRotate), (nameof(maxZoom), maxZoom), (nameof(maxLighting), maxLighting), (nameof(maxWarp), maxWarp) })
            if (!(value >= 0) || !double.IsFinite(value))
                throw new TesseraException(FormattableString.Invariant(
                    $"Transforms.Default: {name}: got {value}, expected at least 0. Hint: 0 leaves it out."));
        List<Transform> train = [RandCrop()];
        if (doFlip)
            train.Add(flipVert ? new DihedralAffine() : new FlipLeftRight { P = 0.5 });
        if (maxWarp > 0)
            train.Add(new SymmetricWarp((-maxWarp, maxWarp)) { P = pAffine });
        if (maxRotate > 0)
            train.Add(new Rotate((-maxRotate, maxRotate)) { P = pAffine });
        if (maxZoom > 1)
            train.Add(RandZoom((1, maxZoom), pAffine));
        if (maxLighting > 0)
        {
            train.Add(new Brightness((0.5 * (1 - maxLighting), 0.5 * (1 + maxLighting))) { P = pLighting });
            train.Add(new Contrast((1 - maxLighting, 1 / (1 - maxLighting))) { P = pLighting });
        }
        return new([.. train, .. extra ?? []], [new CropPad()]);
    }

    /// <summary>No augmentation: the centre crop for both sets.</summary>
    public static TransformPair None() => new([new CropPad()], [new CropPad()]);

    /// <summary>Crop or pad to the target size at a random position.</summary>
    public static CropPad RandCrop() => new() { RowPct = Anywhere, ColPct = Anywhere };

    /// <summary>Zoom about a random point.</summary>
    public static Zoom RandZoom(Uniform scale, double p = 1) => new(scale) { RowPct = Anywhere, ColPct = Anywhere, P = p };

    /// <summary>Pad all sides by <paramref name="padding"/>, then crop <paramref name="size"/> at a random position.</summary>
    public static IReadOnlyList<Transform> RandPad(int padding, ImageSize size, PaddingMode mode = PaddingMode.Reflection) =>
        [new Pad(padding, mode), new Crop(size) { RowPct = Anywhere, ColPct = Anywhere }];

    /// <summary>Zoom, then crop or pad to the target size; both about the centre, or at random positions.</summary>
    public static IReadOnlyList<Transform> ZoomCrop(Uniform scale, bool random = false, double p = 1) =>
        random ? [RandZoom(scale, p), RandCrop()] : [new Zoom(scale) { P = p }, new CropPad()];

    /// <summary>A random window of area 1/s, s ~ U(1, maxScale), and ratio r ~ U(ratios) or its inverse, first of eight that fits; then the crop to <paramref name="size"/>.</summary>
    public static IReadOnlyList<Transform> RandResizeCrop(ImageSize size, double maxScale = 2, Uniform? ratios = null) =>
    [
        new ZoomSquish([.. Enumerable.Repeat(new ZoomSquishTry((1, maxScale), ratios ?? (0.75, 1.33)), 8)]) { RowPct = Anywhere, ColPct = Anywhere },
        new Crop(size),
    ];
}
