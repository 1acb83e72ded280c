using System.Globalization;
using System.Text.Json;

namespace Tessera.Vision;

/// <summary>
/// From a decoded picture to the floats of a batch: resize and every transform of a list, with one resampling.
/// Immutable; any number of threads may use one.
/// </summary>
public sealed class TransformPipeline
{
    readonly Transform[] chain;

    /// <summary>A pipeline.</summary>
    /// <param name="transforms">In any order; applied by <see cref="Transform.Order"/>.</param>
    /// <param name="size">The target size, or null to keep each picture's own.</param>
    /// <param name="method">How to fit; null for the size's default. Crop and Pad end with a centre <see cref="CropPad"/> if the list has none.</param>
    /// <param name="padding">What lies outside the picture.</param>
    /// <param name="mode">How values between pixels are found.</param>
    /// <param name="multiple">Round the target's sides to multiples of this.</param>
    public TransformPipeline(
        IReadOnlyList<Transform> transforms, ImageSize? size = null, ResizeMethod? method = null, PaddingMode padding = PaddingMode.Reflection,
        InterpolationMode mode = InterpolationMode.Bilinear, int multiple = 1)
    {
        Size = size?.Rounded(multiple);
        Method = method ?? size?.DefaultMethod ?? ResizeMethod.Crop;
        (Padding, Mode) = (padding, mode);
        var addCrop = Size is not null && Fits && !transforms.OfType<CropPad>().Any();
        chain = [.. transforms.Concat(addCrop ? [new CropPad()] : []).OrderBy(t => t.Order)];
    }

    /// <summary>Cuts pictures to one square before all else; null for none.</summary>
    public Presize? Presize { get; init; }

    /// <summary>Whether <see cref="Presize"/> cuts out a random window, as for training, instead of the centre.</summary>
    public bool PresizesAtRandom { get; init; }

    /// <summary>The target size, or null where each picture keeps its own.</summary>
    public ImageSize? Size { get; }

    /// <summary>How pictures are fitted to the size.</summary>
    public ResizeMethod Method { get; }

    /// <summary>What lies outside a picture.</summary>
    public PaddingMode Padding { get; }

    /// <summary>How values between pixels are found.</summary>
    public InterpolationMode Mode { get; }

    /// <summary>The transforms in the order in which they are applied.</summary>
    public IReadOnlyList<Transform> Transforms => chain;

    /// <summary>The same with other transforms.</summary>
    internal TransformPipeline With(IReadOnlyList<Transform> transforms) => new(transforms, Size, Method, Padding, Mode) { Presize = Presize, PresizesAtRandom = PresizesAtRandom };

    /// <summary>The same, with pictures that are cut first.</summary>
    internal TransformPipeline With(Presize? presize, bool atRandom) => new(chain, Size, Method, Padding, Mode) { Presize = presize, PresizesAtRandom = atRandom };

    /// <summary>All that pixels depend on, as text; of transforms that are no part of this library, their names.</summary>
    internal string ToText() => string.Create(CultureInfo.InvariantCulture,
        $"{Size?.Height} x {Size?.Width} {Method}, {Padding}, {Mode}, {(Presize is null ? "no Presize" : $"{Presize}{(PresizesAtRandom ? " at random" : "")}")}, [{string.Join(", ", chain.Select(Text))}]");

    static string Text(Transform transform)
    {
        try
        {
            return JsonSerializer.Serialize(transform, DescriptionJson.Default.Transform);
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            return transform.GetType().Name;
        }
    }

    Image Presized(Image image, ItemRandom random) => Presize is null ? image : PresizesAtRandom ? Presize.Train(image, random) : Presize.Valid(image);

    bool Fits => Method is ResizeMethod.Crop or ResizeMethod.Pad;

    /// <summary>The picture as floats in [0, 1].</summary>
    /// <param name="image">The decoded picture.</param>
    /// <param name="random">The item's random numbers; null for fixed transforms.</param>
    /// <param name="layout">[3, H, W] or [H, W, 3].</param>
    /// <returns>The pixels, and the size they have.</returns>
    public (float[] Pixels, int Height, int Width) Apply(Image image, ItemRandom? random = null, PixelLayout layout = PixelLayout.Chw)
    {
        random ??= ItemRandom.Fixed;
        using var canvas = Draw(Presized(image, random), random);
        var y = new float[canvas.Height * canvas.Width * Image.Channels];
        canvas.Write(y, layout);
        return (y, canvas.Height, canvas.Width);
    }

    /// <summary>The picture as floats in [0, 1], into the caller's memory.</summary>
    /// <param name="image">The decoded picture.</param>
    /// <param name="random">The item's random numbers.</param>
    /// <param name="y">3*H*W floats.</param>
    /// <param name="layout">[3, H, W] or [H, W, 3].</param>
    /// <exception cref="ShapeException">The result has another size than <paramref name="y"/>.</exception>
    public void Apply(Image image, ItemRandom random, Span<float> y, PixelLayout layout)
    {
        using var canvas = Draw(Presized(image, random), random);
        if (y.Length != canvas.Height * canvas.Width * Image.Channels)
            throw new ShapeException(
                $"TransformPipeline: the result does not fit: got room for {y.Length} floats, expected 3 x {canvas.Height} x {canvas.Width}. "
                + "Hint: give the pipeline a size, so that all pictures come out alike.");
        canvas.Write(y, layout);
    }

    /// <summary>
    /// The photo and what a device must do to it: the parameters that <see cref="Apply(Image, ItemRandom, Span{float}, PixelLayout)"/> draws from the same
    /// stream. Where one sampling cannot say it, the finished picture as bytes.
    /// </summary>
    internal Picture Plan(Image image, Philox stream)
    {
        var random = new ItemRandom(stream);
        var cut = Presized(image, random);
        using var canvas = Draw(cut, random, planning: true);
        if (canvas.Plan() is { } how)
            return Expected(canvas.Height, canvas.Width, new(cut.Buffer, how));
        var (pixels, h, w) = Apply(image, new ItemRandom(stream), PixelLayout.Hwc);
        var bytes = new byte[pixels.Length];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(Math.Clamp(pixels[i], 0, 1) * 255 + 0.5f);
        return Expected(h, w, new(bytes, PictureSampling.Whole(h, w)));
    }

    Picture Expected(int h, int w, Picture picture) => Size is not { } size || (size.Height == h && size.Width == w)
        ? picture
        : throw new ShapeException($"TransformPipeline: the result does not fit: got {h} x {w}, expected {size.Height} x {size.Width}. Hint: end with CropPad, so that all pictures come out alike.");

    /// <summary>The picture, already cut by <see cref="Presize"/>, with everything queued; without <paramref name="crop"/>, as it stands before the last step.</summary>
    internal Canvas Draw(Image image, ItemRandom random, bool crop = true, bool planning = false)
    {
        var canvas = new Canvas(image, Padding, Mode, planning);
        if (Size is { } size)
            Resize(canvas, size);
        for (var k = 0; k < chain.Length; k++)
        {
            random.Begin(k);
            if (!random.Coin(chain[k].P))
                continue;
            if (chain[k] is not CropPad last)
                chain[k].Apply(canvas, random);
            else if (Fits && crop)
                last.Apply(canvas, random, Size ?? (image.Height, image.Width));
        }
        return canvas;
    }

    /// <summary>Queues the resize: ratio = min (Crop) or max (Pad) of the sides' ratios; Squish goes straight to the size.</summary>
    void Resize(Canvas canvas, ImageSize size)
    {
        var (rows, cols) = ((double)canvas.Height / size.Height, (double)canvas.Width / size.Width);
        var ratio = Method == ResizeMethod.Crop ? Math.Min(rows, cols) : Math.Max(rows, cols);
        if (Fits)
            canvas.Resize(Side(canvas.Height / ratio), Side(canvas.Width / ratio));
        else if (Method == ResizeMethod.Squish)
            canvas.Resize(size.Height, size.Width);
    }

    static int Side(double x) => Math.Max((int)Math.Round(x, MidpointRounding.ToEven), 1);
}
