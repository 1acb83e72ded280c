using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Batches of photos made into pictures: the same bits from the plain version, the CPU's and the kernel, and right ones where they are known.</summary>
[NonParallelizable]
public sealed class PictureTests
{
    const int H = 13, W = 21;

    static readonly CudaBackend emulator = (CudaBackend)Device.Emulator.Backend;

    internal static ChannelScale Scale { get; } = new(new[] { 0.485f, 0.456f, 0.406f }, new[] { 0.229f, 0.224f, 0.225f });

    /// <summary>Photos of several sizes, each sampled in a way of its own.</summary>
    internal static Picture[] Pictures { get; } = [.. Samplings().Select((how, k) => new Picture(Photo(how.Height, how.Width, (uint)k), how))];

    internal static Shape Shape => [Pictures.Length, 3, H, W];

    static byte[] Photo(int h, int w, uint seed) => [.. Enumerable.Range(0, h * w * 3).Select(i => (byte)new Philox(seed).Word((ulong)i))];

    static IEnumerable<PictureSampling> Samplings()
    {
        yield return PictureSampling.Whole(H, W);
        foreach (var outside in Enum.GetValues<GridPadding>())
            foreach (bool nearest in (bool[])[false, true])
                yield return Turned(17, 11) with { Outside = outside, Nearest = nearest ? 1 : 0, Lit = nearest ? 1 : 0, Scale = 1.2f, Shift = -0.3f };
        yield return Turned(50, 60) with { SourceHeight = 21, SourceWidth = 26, Outside = GridPadding.Reflection, Lit = 1, Shift = 0.4f, Scale = 0.8f };
        yield return Turned(1, 9) with { Outside = GridPadding.Reflection };
        yield return Turned(17, 11) with
        {
            Jitter = 0.7,
            AfterJitter = new(1.1, 0.1, -0.4, -0.1, 0.9, 0.3, 0.001, 0, 1),
            Seed = 0x123456789ABCDEF,
            Stream = 0xFEDCBA987654321,
            Block = (3UL << 32) - 5,
        };
        foreach (var padding in Enum.GetValues<GridPadding>())
        {
            var padded = Turned(9, 14) with { Padding = padding, WindowHeight = 5, WindowWidth = 6, Output = new(10, -1, 0, -3, 0, 1), Window = new(1, 1, 0, 9, 0, -1), Lit = 1 };
            padded.HoleCount = 2;
            padded.Holes[0] = new(1, 3, 5, 7);
            padded.Holes[1] = new(4, 30, 8, 9);
            yield return padded;
        }
    }

    static PictureSampling Turned(int h, int w) => PictureSampling.Whole(h, w) with
    {
        Map = new(0.9 * w / W, -0.2, 1.3, 0.3, 1.1 * h / H, -2.2, 0.002, -0.001, 1),
        GridWidth = W,
        WindowHeight = H,
        WindowWidth = W,
    };

    static float[] Made(Backend device)
    {
        var y = Views.Empty<float>(Shape);
        device.SamplePictures(Pictures, y, Scale);
        return Views.Get<float>(y);
    }

    [Test]
    public void AllVersionsGiveTheSameBits()
    {
        float[] plain = Made(new Composed());
        Assert.That(plain, Has.None.NaN);
        Assert.That(Made(Views.Cpu), Is.EqualTo(plain), "cpu");
        Assert.That(Made(emulator), Is.EqualTo(plain), "kernel");
        int picture = H * W * 3;
        Assert.That(Enumerable.Range(0, Pictures.Length).Select(k => plain.AsSpan(k * picture, picture).ToArray().Distinct().Count()), Is.All.GreaterThan(20), "pictures have content");
    }

    [Test]
    public void AWholePhotoIsItsBytesNormalised()
    {
        float[] actual = Made(Views.Cpu), bytes = [.. Pictures[0].Pixels.ToArray().Select(b => (float)b)];
        for (int i = 0; i < H * W; i++)
            for (int k = 0; k < 3; k++)
                Assert.That(actual[(k * H * W) + i], Is.EqualTo(((bytes[(3 * i) + k] / 255) - Scale.Mean.Span[k]) / Scale.Std.Span[k]).Within(1e-6));
    }

    [Test]
    public void BytesAreNormalised([Values("cpu", "kernel")] string version)
    {
        byte[] bytes = Photo(5, 14, 3);
        View x = Views.Of<byte>([2, 3, 5, 7], bytes), y = Views.Empty<float>([2, 3, 5, 7]);
        (version == "cpu" ? Views.Cpu : emulator).NormalizeBytes(x, y, Scale);
        float[] actual = Views.Get<float>(y);
        for (int i = 0; i < actual.Length; i++)
        {
            int k = i / 35 % 3;
            Assert.That(actual[i], Is.EqualTo(((bytes[i] / 255f) - Scale.Mean.Span[k]) / Scale.Std.Span[k]).Within(2e-6));
        }
    }
}
