using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The GPU's kernels over rows of channels: the one of four channels a thread and the plain one, against double precision and the CPU.</summary>
[NonParallelizable]
public sealed class ChannelKernelsTests
{
    static readonly CudaBackend emulator = (CudaBackend)Device.Emulator.Backend;

    [TearDown]
    public void Restore() => emulator.PlainChannels = false;

    // Few and many rows; channels below a vector, of whole vectors, of several tiles with a part of one, and not of whole vectors; ranks without a kernel.
    static readonly string[] shapes = ["1 4 1 1", "1 1 3 5", "2 3 9 7", "3 8 5 5", "1 20 1 1", "2 64 20 20", "1 68 13 3", "5 132 2 3", "1 1032 2 1", "40 12", "7 37", "1000 8", "3 2 1 700", "4 6 5", "2 4 2 3 3"];

    [Test]
    public void Moments([ValueSource(nameof(shapes))] string shape, [Values("vectors", "plain", "misaligned")] string kernels)
    {
        int offset = kernels == "misaligned" ? 1 : 0;
        Shape s = new([.. shape.Split(' ').Select(int.Parse)]);
        int C = s[1];
        float[] x = [.. Normal(s.Count, 1).Select((v, i) => 1000 + (v * (1 + (i % 3))))];
        View X = Views.Of(Moved(s, offset), x), moments = Views.Empty<float>(new Layout([2, C], [1, 2]));
        emulator.PlainChannels = kernels == "plain";
        emulator.Moments(X, moments, 1);
        float[] actual = Views.Get<float>(moments);
        int plane = (int)(s.Count / s[0] / C);
        double digits = s.Rank is 2 or 4 ? 5e-5 : 3e-4; // the kernels round the mean once, the composed version adds up numbers near 1000
        for (int c = 0; c < C; c++)
        {
            double[] numbers = [.. x.Where((_, i) => i / plane % C == c).Select(v => (double)v)];
            double mean = numbers.Average(), variance = numbers.Average(v => (v - mean) * (v - mean));
            Assert.That(actual[c], Is.EqualTo(mean).Within(digits), $"mean {c}");
            Assert.That(actual[C + c], Is.EqualTo(variance).Within(2e-6 * Math.Max(1, variance)), $"variance {c}");
        }
    }

    [Test]
    public void RunningStatisticsMoveToTheBitsOfTheCpu([Values(1, 33, 300)] int channels, [Values] bool hasMean, [Values] bool hasVariance, [Values(1, 2)] int step)
    {
        View moments = Views.Of([2, channels], Normal(2 * channels, 1));
        float[] mean = Normal(channels, 2), variance = Normal(channels, 3);
        float[][] expected = Run(Views.Cpu), actual = Run(emulator);
        Assert.That(actual[0], Is.EqualTo(expected[0]));
        Assert.That(actual[1], Is.EqualTo(expected[1]));
        Assert.That(expected[0].SequenceEqual(mean), Is.Not.EqualTo(hasMean));
        Assert.That(expected[1].SequenceEqual(variance), Is.Not.EqualTo(hasVariance));

        float[][] Run(Backend k)
        {
            View m = Views.Of(new Layout([channels], [step]), mean), v = Views.Of(new Layout([channels], [step]), variance);
            k.MoveStatistics(moments, hasMean ? m : null, hasVariance ? v : null, 0.1f, 25f / 24);
            return [Views.Get<float>(m), Views.Get<float>(v)];
        }
    }

    [Test]
    public void ANanStaysInItsChannel([Values] bool plain)
    {
        Shape s = [2, 8, 5, 5];
        float[] x = Normal(s.Count, 1);
        x[30] = float.NaN; // image 0, channel 1
        View moments = Views.Empty<float>([2, 8]);
        emulator.PlainChannels = plain;
        emulator.Moments(Views.Of(s, x), moments, 1);
        float[] actual = Views.Get<float>(moments);
        for (int i = 0; i < 16; i++) Assert.That(float.IsNaN(actual[i]), Is.EqualTo(i % 8 == 1), $"{i}");
    }

    /// <summary>The applied line is the CPU's but for the rounding of 1 / √(var + eps), with numbers of a channel at any distance, or none.</summary>
    [Test]
    public void BatchNormForwardAndBackward([ValueSource(nameof(shapes))] string shape, [Values("vectors", "plain", "misaligned")] string kernels)
    {
        int offset = kernels == "misaligned" ? 1 : 0, form = kernels == "vectors" ? 1 : offset;
        Shape s = new([.. shape.Split(' ').Select(int.Parse)]);
        int C = s[1];
        float[] x = Normal(s.Count, 1), gy = Normal(s.Count, 2);
        View X = Views.Of(Moved(s, offset), x), R = Views.Of(Moved(s, offset), Normal(s.Count, 5)), G = Views.Of(Moved(s, offset), gy);
        ChannelNorm norm = form == 0
            ? new(Views.Of([C], Normal(C, 6)), Views.Of([C], [.. Normal(C, 7).Select(v => v * v)]), 1e-5f)
            : new(Views.Of(new Layout([C], [2], 1), Normal(C, 6)), Views.Of(new Layout([C], [3]), [.. Normal(C, 7).Select(v => v * v)]), 1e-3f, Views.Of(new Layout([C], [2]), Normal(C, 3)), Views.Of(new Layout([C], [1], 3), Normal(C, 4)));
        emulator.PlainChannels = kernels == "plain";
        foreach (bool relu in (bool[])[false, true])
            foreach (bool add in (bool[])[false, true])
            {
                float[][] expected = Run(new Composed()), actual = Run(emulator);
                for (int i = 0; i < expected.Length; i++)
                    Assert.That(Error(actual[i], [.. expected[i].Select(v => (double)v)]).Max, Is.LessThan(1e-5), $"relu {relu}, residual {add}, result {i}");

                float[][] Run(Backend k)
                {
                    View Y = Views.Empty<float>(Moved(s, offset)), GX = Views.Empty<float>(Moved(s, offset)), GR = Views.Empty<float>(Moved(s, offset));
                    View GW = Views.Empty<float>(new Layout([C], [2])), GB = Views.Empty<float>(new Layout([C], [1], 1)), copy = Views.Of(Moved(s, offset), gy);
                    k.BatchNorm(X, norm, add ? R : null, relu, Y);
                    k.BatchNormBackward(G, X, add ? Y : null, norm, relu, given: false, GX, add ? GR : null, GW, GB);
                    k.BatchNormBackward(copy, X, add ? Y : null, norm, relu, given: true, copy, null, null, null);
                    return [Views.Get<float>(Y), Views.Get<float>(GX), add ? Views.Get<float>(GR) : [], Views.Get<float>(GW), Views.Get<float>(GB), Views.Get<float>(copy)];
                }
            }
    }

    /// <summary>Bias, residual and ReLU of a convolution whose kernel leaves them over, as with a bias of any stride: one product an element, so the CPU's bits.</summary>
    [Test]
    public void Finish([Values(3, 64, 100)] int channels, [Values("vectors", "plain", "misaligned")] string kernels, [Values] bool relu, [Values] bool add)
    {
        Shape ys = [2, channels, 5, 3];
        int offset = kernels == "misaligned" ? 1 : 0;
        View x = Views.Of([2, 1, 5, 3], Normal(30, 1)), w = Views.Of([channels, 1, 1, 1], Normal(channels, 2)), y = Views.Empty<float>(Moved(ys, offset)), expected = Views.Empty<float>(ys);
        var epilogue = new Epilogue(Views.Of(new Layout([channels], [3]), Normal(channels, 3)), add ? Views.Of(Moved(ys, offset), Normal(ys.Count, 4)) : null, relu);
        emulator.PlainChannels = kernels == "plain";
        emulator.Conv2d(x, w, y, new Window2d(1, 1), epilogue);
        new Composed().Conv2d(x, w, expected, new Window2d(1, 1), epilogue);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)));
    }

    /// <summary>No images: the sums are zero.</summary>
    [Test]
    public void NothingGivesZeros()
    {
        View x = Views.Empty<float>([0, 8, 4, 4]), n = Views.Of([8], Normal(8, 1)), gw = Views.Empty<float>([8]), gb = Views.Empty<float>([8]), moments = Views.Empty<float>([2, 8]);
        var norm = new ChannelNorm(n, n, 1);
        emulator.BatchNorm(x, norm, null, true, x);
        emulator.BatchNormBackward(x, x, null, norm, true, false, x, null, gw, gb);
        emulator.Moments(x, moments, 1);
        Assert.That((float[])[.. Views.Get<float>(gw), .. Views.Get<float>(gb), .. Views.Get<float>(moments)], Is.All.EqualTo(0));
    }

    /// <summary>A dense layout that begins <paramref name="offset"/> elements into its storage: past 0, no 16-byte accesses.</summary>
    static Layout Moved(Shape s, int offset)
    {
        var dense = Layout.Dense(s);
        return new Layout(s, dense.Strides, offset);
    }
}
