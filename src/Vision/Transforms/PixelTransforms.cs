using System.Runtime.CompilerServices;

namespace Tessera.Vision;

/// <summary>Brightness: logits + ln(c/(1-c)); 0.5 changes nothing.</summary>
/// <param name="Change">c, inside (0, 1).</param>
public sealed record Brightness(Uniform Change) : Transform(TransformOrder.Lighting)
{
    /// <summary>c, inside (0, 1).</summary>
    /// <exception cref="TesseraException">Not inside (0, 1).</exception>
    public Uniform Change { get; init => field = Inside(value); } = Inside(Change);

    static Uniform Inside(Uniform change) => change is { Low: > 0 and < 1, High: > 0 and < 1 } ? change
        : throw new TesseraException($"Brightness: Change: got {change}, expected inside (0, 1). Hint: 0.5 changes nothing, 0.6 is lighter.");

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var c = Change.Draw(random);
        canvas.Light(1, Math.Log(c / (1 - c)));
    }
}

/// <summary>Contrast: logits times s, drawn log-uniformly; 1 changes nothing.</summary>
/// <param name="Scale">s, above 0.</param>
public sealed record Contrast(Uniform Scale) : Transform(TransformOrder.Lighting)
{
    /// <summary>s, above 0.</summary>
    /// <exception cref="TesseraException">0, negative or not finite.</exception>
    public Uniform Scale { get; init => field = value.Factor(nameof(Contrast)); } = Scale.Factor(nameof(Contrast));

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) => canvas.Light(Scale.DrawLog(random), 0);
}

/// <summary>Mirrors left and right.</summary>
public sealed record FlipLeftRight() : Transform(TransformOrder.Pixel)
{
    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) => canvas.FlipColumns();
}

/// <summary>One of the eight symmetries of the square, pixels moved: bit 0 reverses rows, bit 1 columns, then bit 2 transposes.</summary>
public sealed record Dihedral() : Transform(TransformOrder.Pixel)
{
    /// <summary>0 to 7 for a fixed symmetry, null for a random one.</summary>
    /// <exception cref="TesseraException">Not 0 to 7.</exception>
    public int? K { get; init => field = Ranges.Choice(value, 7, nameof(Dihedral)); }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var k = K ?? random.NextInt(8);
        if ((k & 1) != 0)
            canvas.FlipRows();
        if ((k & 2) != 0)
            canvas.FlipColumns();
        if ((k & 4) != 0)
            canvas.Transpose();
    }
}

/// <summary>Replaces one channel by noise: u U(0, 1) a pixel, with u ~ U(0, threshold).</summary>
/// <param name="Threshold">Largest value of the noise, 0 to 1.</param>
public sealed record RgbRandomize(double Threshold = 0.3) : Transform(TransformOrder.Pixel)
{
    /// <summary>Largest value of the noise, 0 to 1.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public double Threshold { get; init => field = Light(value); } = Light(Threshold);

    static double Light(double threshold) => threshold is >= 0 and <= 1 ? threshold
        : throw new TesseraException(FormattableString.Invariant($"RgbRandomize: Threshold: got {threshold}, expected 0 to 1. Hint: 0.3 is usual."));

    /// <summary>0 red, 1 green, 2 blue, or null for a random one.</summary>
    /// <exception cref="TesseraException">Not 0 to 2.</exception>
    public int? Channel { get; init => field = Ranges.Choice(value, 2, nameof(RgbRandomize)); }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var channel = Channel ?? random.NextInt(3);
        var u = new Uniform(0, Threshold).Draw(random);
        var px = canvas.Pixels();
        for (var i = channel; i < px.Length; i += 4)
            px[i] = (float)(u * random.NextDouble());
    }
}

/// <summary>Sets squares around random centres to black, clipped at the border.</summary>
public sealed record Cutout() : Transform(TransformOrder.Cutout)
{
    /// <summary>Fewest and most holes, at most 1000.</summary>
    /// <exception cref="TesseraException">Negative, too many, or more at least than at most.</exception>
    public (int Low, int High) Holes { get; init => field = Ordered(value, 1000); } = (1, 1);

    /// <summary>Shortest and longest side of the holes, in pixels, at most 1,000,000.</summary>
    /// <exception cref="TesseraException">Negative, too long, or more at least than at most.</exception>
    public (int Low, int High) Length { get; init => field = Ordered(value, 1_000_000); } = (40, 40);

    static (int Low, int High) Ordered((int Low, int High) range, int most, [CallerMemberName] string what = "") => range.Low >= 0 && range.Low <= range.High && range.High <= most
        ? range
        : throw new TesseraException($"Cutout: {what}: got {range.Low} to {range.High}, expected 0 to {most}, the smaller number first. Hint: (1, 3) is one to three.");

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var n = Holes.Low + random.NextInt(Holes.High - Holes.Low + 1);
        var half = (Length.Low + random.NextInt(Length.High - Length.Low + 1)) / 2.0;
        for (; n > 0; n--)
        {
            var (r0, r1) = Side(random.NextInt(canvas.Height), half, canvas.Height);
            var (c0, c1) = Side(random.NextInt(canvas.Width), half, canvas.Width);
            canvas.Clear(r0, r1, c0, c1);
        }
    }

    static (int From, int To) Side(int centre, double half, int size) =>
        ((int)Math.Clamp(centre - half, 0, size), (int)Math.Clamp(centre + half, 0, size));
}

/// <summary>Pads all four sides by <paramref name="Padding"/> pixels before anything else.</summary>
/// <param name="Padding">Pixels.</param>
/// <param name="Mode">What stands there.</param>
public sealed record Pad(int Padding, PaddingMode Mode = PaddingMode.Reflection) : Transform(TransformOrder.PrePad)
{
    /// <summary>Pixels, 0 to 10,000.</summary>
    /// <exception cref="TesseraException">Negative, or above 10,000.</exception>
    public int Padding { get; init => field = Pixels(value); } = Pixels(Padding);

    /// <summary>What stands there.</summary>
    /// <exception cref="TesseraException">None of the modes.</exception>
    public PaddingMode Mode { get; init => field = Known(value); } = Known(Mode);

    static int Pixels(int count) => count is >= 0 and <= 10_000 ? count
        : throw new TesseraException(FormattableString.Invariant($"Pad: Padding: got {count} pixels, expected 0 to 10000. Hint: 4 is usual for photos of 32 pixels."));

    static PaddingMode Known(PaddingMode mode) => Enum.IsDefined(mode) ? mode
        : throw new TesseraException($"Pad: Mode: got {mode}, expected one of {string.Join(", ", Enum.GetNames<PaddingMode>())}. Hint: Reflection is usual.");

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) => canvas.Pad(Padding, Padding, Mode);
}

/// <summary>Keeps a window of the given size, wherever the chain stands (with the flips, in list order).</summary>
/// <param name="Size">Of the window, in pixels.</param>
public sealed record Crop(ImageSize Size) : Transform(TransformOrder.Pixel)
{
    /// <summary>Vertical position, 0 top to 1 bottom.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform RowPct { get; init => field = value.Part(nameof(Crop)); } = 0.5;

    /// <summary>Horizontal position, 0 left to 1 right.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform ColPct { get; init => field = value.Part(nameof(Crop)); } = 0.5;

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) =>
        canvas.Crop(Size.Height, Size.Width, RowPct.Draw(random), ColPct.Draw(random));
}

/// <summary>
/// The last step: crops to the pipeline's target size, padding first where the picture is smaller.
/// Left out when the pipeline squishes or does not resize.
/// </summary>
public sealed record CropPad() : Transform(TransformOrder.Crop)
{
    /// <summary>Vertical position, 0 top to 1 bottom.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform RowPct { get; init => field = value.Part(nameof(CropPad)); } = 0.5;

    /// <summary>Horizontal position, 0 left to 1 right.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform ColPct { get; init => field = value.Part(nameof(CropPad)); } = 0.5;

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) => Apply(canvas, random, (canvas.Height, canvas.Width));

    internal void Apply(Canvas canvas, ItemRandom random, ImageSize size)
    {
        var (rowPct, colPct) = (RowPct.Draw(random), ColPct.Draw(random));
        if (canvas.Height < size.Height || canvas.Width < size.Width)
            canvas.Pad(Math.Max((size.Height - canvas.Height + 1) / 2, 0), Math.Max((size.Width - canvas.Width + 1) / 2, 0), canvas.Padding);
        canvas.Crop(size.Height, size.Width, rowPct, colPct);
    }
}
