using System.Text.Json.Serialization;

namespace Tessera.Vision;

/// <summary>
/// One random change of a picture. Lists are applied in the order of <see cref="Order"/>, equals in list order;
/// parameters and the on/off coin are drawn once an item.
/// </summary>
/// <param name="Order">The place in the chain, see <see cref="TransformOrder"/>.</param>
[JsonDerivedType(typeof(CropPad), nameof(CropPad))]
[JsonDerivedType(typeof(Crop), nameof(Crop))]
[JsonDerivedType(typeof(Pad), nameof(Pad))]
[JsonDerivedType(typeof(Zoom), nameof(Zoom))]
[JsonDerivedType(typeof(Squish), nameof(Squish))]
[JsonDerivedType(typeof(Rotate), nameof(Rotate))]
[JsonDerivedType(typeof(DihedralAffine), nameof(DihedralAffine))]
[JsonDerivedType(typeof(Dihedral), nameof(Dihedral))]
[JsonDerivedType(typeof(FlipLeftRight), nameof(FlipLeftRight))]
[JsonDerivedType(typeof(Brightness), nameof(Brightness))]
[JsonDerivedType(typeof(Contrast), nameof(Contrast))]
[JsonDerivedType(typeof(RgbRandomize), nameof(RgbRandomize))]
[JsonDerivedType(typeof(Cutout), nameof(Cutout))]
[JsonDerivedType(typeof(SymmetricWarp), nameof(SymmetricWarp))]
[JsonDerivedType(typeof(PerspectiveWarp), nameof(PerspectiveWarp))]
[JsonDerivedType(typeof(Tilt), nameof(Tilt))]
[JsonDerivedType(typeof(Skew), nameof(Skew))]
[JsonDerivedType(typeof(Jitter), nameof(Jitter))]
[JsonDerivedType(typeof(ZoomSquish), nameof(ZoomSquish))]
public abstract record Transform([property: JsonIgnore] int Order)
{
    /// <summary>Probability that the transform is applied.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public double P
    {
        get;
        init => field = value is >= 0 and <= 1 ? value : throw new TesseraException(FormattableString.Invariant(
            $"{GetType().Name}: probability P: got {value}, expected 0 to 1. Hint: 1 applies it always."));
    } = 1;

    /// <summary>Draws the parameters and queues the change on the canvas.</summary>
    protected internal abstract void Apply(Canvas canvas, ItemRandom random);
}

/// <summary>Places in the chain of transforms.</summary>
public static class TransformOrder
{
    /// <summary>Padding before anything else.</summary>
    public const int PrePad = -10;

    /// <summary>Moves grid points one by one: warps.</summary>
    public const int Coordinate = 4;

    /// <summary>Multiplies into the one affine matrix.</summary>
    public const int Affine = 5;

    /// <summary>Works on logits of the resampled pixels.</summary>
    public const int Lighting = 8;

    /// <summary>Moves or replaces pixels: flips.</summary>
    public const int Pixel = 10;

    /// <summary>Cuts holes.</summary>
    public const int Cutout = 20;

    /// <summary>Crops or pads to the final size.</summary>
    public const int Crop = 99;
}

/// <summary>The transforms of the two sets.</summary>
/// <param name="Train">For training items, random.</param>
/// <param name="Valid">For validation and prediction, fixed.</param>
public sealed record TransformPair(IReadOnlyList<Transform> Train, IReadOnlyList<Transform> Valid);
