using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>A batch of bytes is normalised as its floats in [0, 1] are, in one kernel on a device.</summary>
public sealed class NormalizedBytesTests
{
    [TestCase("cpu", 3)]
    [TestCase("gpu", 3)]
    [TestCase("gpu", 1)]
    public void BytesCountAsFractions(string device, int channels)
    {
        var x = Tensor.From([.. Enumerable.Range(0, 2 * channels * 5 * 7).Select(i => (byte)(i * 37))], [2, channels, 5, 7], device == "cpu" ? Device.Cpu : TestDevices.Gpu);
        ImageStats stats = channels == 3 ? ImageNet.Stats : Mnist.Stats;
        float[] expected = stats.Normalize(x.To(DType.Float32) / 255f).ToArray<float>();
        Assert.That(stats.Normalize(x).ToArray<float>(), Is.EqualTo(expected).Within(2e-6));
    }

    [Test]
    public void OneStatisticCountsForAllChannels()
    {
        var x = Tensor.From([.. Enumerable.Range(0, 60).Select(i => (byte)(4 * i))], [1, 3, 4, 5]);
        Assert.That(Mnist.Stats.Normalize(x).ToArray<float>(), Is.EqualTo(Mnist.Stats.Normalize(x.To(DType.Float32) / 255f).ToArray<float>()).Within(2e-6));
    }

    [Test]
    public void StridedBytesAreNormalisedToo()
    {
        var x = Tensor.From([.. Enumerable.Range(0, 120).Select(i => (byte)(2 * i))], [2, 3, 4, 5]).Permute(0, 1, 3, 2);
        Assert.That(ImageNet.Stats.Normalize(x).ToArray<float>(), Is.EqualTo(ImageNet.Stats.Normalize(x.To(DType.Float32) / 255f).ToArray<float>()).Within(2e-6));
    }
}
