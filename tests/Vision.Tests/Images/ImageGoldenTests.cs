using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Decoding and resizing against Pillow's recorded answers.</summary>
[Category("Golden")]
public sealed class ImageGoldenTests
{
    private const string Index = "images/cases.json";

    private static IEnumerable<TestCaseData> Whole() => GoldenCase.All(Index, "decode", c => c.Maybe("strict_error") is null && c.Id != "gray16.png");

    private static IEnumerable<TestCaseData> Cut() => GoldenCase.All(Index, "decode", c => c.Maybe("strict_error") is not null);

    private static IEnumerable<TestCaseData> Bad() => GoldenCase.All(Index, "bad");

    private static IEnumerable<TestCaseData> Resized() => GoldenCase.All(Index, "resize");

    [TestCaseSource(nameof(Whole))]
    public void Decodes(GoldenCase c)
    {
        var expected = Image.Load(c.File(c["expected"].GetString()!));
        var actual = Image.Load(c.File(c.Id));
        AssertClose(actual, expected, c["max_abs"].GetDouble(), c["mean_abs"].GetDouble());
        Assert.That(MeanRgb(actual), Is.EqualTo(c["mean_rgb"].Numbers()).Within(0.6 + 1e-4));
    }

    [Test]
    public void SixteenBitGreyKeepsTheUpperByte()
    {
        var actual = Image.Load(TestData.Golden("images/gray16.png"));
        var expected = NpyReader.Read(TestData.Golden("images/gray16_high_byte.npy"));
        Assert.That(new[] { actual.Height, actual.Width }, Is.EqualTo(expected.Shape));
        Assert.That(actual.Pixels.ToArray(), Is.EqualTo(expected.Bytes.SelectMany(g => new[] { g, g, g })));
    }

    [TestCaseSource(nameof(Cut))]
    public void RefusesTruncated(GoldenCase c) => AssertRefused(c);

    [TestCaseSource(nameof(Bad))]
    public void Refuses(GoldenCase c) => AssertRefused(c);

    private static IEnumerable<TestCaseData> Jpegs() => GoldenCase.All(Index, "decode", c => c["format"].GetString() == "JPEG" && c.Maybe("strict_error") is null);

    /// <summary>Cameras and editors leave bytes in front of the end marker: they are skipped.</summary>
    [TestCaseSource(nameof(Jpegs))]
    public void ToleratesBytesBeforeTheEndMarker(GoldenCase c)
    {
        var file = File.ReadAllBytes(c.File(c.Id));
        var end = file.AsSpan().LastIndexOf([(byte)0xFF, (byte)0xD9]);
        byte[] stuffed = [.. file.AsSpan(0, end), .. Enumerable.Repeat((byte)0x35, 240), .. file.AsSpan(end)];
        Assert.That(Image.Decode(stuffed).Pixels.SequenceEqual(Image.Decode(file).Pixels));
    }

    private static void AssertRefused(GoldenCase c)
    {
        var path = c.File(c.Id);
        var e = Assert.Throws<DataException>(() => Image.Load(path));
        Assert.That(e!.Message, Does.StartWith(path).And.Contain("Hint:"));
    }

    [TestCaseSource(nameof(Resized))]
    public void Resizes(GoldenCase c)
    {
        var filter = Enum.Parse<ResizeFilter>(c["filter"].GetString()!, ignoreCase: true);
        var size = c["size_wh"].Ints();
        var expected = Image.Load(c.File(c["expected"].GetString()!));
        var actual = Image.Load(c.File(c["source"].GetString()!)).Resize(size[1], size[0], filter);
        AssertClose(actual, expected, c["max_abs"].GetDouble(), 0.02);
    }

    private static void AssertClose(Image actual, Image expected, double max, double mean)
    {
        Assert.That((actual.Height, actual.Width), Is.EqualTo((expected.Height, expected.Width)));
        var d = actual.Pixels.ToArray().Zip(expected.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).ToArray();
        Assert.That(d.Max(), Is.LessThanOrEqualTo(max));
        Assert.That(d.Average(), Is.LessThanOrEqualTo(mean));
    }

    private static double[] MeanRgb(Image image)
    {
        var px = image.Pixels.ToArray();
        return [.. Enumerable.Range(0, 3).Select(k => px.Where((_, i) => i % 3 == k).Average(v => (double)v))];
    }
}
