namespace Tessera.Vision;

/// <summary>
/// Cuts pictures to one square size right after decoding, before the pipeline, with an antialiased filter:
/// for training a random window, for validation the centre.
/// </summary>
/// <param name="Size">Side of the result in pixels, 1 to 16,384; twice that of a batch is usual.</param>
public sealed record Presize(int Size)
{
    const int MaxSide = 1 << 14;

    /// <summary>Side of the result in pixels, 1 to 16,384.</summary>
    /// <exception cref="TesseraException">Below 1, or too large.</exception>
    public int Size { get; init => field = Side(value); } = Side(Size);

    /// <summary>Part of the picture's area that a training window takes, above 0 and at most 1.</summary>
    /// <exception cref="TesseraException">Out of this range.</exception>
    public Uniform Scale { get; init => field = value.Factor(nameof(Presize)).Within(0, 1, nameof(Presize), "(0.08, 1) is usual, 1 takes all."); } = (0.08, 1);

    /// <summary>Width over height of a training window, above 0, drawn log-uniformly; the smaller number first.</summary>
    /// <exception cref="TesseraException">0, negative or not finite.</exception>
    public Uniform Ratio { get; init => field = value.Factor(nameof(Presize)); } = (3.0 / 4, 4.0 / 3);

    /// <summary>For validation the short side becomes <see cref="Size"/> plus this, 0 to 16,384, before the centre is cut out.</summary>
    /// <exception cref="TesseraException">Out of this range.</exception>
    public int ValidExtra { get; init => field = Margin(value); } = 32;

    /// <summary>How pixels are weighed.</summary>
    /// <exception cref="TesseraException">None of the filters.</exception>
    public ResizeFilter Filter { get; init => field = Known(value); } = ResizeFilter.Bilinear;

    static int Side(int size) => size is >= 1 and <= MaxSide ? size
        : throw new TesseraException(FormattableString.Invariant($"Presize: Size: got {size}, expected 1 to {MaxSide}. Hint: 460 for batches of 224 is usual."));

    static int Margin(int extra) => extra is >= 0 and <= MaxSide ? extra
        : throw new TesseraException(FormattableString.Invariant($"Presize: ValidExtra: got {extra}, expected 0 to {MaxSide}. Hint: 32 is usual."));

    static ResizeFilter Known(ResizeFilter filter) => Enum.IsDefined(filter) ? filter
        : throw new TesseraException($"Presize: Filter: got {filter}, expected one of {string.Join(", ", Enum.GetNames<ResizeFilter>())}. Hint: Bilinear is usual.");

    /// <summary>A random window resized to the size: the first of ten draws that fits, else the largest centred window of an allowed ratio.</summary>
    public Image Train(Image image, ItemRandom random)
    {
        random.Begin(-1);
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var area = Scale.Draw(random) * image.Height * image.Width;
            var ratio = Ratio.DrawLog(random);
            var (h, w) = (Round(Math.Sqrt(area / ratio)), Round(Math.Sqrt(area * ratio)));
            if (h >= 1 && w >= 1 && h <= image.Height && w <= image.Width)
                return Cut(image, random.NextInt(image.Height - h + 1), random.NextInt(image.Width - w + 1), h, w);
        }
        var r = Math.Clamp((double)image.Width / image.Height, Math.Min(Ratio.Low, Ratio.High), Math.Max(Ratio.Low, Ratio.High));
        var (height, width) = (Math.Clamp(Round(image.Width / r), 1, image.Height), Math.Clamp(Round(image.Height * r), 1, image.Width));
        return Cut(image, (image.Height - height) / 2, (image.Width - width) / 2, height, width);
    }

    /// <summary>The short side becomes size + extra, then the centre is cut out.</summary>
    public Image Valid(Image image)
    {
        var side = Size + ValidExtra;
        var (h, w) = image.Height <= image.Width
            ? (side, Long(image.Width, image.Height))
            : (Long(image.Height, image.Width), side);
        return image.Resize(h, w, Filter).Crop(Round((h - Size) / 2.0), Round((w - Size) / 2.0), Size, Size);

        int Long(int longer, int shorter) => (int)Math.Min((long)side * longer / shorter, int.MaxValue);
    }

    Image Cut(Image image, int row, int col, int height, int width) => image.Crop(row, col, height, width).Resize(Size, Size, Filter);

    static int Round(double x) => (int)Math.Round(x, MidpointRounding.ToEven);
}
