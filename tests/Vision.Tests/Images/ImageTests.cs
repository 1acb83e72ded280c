using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class ImageTests
{
    private string folder = "";

    [SetUp]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("tessera-images").FullName;

    [TearDown]
    public void DropFolder() => Directory.Delete(folder, recursive: true);

    [TestCase("photo.png", 0)]
    [TestCase("photo.jpg", 12)]
    [TestCase("PHOTO.JPEG", 12)]
    public void SavedPictureLoadsBack(string name, int tolerance)
    {
        var image = Gradient(31, 17);
        var path = Path.Combine(folder, name);
        image.Save(path, quality: 100);
        var back = Image.Load(path);
        Assert.That((back.Height, back.Width), Is.EqualTo((17, 31)));
        Assert.That(back.Pixels.ToArray().Zip(image.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Max(), Is.LessThanOrEqualTo(tolerance));
        Assert.That(Directory.GetFiles(folder), Is.EqualTo(new[] { path }), "no temporary file stays");
    }

    [Test]
    public void FailedSaveLeavesNothingBehind()
    {
        var path = Path.Combine(folder, "photo.png");
        Directory.CreateDirectory(Path.Combine(path, "in the way"));
        Assert.That(() => Gradient(4, 4).Save(path), Throws.TypeOf<TesseraException>().With.Message.Contains(path));
        Assert.That(Directory.GetFiles(folder), Is.Empty);
        Assert.That(() => Gradient(4, 4).Save("photo.tiff"), Throws.TypeOf<DataException>().With.Message.Contains("'.tiff'"));
    }

    [Test]
    public void MissingFileAndFolderAreDataErrors()
    {
        var path = Path.Combine(folder, "absent.jpg");
        Assert.That(() => Image.Load(path), Throws.TypeOf<DataException>().With.Message.StartsWith(path));
        Assert.That(() => Image.Load(folder), Throws.TypeOf<DataException>().With.Message.StartsWith(folder));
    }

    /// <summary>Every EXIF orientation of pictures of many shapes, the pixel (row, col) as the standard says where the stored corner is shown.</summary>
    [Test]
    public void OrientationMovesEveryPixel([Range(1, 8)] int orientation, [Values(1, 2, 16)] int width, [Values(1, 3, 24)] int height)
    {
        var stored = Gradient(width, height);
        var file = WithOrientation(stored, orientation);
        var plain = Image.Decode(file, applyOrientation: false);
        Assert.That((plain.Height, plain.Width), Is.EqualTo((height, width)));

        var shown = Image.Decode(file);
        Assert.That((shown.Height, shown.Width), Is.EqualTo(orientation <= 4 ? (height, width) : (width, height)));
        for (var r = 0; r < shown.Height; r++)
        {
            for (var c = 0; c < shown.Width; c++)
            {
                var (y, x) = orientation switch
                {
                    1 => (r, c),
                    2 => (r, width - 1 - c),
                    3 => (height - 1 - r, width - 1 - c),
                    4 => (height - 1 - r, c),
                    5 => (c, r),
                    6 => (height - 1 - c, r),
                    7 => (height - 1 - c, width - 1 - r),
                    _ => (c, width - 1 - r),
                };
                Assert.That(shown[r, c], Is.EqualTo(plain[y, x]));
            }
        }
    }

    /// <summary>H x W as shown, the least size asked for, and what comes: a half, a quarter or an eighth, rounded up, no side below the least.</summary>
    [TestCase(64, 96, 33, 10, 64, 96)]
    [TestCase(64, 96, 32, 32, 32, 48)]
    [TestCase(64, 96, 10, 48, 32, 48)]
    [TestCase(64, 96, 10, 49, 64, 96)]
    [TestCase(65, 97, 33, 49, 33, 49)]
    [TestCase(64, 96, 16, 16, 16, 24)]
    [TestCase(64, 96, 8, 1, 8, 12)]
    [TestCase(64, 96, 1, 1, 8, 12)]
    public void AJpegIsDecodedAtAFractionOfItsSize(int height, int width, int leastHeight, int leastWidth, int expectedHeight, int expectedWidth)
    {
        ImageSize least = (leastHeight, leastWidth);
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            var stored = orientation <= 4 ? Gradient(width, height) : Gradient(height, width);
            var image = Image.Decode(WithOrientation(stored, orientation), atLeast: least);
            Assert.That((image.Height, image.Width), Is.EqualTo((expectedHeight, expectedWidth)), $"orientation {orientation}");
        }
        var path = Path.Combine(folder, "whole.png");
        Gradient(width, height).Save(path);
        var png = Image.Load(path, atLeast: least);
        Assert.That((png.Height, png.Width), Is.EqualTo((height, width)), "only a cosine transform gives smaller pictures");
    }

    [TestCase(80, 2)]
    [TestCase(40, 4)]
    [TestCase(20, 8)]
    public void AFractionLooksLikeTheMeanOfThePixels(int least, int n)
    {
        var path = TestData.Asset("pets/images/Abyssinian_1.jpg");
        Image whole = Image.Load(path), scaled = Image.Load(path, atLeast: least);
        Assert.That((scaled.Height, scaled.Width), Is.EqualTo(((whole.Height + n - 1) / n, (whole.Width + n - 1) / n)));
        var mean = whole.Resize(scaled.Height, scaled.Width, ResizeFilter.Box);
        Assert.That(scaled.Pixels.ToArray().Zip(mean.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).Average(), Is.LessThan(2.5));
    }

    [Test]
    public void CropTakesTheWindow()
    {
        var image = Gradient(9, 7);
        var part = image.Crop(2, 3, 4, 5);
        Assert.That((part.Height, part.Width), Is.EqualTo((4, 5)));
        Assert.That(part[0, 0], Is.EqualTo(image[2, 3]));
        Assert.That(part[3, 4], Is.EqualTo(image[5, 7]));
        Assert.That(() => image.Crop(4, 0, 4, 5), Throws.TypeOf<ShapeException>());
        Assert.That(() => image.Crop(0, -1, 1, 1), Throws.TypeOf<ShapeException>());
        Assert.That(() => image.Crop(0, 0, 0, 1), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void ResizeKeepsAConstantAndTheMean([Values] ResizeFilter filter, [Values(1, 5, 40)] int height, [Values(1, 11, 64)] int width)
    {
        var grey = new Image(23, 19, [.. Enumerable.Repeat((byte)200, 23 * 19 * 3)]).Resize(height, width, filter);
        Assert.That((grey.Height, grey.Width), Is.EqualTo((height, width)));
        Assert.That(grey.Pixels.ToArray(), Is.All.EqualTo(200));
    }

    [Test]
    public void ImpossibleSizesAreRefused()
    {
        Assert.That(() => new Image(0, 3, []), Throws.TypeOf<ShapeException>());
        Assert.That(() => new Image(2, 2, new byte[11]), Throws.TypeOf<ShapeException>().With.Message.Contains("got 11"));
        Assert.That(() => Gradient(3, 3).Resize(0, 3), Throws.TypeOf<ShapeException>());
        Assert.That(() => Gradient(3, 3).Resize(100_000, 100_000), Throws.TypeOf<ShapeException>());
    }

    /// <summary>A header that claims 60,000 x 60,000 pixels is refused before any memory is taken.</summary>
    [Test]
    public void DecompressionBombIsRefused([Values(8000, 60000)] int side)
    {
        Gradient(8, 8).Save(Path.Combine(folder, "small.jpg"));
        var file = File.ReadAllBytes(Path.Combine(folder, "small.jpg"));
        var sof = Enumerable.Range(0, file.Length).First(i => file[i] == 0xFF && file[i + 1] is 0xC0 or 0xC2);
        (file[sof + 5], file[sof + 6], file[sof + 7], file[sof + 8]) = ((byte)(side >> 8), (byte)side, (byte)(side >> 8), (byte)side);
        Assert.That(() => Image.Decode(file, "bomb.jpg"), Throws.TypeOf<DataException>().With.Message.StartsWith($"bomb.jpg: impossible size: got {side} x {side}"));
    }

    /// <summary>A picture that is decoded in several strips of rows, turned in every way.</summary>
    [Test]
    public void ALargePictureIsTheSameInStrips([Range(1, 8)] int orientation)
    {
        var stored = Gradient(1500, 130);
        var file = WithOrientation(stored, orientation);
        using var bitmap = SkiaSharp.SKBitmap.Decode(file)!; // at once, and as stored
        var shown = Image.Decode(file);
        Assert.That((shown.Height, shown.Width), Is.EqualTo(orientation <= 4 ? (130, 1500) : (1500, 130)));
        for (int y = 0; y < 130; y += 3)
            for (int x = 0; x < 1500; x += 7)
            {
                var (r, c) = orientation switch
                {
                    1 => (y, x),
                    2 => (y, 1499 - x),
                    3 => (129 - y, 1499 - x),
                    4 => (129 - y, x),
                    5 => (x, y),
                    6 => (x, 129 - y),
                    7 => (1499 - x, 129 - y),
                    _ => (1499 - x, y),
                };
                var p = bitmap.GetPixel(x, y);
                if (shown[r, c] != (p.Red, p.Green, p.Blue)) Assert.Fail($"row {y}, column {x}");
            }
    }

    private static Image Gradient(int width, int height)
    {
        var px = new byte[width * height * 3];
        for (var i = 0; i < width * height; i++)
            (px[3 * i], px[3 * i + 1], px[3 * i + 2]) = ((byte)(255 * (i % width) / width), (byte)(255 * (i / width) / height), (byte)(i % 5 * 3));
        return new Image(width, height, px);
    }

    /// <summary>A JPEG with an EXIF block of one entry, the orientation, put after its first marker.</summary>
    private byte[] WithOrientation(Image image, int orientation)
    {
        var path = Path.Combine(folder, "plain.jpg");
        image.Save(path, quality: 95);
        var file = File.ReadAllBytes(path);
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, .. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, // big-endian TIFF, first directory at 8
            0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, // one entry: tag 0x112, one short
        ];
        return [.. file.AsSpan(0, 2), .. exif, .. file.AsSpan(2)];
    }
}
