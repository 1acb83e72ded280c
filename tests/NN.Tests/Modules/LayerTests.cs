using Tessera.NN;

namespace Tessera.Tests;

public class LayerTests
{
    [Test]
    public void FrozenBatchNormStillMovesItsStatistics()
    {
        BatchNorm2d norm = new(2, momentum: 0.5);
        norm.RequiresGrad(false);
        var x = Tensor.From([1f, 3, 10, 30], [2, 2, 1, 1]);
        norm.Forward(x);
        Assert.That(norm.RunningMean.ToArray<float>(), Is.EqualTo(new[] { 2.75f, 8.25f }));
        Assert.That(norm.RunningVar.ToArray<float>(), Is.EqualTo(new[] { 0.5f + (40.5f / 2), 0.5f + (364.5f / 2) }).Within(1e-4f));
        Assert.That(norm.BatchesTracked, Is.EqualTo(1));
        Assert.That(norm.Weight.Grad, Is.Null);

        norm.Eval();
        float[] before = norm.RunningMean.ToArray<float>();
        float[] y = norm.Forward(x).ToArray<float>();
        Assert.That(norm.RunningMean.ToArray<float>(), Is.EqualTo(before));
        Assert.That(norm.BatchesTracked, Is.EqualTo(1));
        Assert.That(y[0], Is.EqualTo((1 - 2.75f) / MathF.Sqrt(20.75f + 1e-5f)).Within(1e-5f));
    }

    [Test]
    public void BatchNormCountsOnFromWhatWasLoaded()
    {
        BatchNorm2d norm = new(2), other = new(2);
        var x = Tensor.From([1f, 3, 10, 30], [2, 2, 1, 1]);
        for (int i = 0; i < 3; i++) norm.Forward(x);
        Assert.That(norm.StateDict()["num_batches_tracked"].ToArray<long>(), Is.EqualTo(new[] { 3L }));
        other.Forward(x);
        other.LoadStateDict(norm.StateDict());
        Assert.That(other.BatchesTracked, Is.EqualTo(3));
        other.Forward(x);
        Assert.That(other.StateDict()["num_batches_tracked"].ToArray<long>(), Is.EqualTo(new[] { 4L }));
        Assert.That(norm.BatchesTracked, Is.EqualTo(3));
    }

    [Test]
    public void BatchNormChecksItsRank()
    {
        Assert.That(() => new BatchNorm2d(2).Forward(Tensor.Ones([3, 2])), Throws.TypeOf<ShapeException>().With.Message.StartsWith("BatchNorm2d: rank: got shape [3, 2], expected [N, C, H, W]."));
        Assert.That(() => new BatchNorm1d(2).Forward(Tensor.Ones([3, 2, 1, 1])), Throws.TypeOf<ShapeException>());
        Assert.That(new BatchNorm1d(2).Forward(Tensor.Uniform([3, 2, 4], new Philox(1))).Shape, Is.EqualTo(new Shape(3, 2, 4)));
    }

    [Test]
    public void DropoutRepeatsWithTheSeedAndKeepsTheMean()
    {
        Dropout dropout = new(0.25);
        var x = Tensor.Ones([100, 100]);
        Generator.Seed(5);
        float[] first = dropout.Forward(x).ToArray<float>(), second = dropout.Forward(x).ToArray<float>();
        Generator.Seed(5);
        Assert.That(dropout.Forward(x).ToArray<float>(), Is.EqualTo(first));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(first.Distinct().Order(), Is.EqualTo(new[] { 0, 1 / 0.75f }).Within(1e-6f));
        Assert.That(first.Count(v => v == 0) / 10_000.0, Is.EqualTo(0.25).Within(0.02));
        Assert.That(dropout.Eval().Forward(x), Is.SameAs(x));
    }

    [Test]
    public void DropoutRefusesWhatIsNoProbability() => Assert.That(() => new Dropout(1.5), Throws.TypeOf<TesseraException>().With.Message.StartsWith("Dropout: probability: got 1.5, expected 0..1."));

    [Test]
    public void EmbeddingTrainsTheRowsItUsesButNotThePadding()
    {
        Embedding table = new(4, 2, paddingIndex: 0);
        Assert.That(table.Weight.ToArray<float>()[..2], Is.EqualTo(new[] { 0f, 0 }));
        var y = table.Forward(Tensor.From([2L, 0, 2, 3], [2, 2]));
        Assert.That(y.Shape, Is.EqualTo(new Shape(2, 2, 2)));
        y.Sum().Backward();
        Assert.That(table.Weight.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0f, 0, 0, 0, 2, 2, 1, 1 }));
    }

    [Test]
    public void ConcatPoolPutsMaximaBeforeMeans() =>
        Assert.That(new AdaptiveConcatPool2d().Forward(Tensor.From([1f, 2, 3, 6], [1, 1, 2, 2])).ToArray<float>(), Is.EqualTo(new[] { 6f, 3 }));

    [TestCase(3, 4, 2)]
    [TestCase(4, 3, 2)]
    [TestCase(0, 3, 1)]
    public void ConvolutionsCheckTheirChannels(int inChannels, int outChannels, int groups) =>
        Assert.That(() => new Conv2d(inChannels, outChannels, 3, groups: groups), Throws.TypeOf<ShapeException>().With.Message.StartsWith("Conv2d: channels: got"));

    [Test]
    public void SequentialIsIndexable()
    {
        Relu relu = new();
        Sequential net = new(new Flatten(), relu);
        Assert.That(net[1], Is.SameAs(relu));
        Assert.That(net, Has.Count.EqualTo(2));
        Assert.That(net.Forward(Tensor.From([-1f, 2], [1, 2, 1])).ToArray<float>(), Is.EqualTo(new[] { 0f, 2 }));
    }
}
