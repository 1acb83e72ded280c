namespace Tessera.Vision;

/// <summary>Brightness: logits + ln(c/(1-c)); 0.5 changes nothing.</summary>
/// <param name="Change">c, inside (0, 1).</param>
public sealed record Brightness(Uniform Change) : Transform(TransformOrder.Lighting)
{
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
    public int? K { get; init; }

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
/// <param name="Threshold">Largest value of the noise.</param>
public sealed record RgbRandomize(double Threshold = 0.3) : Transform(TransformOrder.Pixel)
{
    /// <summary>0 red, 1 green, 2 blue, or null for a random one.</summary>
    public int? Channel { get; init; }

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
    /// <summary>Fewest and most holes.</summary>
    /// <exception cref="TesseraException">Negative, or more at least than at most.</exception>
    public (int Low, int High) Holes { get; init => field = Ordered(value, nameof(Holes)); } = (1, 1);

    /// <summary>Shortest and longest side of the holes, in pixels.</summary>
    /// <exception cref="TesseraException">Negative, or more at least than at most.</exception>
    public (int Low, int High) Length { get; init => field = Ordered(value, nameof(Length)); } = (40, 40);

    static (int Low, int High) Ordered((int Low, int High) range, string what) => range.Low >= 0 && range.Low <= range.High && range.High < int.MaxValue
        ? range
        : throw new TesseraException($"Cutout: {what}: got {range.Low} to {range.High}, expected at least 0, the smaller number first. Hint: (1, 3) is one to three.");

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
/// <exception cref="TesseraException">Negative, or above 10,000.</exception>
public sealed record Pad(int Padding, PaddingMode Mode = PaddingMode.Reflection) : Transform(TransformOrder.PrePad)
{
    /// <summary>Pixels.</summary>
    public int Padding { get; init; } = Padding is >= 0 and <= 10_000 ? Padding : throw new TesseraException(FormattableString.Invariant($"Pad: pixels: got {Padding}, expected 0 to 10000. Hint: 4 is usual for photos of 32 pixels."));

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) => canvas.Pad(Padding, Padding, Mode);
}

/// <summary>Keeps a window of the given size, wherever the chain stands (with the flips, in list order).</summary>
/// <param name="Size">Of the window, in pixels.</param>
public sealed record Crop(ImageSize Size) : Transform(TransformOrder.Pixel)
{
    /// <summary>Vertical position, 0 top to 1 bottom.</summary>
    public Uniform RowPct { get; init; } = 0.5;

    /// <summary>Horizontal position, 0 left to 1 right.</summary>
    public Uniform ColPct { get; init; } = 0.5;

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
    public Uniform RowPct { get; init; } = 0.5;

    /// <summary>Horizontal position, 0 left to 1 right.</summary>
    public Uniform ColPct { get; init; } = 0.5;

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
