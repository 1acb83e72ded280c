using System.Buffers;

namespace Tessera.Vision;

/// <summary>
/// A photo in memory: H x W pixels of three bytes (red, green, blue, 0 to 255), row by row, channels interleaved.
/// Immutable, so that any number of threads may read it.
/// </summary>
[TypeFormatterSource(typeof(NotebookPicture))]
public sealed class Image
{
    /// <summary>Bytes a pixel, and colour channels.</summary>
    public const int Channels = 3;

    static long memoryLimit = 256 << 20;

    /// <summary>
    /// Most bytes that decoding a file may take beyond four times its length, the picture among them; default 256 MiB, enough for photos of 80 million pixels. Larger ones
    /// are refused before they are decoded, since a file of a few bytes can claim any size. Holds for the whole program.
    /// </summary>
    /// <exception cref="TesseraException">Negative.</exception>
    public static long MemoryLimit
    {
        get => Volatile.Read(ref memoryLimit);
        set => Volatile.Write(ref memoryLimit, value >= 0 ? value : throw new TesseraException($"Image.MemoryLimit: got {value} bytes, expected at least 0. Hint: 256 << 20 is the default."));
    }

    /// <summary>H*W*3 bytes and at least two spare, so that two pixels can be read as eight bytes at once.</summary>
    internal byte[] Buffer { get; }

    readonly bool isRented;

    Image(byte[] buffer, int width, int height, bool isRented = false) => (Buffer, Width, Height, this.isRented) = (buffer, width, height, isRented);

    /// <summary>A picture that takes over <paramref name="buffer"/>, made by <see cref="NewBuffer"/>.</summary>
    internal static Image Own(byte[] buffer, int width, int height) => new(buffer, width, height);

    /// <summary>An unset picture in a pooled buffer, which <see cref="Recycle"/> gives back.</summary>
    internal static Image Rent(int width, int height) => new(ArrayPool<byte>.Shared.Rent(BufferSize(width, height)), width, height, isRented: true);

    /// <summary>Gives a rented buffer back: nobody may look at the picture any more. Of other pictures, nothing.</summary>
    internal void Recycle()
    {
        if (isRented)
            ArrayPool<byte>.Shared.Return(Buffer);
    }

    /// <summary>A picture of the given pixels, which are copied.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="rgb">[height, width, 3] bytes, red first.</param>
    /// <exception cref="ShapeException">A side below 1, or another number of bytes than height*width*3.</exception>
    public Image(int width, int height, ReadOnlySpan<byte> rgb) : this(NewBuffer(width, height), width, height)
    {
        if (rgb.Length != (long)width * height * Channels)
            throw new ShapeException($"Image: wrong number of bytes: got {rgb.Length}, expected {height} x {width} x 3. Hint: pass RGB, interleaved, without row padding.");
        rgb.CopyTo(Buffer);
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>[H, W, 3] bytes, red first, without row padding.</summary>
    public ReadOnlySpan<byte> Pixels => Buffer.AsSpan(0, Width * Height * Channels);

    /// <summary>The colour at row <paramref name="row"/> and column <paramref name="col"/>.</summary>
    public (byte R, byte G, byte B) this[int row, int col]
    {
        get
        {
            var p = Row(row).Slice(col * Channels, Channels);
            return (p[0], p[1], p[2]);
        }
    }

    /// <summary>
    /// Reads a photo. The decoder is chosen by the file's content, never by its name (JPEG, PNG, GIF, BMP, WebP, ICO);
    /// grey, palette, alpha (dropped), 16-bit and CMYK all become RGB; of an animation the first frame is taken.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="applyOrientation">Turn the photo as its EXIF orientation says.</param>
    /// <param name="atLeast">
    /// A JPEG photo at least twice as large as this along both sides is decoded at a half, a quarter or an eighth of its size, never smaller than
    /// this: its cosine transform gives the smaller picture without the larger one, several times as fast. Null for the whole photo.
    /// </param>
    /// <exception cref="DataException">The file is missing, unreadable, truncated or no image.</exception>
    public static Image Load(string path, bool applyOrientation = true, ImageSize? atLeast = null) =>
        ImageCodec.Decode(ReadFile(path), path, applyOrientation, atLeast, rented: false);

    /// <summary>Like <see cref="Load"/>, in a pooled buffer: call <see cref="Recycle"/> when done.</summary>
    internal static Image LoadRented(string path, ImageSize? atLeast) =>
        ImageCodec.Decode(ReadFile(path), path, applyOrientation: true, atLeast, rented: true);

    /// <summary>Like <see cref="Decode"/>, in a pooled buffer: call <see cref="Recycle"/> when done.</summary>
    internal static Image DecodeRented(ReadOnlySpan<byte> file, string name) => ImageCodec.Decode(file, name, applyOrientation: true, atLeast: null, rented: true);

    static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (InputFile.IsRefusal(e))
        {
            throw InputFile.Error(path, e, "the folder holds no photo: check the path", ImageFiles.Extensions);
        }
    }

    /// <summary>Decodes a photo from the bytes of its file, like <see cref="Load"/>.</summary>
    /// <param name="file">The whole file; bytes after its end marker are ignored.</param>
    /// <param name="name">How messages call it.</param>
    /// <param name="applyOrientation">Turn the photo as its EXIF orientation says.</param>
    /// <param name="atLeast">As in <see cref="Load"/>.</param>
    /// <exception cref="DataException">Truncated, damaged or no image.</exception>
    public static Image Decode(ReadOnlySpan<byte> file, string name = "image", bool applyOrientation = true, ImageSize? atLeast = null) =>
        ImageCodec.Decode(file, name, applyOrientation, atLeast, rented: false);

    /// <summary>
    /// Writes the picture as PNG (name ends in .png) or JPEG (.jpg, .jpeg), whole or not at all: an old file stays as it was on failure.
    /// </summary>
    /// <param name="path">The file to write.</param>
    /// <param name="quality">JPEG quality, 1 to 100.</param>
    /// <exception cref="DataException">Another extension.</exception>
    /// <exception cref="TesseraException">The file cannot be written.</exception>
    public void Save(string path, int quality = 90) => ImageCodec.Save(this, path, quality);

    /// <summary>The bytes of a PNG file.</summary>
    public byte[] ToPng() => ImageCodec.ToFile(this, SkiaSharp.SKEncodedImageFormat.Png, 100);

    /// <summary>The bytes of a JPEG file.</summary>
    /// <param name="quality">1 to 100.</param>
    public byte[] ToJpeg(int quality = 90) => ImageCodec.ToFile(this, SkiaSharp.SKEncodedImageFormat.Jpeg, quality);

    /// <summary>How large a photo is, read from the head of its file without decoding it; before it is turned as its EXIF orientation says.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="DataException">No image, or its head is damaged.</exception>
    public static (int Height, int Width) SizeOf(ReadOnlySpan<byte> file, string name = "image") => ImageCodec.SizeOf(file, name);

    /// <summary>The window of <paramref name="height"/> x <paramref name="width"/> pixels whose corner is (row, col).</summary>
    /// <exception cref="ShapeException">The window is empty or leaves the picture.</exception>
    public Image Crop(int row, int col, int height, int width)
    {
        if (row < 0 || col < 0 || height < 1 || width < 1 || row > Height - height || col > Width - width)
            throw new ShapeException(
                $"Image.Crop: the window leaves the picture: got rows {row}..{row + height}, columns {col}..{col + width} of {Height} x {Width}, "
                + "expected a window inside. Hint: pad first.");
        var rgb = NewBuffer(width, height);
        for (var r = 0; r < height; r++)
            Row(row + r).Slice(col * Channels, width * Channels).CopyTo(rgb.AsSpan(r * width * Channels));
        return Own(rgb, width, height);
    }

    /// <summary>
    /// Resamples to <paramref name="height"/> x <paramref name="width"/>. When shrinking, the filter grows with the factor,
    /// so that nothing aliases (as Pillow does; <see cref="ResizeFilter.Nearest"/> picks pixels and does alias).
    /// </summary>
    /// <exception cref="ShapeException">A side below 1.</exception>
    public Image Resize(int height, int width, ResizeFilter filter = ResizeFilter.Bilinear) => Resampler.Resize(this, height, width, filter);

    /// <summary>The bytes of one row, [W, 3].</summary>
    internal ReadOnlySpan<byte> Row(int row) => Buffer.AsSpan(row * Width * Channels, Width * Channels);

    /// <summary>An unset buffer for a picture of this size.</summary>
    internal static byte[] NewBuffer(int width, int height) => GC.AllocateUninitializedArray<byte>(BufferSize(width, height));

    static int BufferSize(int width, int height)
    {
        if (width < 1 || height < 1 || (long)width * height > ImageCodec.MaxPixels)
            throw new ShapeException($"Image: impossible size: got {height} x {width}, expected sides of at least 1 and at most {ImageCodec.MaxPixels} pixels. Hint: give rows, then columns.");
        return width * height * Channels + 2;
    }
}
