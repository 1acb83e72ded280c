using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace Tessera.Vision;

/// <summary>Files to pixels and back, by Skia's codecs.</summary>
static class ImageCodec
{
    /// <summary>Larger pictures are refused as decompression bombs (Pillow's limit).</summary>
    public const int MaxPixels = 178_956_970;

    public static Image Decode(ReadOnlySpan<byte> file, string name, bool applyOrientation, ImageSize? atLeast, bool rented)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data) ?? throw NotAnImage(file, name);
        var (w, h) = (codec.Info.Width, codec.Info.Height);
        if (w < 1 || h < 1 || (long)w * h > Plausible(file.Length, codec.EncodedFormat))
            throw new DataException(
                $"{name}: impossible size: got {h} x {w} pixels in {file.Length} bytes, expected at most {MaxPixels} in all. Hint: the header is damaged, or shrink the picture first.");

        var origin = applyOrientation ? codec.EncodedOrigin : SKEncodedOrigin.TopLeft;
        if (atLeast is { } size && codec.EncodedFormat == SKEncodedImageFormat.Jpeg)
            (w, h) = Scaled(codec, Turns(origin) ? new ImageSize(size.Width, size.Height) : size);
        // No colour space in the target: bytes come as they are stored. Unpremul: alpha is dropped, never blended.
        var info = new SKImageInfo(w, h, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var rgba = ArrayPool<byte>.Shared.Rent(w * h * 4);
        try
        {
            var result = codec.GetPixels(info, rgba);
            if (result != SKCodecResult.Success)
                throw Damaged(result, name);
            var (width, height) = Turns(origin) ? (h, w) : (w, h);
            var image = rented ? Image.Rent(width, height) : Image.Own(Image.NewBuffer(width, height), width, height);
            Orient(rgba, w, h, origin, image);
            return image;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rgba);
        }
    }

    /// <summary>The smallest of the whole, a half, a quarter and an eighth with no side below <paramref name="atLeast"/>, both as stored.</summary>
    static (int Width, int Height) Scaled(SKCodec codec, ImageSize atLeast)
    {
        for (var n = 8; n > 1; n /= 2)
        {
            var scaled = codec.GetScaledDimensions(1f / n);
            if (scaled.Width >= atLeast.Width && scaled.Height >= atLeast.Height)
                return (scaled.Width, scaled.Height);
        }
        return (codec.Info.Width, codec.Info.Height);
    }

    /// <summary>Whether what is stored as rows is shown as columns.</summary>
    static bool Turns(SKEncodedOrigin origin) => origin >= SKEncodedOrigin.LeftTop;

    /// <summary>
    /// The most pixels believed of a file above 16 million: JPEG spends at least a bit on each block of 8 x 8, 512 pixels a byte;
    /// no other codec packs 10,000 into one.
    /// </summary>
    static long Plausible(int bytes, SKEncodedImageFormat format) =>
        Math.Min(MaxPixels, Math.Max(1 << 24, bytes * (format == SKEncodedImageFormat.Jpeg ? 512L : 10_000L)));

    /// <summary>RGBA [h, w] as stored to RGB as displayed: out(r, c) = stored[start + r*dr + c*dc].</summary>
    static void Orient(ReadOnlySpan<byte> rgba, int w, int h, SKEncodedOrigin origin, Image image)
    {
        var (start, dr, dc) = origin switch
        {
            SKEncodedOrigin.TopRight => (w - 1, w, -1),
            SKEncodedOrigin.BottomRight => (w * h - 1, -w, -1),
            SKEncodedOrigin.BottomLeft => ((h - 1) * w, -w, 1),
            SKEncodedOrigin.LeftTop => (0, 1, w),
            SKEncodedOrigin.RightTop => ((h - 1) * w, 1, -w),
            SKEncodedOrigin.RightBottom => (w * h - 1, -1, -w),
            SKEncodedOrigin.LeftBottom => (w - 1, -1, w),
            _ => (0, w, 1),
        };
        var (width, height, rgb) = (image.Width, image.Height, image.Buffer);
        for (var r = 0; r < height; r++)
        {
            var row = rgb.AsSpan(r * width * 3);
            if (dc == 1)
                DropFourth(rgba.Slice(4 * (start + r * dr), 4 * width), row);
            else
                for (int c = 0, from = start + r * dr, to = 0; c < width; c++, from += dc, to += 3) // the fourth byte is overwritten by the next pixel
                    BinaryPrimitives.WriteUInt32LittleEndian(row[to..], BinaryPrimitives.ReadUInt32LittleEndian(rgba[(4 * from)..]));
        }
    }

    /// <summary>[W, 4] to [W, 3]; up to four bytes behind the row are overwritten where there are any.</summary>
    static void DropFourth(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        int from = 0, to = 0;
        for (; from <= rgba.Length - 16 && to <= rgb.Length - 16; from += 16, to += 12)
            Vector128.Shuffle(Vector128.Create(rgba.Slice(from, 16)), Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255)).CopyTo(rgb[to..]);
        for (; from < rgba.Length; from += 4, to += 3)
            rgba.Slice(from, 3).CopyTo(rgb[to..]);
    }

    public static void Save(Image image, string path, int quality)
    {
        var format = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".png" => SKEncodedImageFormat.Png,
            ".jpg" or ".jpeg" => SKEncodedImageFormat.Jpeg,
            var other => throw new DataException($"{path}: cannot write this format: got '{other}', expected .png, .jpg or .jpeg. Hint: change the name's ending."),
        };
        byte[] file = ToFile(image, format, quality);
        AtomicFile.Write(path, stream => stream.Write(file));
    }

    /// <summary>The bytes of a file of this format.</summary>
    public static byte[] ToFile(Image image, SKEncodedImageFormat format, int quality)
    {
        using var bitmap = ToBitmap(image);
        using var data = bitmap.Encode(format, Math.Clamp(quality, 1, 100));
        return data.ToArray();
    }

    /// <summary>Rows and columns as stored.</summary>
    public static (int Height, int Width) SizeOf(ReadOnlySpan<byte> file, string name)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data) ?? throw NotAnImage(file, name);
        return (codec.Info.Height, codec.Info.Width);
    }

    /// <summary>A picture of RGBA pixels [height, width, 4]; alpha is dropped.</summary>
    public static Image FromRgba(ReadOnlySpan<byte> rgba, int width, int height)
    {
        var image = Image.Own(Image.NewBuffer(width, height), width, height);
        Orient(rgba, width, height, SKEncodedOrigin.TopLeft, image);
        return image;
    }

    /// <summary>The same pixels for Skia.</summary>
    public static SKBitmap ToBitmap(Image image)
    {
        var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgb888x, SKAlphaType.Opaque));
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < image.Width * image.Height; i++)
        {
            var rgbx = BinaryPrimitives.ReadUInt32LittleEndian(image.Buffer.AsSpan(3 * i)) | 0xFF000000u;
            BinaryPrimitives.WriteUInt32LittleEndian(pixels[(4 * i)..], rgbx);
        }
        return bitmap;
    }

    static DataException NotAnImage(ReadOnlySpan<byte> file, string name) => new(file.IsEmpty
        ? $"{name}: the file is empty: got 0 bytes, expected an image. Hint: fetch the file again or delete it."
        : $"{name}: no image, or damaged at its head: got {file.Length} bytes that begin {Convert.ToHexString(file[..Math.Min(8, file.Length)])}, "
          + "expected JPEG, PNG, GIF, BMP or WebP. Hint: fetch the file again or delete it.");

    static DataException Damaged(SKCodecResult result, string name) => new(result == SKCodecResult.IncompleteInput
        ? $"{name}: truncated or damaged image: the data end before the last row. Hint: fetch the file again or delete it."
        : $"{name}: damaged image: the decoder says {result}. Hint: fetch the file again or delete it.");
}
