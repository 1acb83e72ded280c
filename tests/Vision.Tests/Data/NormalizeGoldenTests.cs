using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Normalised pictures against the reference library's.</summary>
[Category("Golden")]
public sealed class NormalizeGoldenTests
{
    private static readonly Dictionary<string, ImageStats> stats = new(StringComparer.Ordinal)
    {
        ["imagenet"] = ImageNet.Stats,
        ["cifar"] = Cifar.Stats,
        ["mnist"] = Mnist.Stats,
    };

    [Test]
    public void NormalizesAndBack()
    {
        var (pixels, h, w) = new TransformPipeline([]).Apply(Image.Load(TestData.Golden("augment/b.png")));
        var golden = SafetensorsReader.Read(TestData.Golden("augment/normalize_b.safetensors"));
        var x = Tensor.From(pixels, [1, 3, h, w]);
        Assert.That(golden.Keys, Is.EquivalentTo(stats.Keys.Select(k => $"{k}/y")));
        foreach (var (key, y) in golden)
        {
            var s = stats[key.Split('/')[0]];
            var normal = s.Normalize(x);
            Assert.That(normal.ToArray<float>(), Is.EqualTo(y.Floats()).Within(1e-5), key);
            Assert.That(s.Denormalize(normal).ToArray<float>(), Is.EqualTo(pixels).Within(1e-6), key);
        }
    }

    [Test]
    public void StatisticsArePrintedAsNumbers() =>
        Assert.That(ImageNet.Stats.ToString(), Is.EqualTo("mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225"));
}
