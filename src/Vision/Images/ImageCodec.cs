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

    const int Pooled = 1 << 24; // larger buffers are made to measure: pools round up to a power of two

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
        RequireMemory(codec, w, h, file, name);

        var (width, height) = Turns(origin) ? (h, w) : (w, h);
        var image = rented && (long)w * h * Image.Channels <= Pooled ? Image.Rent(width, height) : Image.Own(Image.NewBuffer(width, height), width, height);
        // No colour space in the target: bytes come as they are stored. Unpremul: alpha is dropped, never blended.
        var info = new SKImageInfo(w, h, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var result = codec.EncodedFormat == SKEncodedImageFormat.Jpeg ? ByRows(codec, info, origin, image) : AtOnce(codec, info, origin, image);
        if (result == SKCodecResult.Success) return image;
        image.Recycle();
        throw Damaged(result, name);
    }

    /// <summary>A file that would take much more memory than it has bytes is refused before any of it is taken.</summary>
    static void RequireMemory(SKCodec codec, int w, int h, ReadOnlySpan<byte> file, string name)
    {
        long pixels = (long)w * h, needed = (2L * file.Length) + codec.EncodedFormat switch // the file and a copy of it, and what the decoder keeps a pixel
        {
            SKEncodedImageFormat.Jpeg => (Image.Channels * pixels) + JpegHead.Coefficients(file),
            SKEncodedImageFormat.Webp => (Image.Channels + 8) * pixels,
            _ => (Image.Channels + 5) * pixels,
        };
        if (needed > (4L * file.Length) + Image.MemoryLimit)
            throw new DataException(
                $"{name}: too large to decode: got {codec.Info.Height} x {codec.Info.Width} pixels in {file.Length} bytes, "
                    + $"which take {needed} bytes of memory, expected at most {(4L * file.Length) + Image.MemoryLimit}, "
                + "4 times the file and Image.MemoryLimit. Hint: shrink the picture with another program, or raise Image.MemoryLimit if you trust it.");
    }

    /// <summary>Decodes a few rows at a time, so that only the picture itself is in memory.</summary>
    static SKCodecResult ByRows(SKCodec codec, SKImageInfo info, SKEncodedOrigin origin, Image image)
    {
        const int strip = 1 << 18; // bytes that stay in the cache
        int rows = Math.Clamp(strip / (4 * info.Width), 1, info.Height);
        using var bitmap = new SKBitmap(info.WithSize(info.Width, rows));
        var started = codec.StartScanlineDecode(info);
        if (started != SKCodecResult.Success) return started;
        for (int y = 0; y < info.Height; y += rows)
        {
            int n = Math.Min(rows, info.Height - y);
            if (codec.GetScanlines(bitmap.GetPixels(), n, bitmap.RowBytes) < n) return SKCodecResult.IncompleteInput;
            Place(bitmap.GetPixelSpan()[..(4 * info.Width * n)], y, info.Width, info.Height, origin, image);
        }
        return SKCodecResult.Success;
    }

    static SKCodecResult AtOnce(SKCodec codec, SKImageInfo info, SKEncodedOrigin origin, Image image)
    {
        int bytes = info.Width * info.Height * 4;
        byte[] rgba = bytes <= Pooled ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);
        try
        {
            var result = codec.GetPixels(info, rgba);
            if (result == SKCodecResult.Success) Place(rgba.AsSpan(0, bytes), 0, info.Width, info.Height, origin, image);
            return result;
        }
        finally
        {
            if (bytes <= Pooled) ArrayPool<byte>.Shared.Return(rgba);
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

    /// <summary>Some rows of RGBA as stored, from row y on, to RGB as displayed: pixel (r, c) of h x w goes to place start + r*dr + c*dc of the picture.</summary>
    static void Place(ReadOnlySpan<byte> rgba, int y, int w, int h, SKEncodedOrigin origin, Image image)
    {
        int width = image.Width, last = (w * h) - 1;
        var (start, dr, dc) = origin switch
        {
            SKEncodedOrigin.TopRight => (w - 1, w, -1),
            SKEncodedOrigin.BottomRight => (last, -w, -1),
            SKEncodedOrigin.BottomLeft => ((h - 1) * w, -w, 1),
            SKEncodedOrigin.LeftTop => (0, 1, width),
            SKEncodedOrigin.RightTop => (width - 1, -1, width),
            SKEncodedOrigin.RightBottom => (last, -1, -width),
            SKEncodedOrigin.LeftBottom => (last - width + 1, 1, -width),
            _ => (0, w, 1),
        };
        var rgb = image.Buffer.AsSpan(0, 3 * w * h);
        int rows = rgba.Length / (4 * w);
        if (dc == 1)
        {
            for (int r = 0; r < rows; r++) DropFourth(rgba.Slice(4 * r * w, 4 * w), rgb.Slice(3 * (start + ((y + r) * dr)), 3 * w));
            return;
        }
        for (int c = 0; c < w; c++) // columns outside: those of a turned picture are its rows
            for (int r = 0; r < rows; r++) rgba.Slice(4 * ((r * w) + c), 3).CopyTo(rgb[(3 * (start + ((y + r) * dr) + (c * dc)))..]);
    }

    /// <summary>[W, 4] to [W, 3].</summary>
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
        Place(rgba[..(4 * width * height)], 0, width, height, SKEncodedOrigin.TopLeft, image);
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
          + "expected JPEG, PNG, GIF, BMP or WebP. Hint: name an image; if it is to be one, fetch it again.");

    static DataException Damaged(SKCodecResult result, string name) => new(result == SKCodecResult.IncompleteInput
        ? $"{name}: truncated or damaged image: the data end before the last row. Hint: fetch the file again or delete it."
        : $"{name}: damaged image: the decoder says {result}. Hint: fetch the file again or delete it.");
}
