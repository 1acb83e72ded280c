using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tessera.Vision;

/// <summary>The target size of a pipeline: one number for a square (fitted by <see cref="ResizeMethod.Crop"/>) or (rows, columns) (<see cref="ResizeMethod.Squish"/>).</summary>
[JsonConverter(typeof(ImageSizeConverter))]
public readonly record struct ImageSize
{
    /// <summary>A square of <paramref name="side"/> pixels; the default method is to crop.</summary>
    public ImageSize(int side) : this(side, side) => DefaultMethod = ResizeMethod.Crop;

    /// <summary>Rows and columns; the default method is to squish.</summary>
    /// <exception cref="ShapeException">A side below 1.</exception>
    public ImageSize(int height, int width)
    {
        if (height < 1 || width < 1 || (long)height * width > ImageCodec.MaxPixels)
            throw new ShapeException($"ImageSize: impossible size: got {height} x {width}, expected sides of at least 1 and at most {ImageCodec.MaxPixels} pixels. Hint: give rows, then columns.");
        (Height, Width, DefaultMethod) = (height, width, ResizeMethod.Squish);
    }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>How to fit where nothing else is said.</summary>
    public ResizeMethod DefaultMethod { get; }

    /// <summary>A square.</summary>
    public static implicit operator ImageSize(int side) => new(side);

    /// <summary>Rows and columns.</summary>
    public static implicit operator ImageSize((int Height, int Width) size) => new(size.Height, size.Width);

    /// <summary>Sides rounded to the nearest multiples of <paramref name="n"/>, the method kept.</summary>
    internal ImageSize Rounded(int n)
    {
        int Round(int x) => Math.Max((int)((double)x / n + 0.5), 1) * n;
        return DefaultMethod == ResizeMethod.Crop ? new(Round(Height)) : new(Round(Height), Round(Width));
    }
}

/// <summary>A size as a number (a square that is cropped to) or a pair [rows, columns].</summary>
internal sealed class ImageSizeConverter : JsonConverter<ImageSize>
{
    public override ImageSize Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Number) return new ImageSize(Side(ref reader));
        if (reader.TokenType != JsonTokenType.StartArray || !reader.Read()) throw new JsonException();
        int height = Side(ref reader);
        int width = reader.Read() ? Side(ref reader) : 0;
        return reader.Read() && reader.TokenType == JsonTokenType.EndArray ? new ImageSize(height, width) : throw new JsonException();
    }

    public override void Write(Utf8JsonWriter writer, ImageSize value, JsonSerializerOptions options)
    {
        if (value.DefaultMethod == ResizeMethod.Crop)
        {
            writer.WriteNumberValue(value.Height);
            return;
        }
        writer.WriteStartArray();
        writer.WriteNumberValue(value.Height);
        writer.WriteNumberValue(value.Width);
        writer.WriteEndArray();
    }

    static int Side(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int side)
        && side is >= 1 and <= 1 << 20 ? side : throw new JsonException("a side is no number of pixels");
}

/// <summary>How a picture of another shape is brought to the target size.</summary>
public enum ResizeMethod
{
    /// <summary>The short side fits, the rest of the long side is cut off.</summary>
    Crop,

    /// <summary>The long side fits, the short one is padded.</summary>
    Pad,

    /// <summary>Both sides fit, the shape changes.</summary>
    Squish,

    /// <summary>The picture keeps its size.</summary>
    None,
}

/// <summary>What lies outside the picture.</summary>
public enum PaddingMode
{
    /// <summary>The picture mirrored about the centres of its border pixels.</summary>
    Reflection,

    /// <summary>The nearest border pixel.</summary>
    Border,

    /// <summary>Black.</summary>
    Zeros,
}

/// <summary>How a value between pixels is found.</summary>
public enum InterpolationMode
{
    /// <summary>Weighted mean of the four neighbours.</summary>
    Bilinear,

    /// <summary>The nearest pixel, ties to even indices.</summary>
    Nearest,
}

/// <summary>Order of the numbers of a picture in memory.</summary>
public enum PixelLayout
{
    /// <summary>[3, H, W]: one plane a channel.</summary>
    Chw,

    /// <summary>[H, W, 3]: channels interleaved, as 4-d activations are stored.</summary>
    Hwc,
}
