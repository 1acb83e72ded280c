namespace Tessera.Vision;

/// <summary>
/// Cuts pictures to one square size right after decoding, before the pipeline, with an antialiased filter:
/// for training a random window, for validation the centre.
/// </summary>
/// <param name="Size">Side of the result in pixels.</param>
/// <exception cref="TesseraException">Below 1.</exception>
public sealed record Presize(int Size)
{
    /// <summary>Side of the result in pixels.</summary>
    public int Size { get; init; } = Size >= 1 ? Size : throw new TesseraException(FormattableString.Invariant($"Presize: size: got {Size}, expected at least 1. Hint: 460 for batches of 224 is usual."));

    /// <summary>Part of the picture's area that a training window takes.</summary>
    public Uniform Scale { get; init; } = (0.08, 1);

    /// <summary>Width over height of a training window, drawn log-uniformly.</summary>
    public Uniform Ratio { get; init; } = (3.0 / 4, 4.0 / 3);

    /// <summary>For validation the short side becomes <see cref="Size"/> plus this before the centre is cut out.</summary>
    public int ValidExtra { get; init; } = 32;

    /// <summary>How pixels are weighed.</summary>
    public ResizeFilter Filter { get; init; } = ResizeFilter.Bilinear;

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
        var r = Math.Clamp((double)image.Width / image.Height, Ratio.Low, Ratio.High);
        var (height, width) = (Math.Clamp(Round(image.Width / r), 1, image.Height), Math.Clamp(Round(image.Height * r), 1, image.Width));
        return Cut(image, (image.Height - height) / 2, (image.Width - width) / 2, height, width);
    }

    /// <summary>The short side becomes size + extra, then the centre is cut out.</summary>
    public Image Valid(Image image)
    {
        var side = Size + ValidExtra;
        var (h, w) = image.Height <= image.Width
            ? (side, (int)((long)side * image.Width / image.Height))
            : ((int)((long)side * image.Height / image.Width), side);
        return image.Resize(h, w, Filter).Crop(Round((h - Size) / 2.0), Round((w - Size) / 2.0), Size, Size);
    }

    Image Cut(Image image, int row, int col, int height, int width) => image.Crop(row, col, height, width).Resize(Size, Size, Filter);

    static int Round(double x) => (int)Math.Round(x, MidpointRounding.ToEven);
}
