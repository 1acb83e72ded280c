using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class InitTests
{
    static IEnumerable<TestCaseData> Rows() => GoldenCase.All("init/fans.json", "rows");

    /// <summary>The recorded note says which rule; a sample deviation of n draws lies within expected·(1 ± 4/√(2n)).</summary>
    [Category("Golden")]
    [TestCaseSource(nameof(Rows))]
    public void DrawsAsRecorded(GoldenCase c)
    {
        Generator.Seed(7);
        string note = c["note"].GetString()!;
        Func<Tensor, Tensor> init = note switch
        {
            _ when note.StartsWith("head initialisation", StringComparison.Ordinal) => w => Init.KaimingNormal(w),
            _ when note.StartsWith("torchvision ResNet", StringComparison.Ordinal) => w => Init.KaimingNormal(w, Fan.Out),
            "PyTorch layer default" => Init.Default,
            "Glorot uniform" => w => Init.XavierUniform(w),
            "Glorot normal" => w => Init.XavierNormal(w),
            "leaky slope 0.1" => w => Init.KaimingNormal(w, Fan.In, Init.LeakyReluGain(0.1)),
            _ => throw new InvalidOperationException($"a rule this test does not know: {note}"),
        };
        Shape shape = c["weight_shape"].Ints();
        Assert.That(Init.Fans(shape), Is.EqualTo((c["fan_in"].GetInt32(), c["fan_out"].GetInt32())));

        List<double> x = [];
        while (x.Count < c["sample_size"].GetInt32()) x.AddRange(init(Tensor.Empty(shape)).ToArray<float>().Select(v => (double)v));
        double expected = c["expected_std"].GetDouble(), n = x.Count, mean = x.Average();
        double std = Math.Sqrt(x.Sum(v => (v - mean) * (v - mean)) / (n - 1));
        Assert.That(std, Is.EqualTo(expected).Within(expected * 4 / Math.Sqrt(2 * n)), "deviation");
        Assert.That(mean, Is.EqualTo(0).Within(5 * expected / Math.Sqrt(n)), "mean");
        if (c.Maybe("uniform_bound") is { } bound)
        {
            double b = bound.GetDouble();
            Assert.That(x.Max(Math.Abs), Is.InRange(b * 0.99, b * (1 + 1e-6)));
        }
        else
        {
            Assert.That(x.Max(Math.Abs), Is.GreaterThan(expected * 2.5), "a normal has tails");
        }
    }

    [Test]
    public void LayersStartAsPyTorchsDo()
    {
        Generator.Seed(1);
        Conv2d conv = new(16, 64, 3, groups: 2);
        float bound = 1 / MathF.Sqrt(8 * 9);
        Assert.That(conv.Weight.ToArray<float>().Max(MathF.Abs), Is.InRange(bound * 0.99f, bound));
        Assert.That(conv.Bias!.ToArray<float>().Max(MathF.Abs), Is.InRange(bound * 0.8f, bound));
        BatchNorm2d norm = new(3);
        Assert.That(norm.Weight.ToArray<float>(), Is.EqualTo(new[] { 1f, 1, 1 }));
        Assert.That(norm.Bias.ToArray<float>(), Is.EqualTo(new[] { 0f, 0, 0 }));
    }

    [Test]
    public void ASeedRepeats()
    {
        float[] Draw()
        {
            Generator.Seed(42);
            return new Linear(5, 4).Weight.ToArray<float>();
        }
        float[] first = Draw(), second = new Linear(5, 4).Weight.ToArray<float>(), again = Draw();
        Assert.That(again, Is.EqualTo(first));
        Assert.That(second, Is.Not.EqualTo(first));
    }

    [Test]
    public void ABiasHasNoFans() => Assert.That(() => Init.KaimingNormal(Tensor.Empty([3])), Throws.TypeOf<ShapeException>());
}
