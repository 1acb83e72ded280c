using System.Buffers.Binary;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Small files that claim large pictures: little memory, whatever they claim.</summary>
[NonParallelizable]
public sealed class HostilePhotosTests
{
    const int hundredKilobytes = 100_000;

    /// <summary>A JPEG of 8 x 8 pixels that claims another size, padded to a length; progressive where the decoder must keep all coefficients.</summary>
    static byte[] Jpeg(int side, bool progressive, int bytes = hundredKilobytes)
    {
        byte[] file = new Image(8, 8, new byte[192]).ToJpeg();
        int frame = Enumerable.Range(0, file.Length - 1).First(i => file[i] == 0xFF && file[i + 1] == 0xC0);
        if (progressive) file[frame + 1] = 0xC2;
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 5), (ushort)side);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 7), (ushort)side);
        Array.Resize(ref file, bytes);
        return file;
    }

    static byte[] Png(int side)
    {
        byte[] file = new Image(8, 8, new byte[192]).ToPng();
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), side);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), side);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), Crc32(file.AsSpan(12, 17)));
        Array.Resize(ref file, hundredKilobytes);
        return file;
    }

    static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }
        return ~crc;
    }

    static IEnumerable<TestCaseData> Large()
    {
        yield return new TestCaseData(Jpeg(7000, progressive: true)).SetArgDisplayNames("a progressive JPEG of 49 megapixels");
        yield return new TestCaseData(Png(7000)).SetArgDisplayNames("a PNG of 49 megapixels");
    }

    [TestCaseSource(nameof(Large))]
    public void ASmallFileOfALargePictureIsRefusedWithACure(byte[] file)
    {
        Assert.That(() => Image.Decode(file, "bomb"), Throws.TypeOf<DataException>().With.Message.StartsWith("bomb: too large to decode: got 7000 x 7000 pixels in 100000 bytes").And.Message.Contains("raise Image.MemoryLimit"));
        long limit = Image.MemoryLimit;
        try
        {
            Image.MemoryLimit = 1L << 30;
            Assert.That(() => Image.Decode(file, "bomb"), Throws.TypeOf<DataException>().With.Message.Contains("damaged"), "tried, now that it may");
        }
        finally
        {
            Image.MemoryLimit = limit;
        }
    }

    /// <summary>A size of photos from phones; this one is all grey.</summary>
    [Test]
    public void APictureOf49MegapixelsIsNotTooLarge() => Assert.That(Image.Decode(Jpeg(7000, progressive: false)).Height, Is.EqualTo(7000));

    [Test]
    public void APhotoOfTwelveMegapixelsLoads()
    {
        var photo = Image.Decode(new Image(4000, 3000, new byte[36_000_000]).ToJpeg(50));
        Assert.That((photo.Height, photo.Width, photo[2999, 3999]), Is.EqualTo((3000, 4000, ((byte)0, (byte)0, (byte)0))));
        Assert.That(() => Image.MemoryLimit = -1, Throws.TypeOf<TesseraException>());
    }

    /// <summary>Memory of the process, that of Skia and libjpeg too: at most 4 times the file and 256 MB.</summary>
    [Test, Platform("Linux")]
    public void TheProcessGrowsByLittle([Values] bool progressive, [Values(2000, 7000)] int side)
    {
        byte[] file = Jpeg(side, progressive);
        GC.Collect();
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5"); // the peak begins anew
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Assert.Ignore("the peak of the process cannot be measured here");
        }
        long before = Status("VmRSS");
        try
        {
            _ = Image.Decode(file);
        }
        catch (DataException)
        {
            // too large, or damaged
        }
        Assert.That(Status("VmHWM") - before, Is.LessThan((4 * file.Length) + (256 << 20)));
    }

    static long Status(string line) =>
        1024 * long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(line, StringComparison.Ordinal)).Split(':')[1].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
}
