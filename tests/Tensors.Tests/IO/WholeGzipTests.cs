using System.IO.Compression;

namespace Tessera.Tests.IO;

public sealed class WholeGzipTests
{
    static byte[] Content(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        return content;
    }

    static byte[] Zipped(byte[] content)
    {
        using MemoryStream bytes = new();
        using (GZipStream zip = new(bytes, CompressionLevel.Fastest)) zip.Write(content);
        return bytes.ToArray();
    }

    static byte[] Unzipped(byte[] file)
    {
        using WholeGzip zip = new(new MemoryStream(file));
        using MemoryStream content = new();
        zip.CopyTo(content);
        return content.ToArray();
    }

    /// <summary>Lengths at the edges of all buffers on the way, random so that they hardly shrink.</summary>
    [Test]
    public void WholeFilesAreRead([Values(1, 15, 16, 17, 8_150, 8_168, 8_174, 8_192, 65_535, 65_552, 300_000)] int length)
    {
        byte[] content = Content(length);
        Assert.That(Unzipped(Zipped(content)), Is.EqualTo(content));
        Assert.That(Unzipped([.. Zipped(content), .. Zipped([7])]), Is.EqualTo((byte[])[.. content, 7]), "two members");
    }

    [Test]
    public void AFileIsWholeAtEveryLength()
    {
        for (int length = 8_100; length < 8_200; length++) Assert.That(Unzipped(Zipped(Content(length))), Has.Length.EqualTo(length));
    }

    [TestCase(0)]
    [TestCase(100)]
    [TestCase(70_000)]
    public void ACutFileIsRefusedHoweverLittleIsMissing(int length)
    {
        byte[] file = length == 0 ? Zipped([]) : Zipped(Content(length));
        for (int missing = 1; missing <= Math.Min(40, file.Length); missing++)
            Assert.That(() => Unzipped(file[..^missing]), Throws.TypeOf<InvalidDataException>(), $"without the last {missing} bytes");
    }

    [Test]
    public void AnEmptyFileWrongBytesAndOthersBehindAreRefused()
    {
        byte[] file = Zipped(Content(1000));
        byte[] wrong = [.. file];
        wrong[^6] ^= 1; // of the checksum
        foreach (byte[] bytes in (byte[][])[[], wrong, [.. file, 1], [.. file, .. "a text"u8]]) Assert.That(() => Unzipped(bytes), Throws.TypeOf<InvalidDataException>());
    }

    [Test]
    public void PlainFilesPassThrough()
    {
        using var plain = WholeGzip.OrPlain(new MemoryStream([1, 2, 3]));
        Assert.That(plain.ReadByte(), Is.EqualTo(1));
        using var zipped = WholeGzip.OrPlain(new MemoryStream(Zipped([4])));
        Assert.That((zipped.ReadByte(), zipped.ReadByte()), Is.EqualTo((4, -1)));
    }
}
