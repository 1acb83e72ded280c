using Tessera.NN;

namespace Tessera.Tests.Modules;

public sealed class StochasticDepthTests
{
    [Test]
    public void ItemsAreDroppedWhole()
    {
        using var scope = Scope.Begin();
        Generator.Seed(1);
        var depth = new StochasticDepth(0.25);
        float[] y = depth.Forward(Tensor.Ones([2000, 2, 1, 2])).ToArray<float>();
        float[][] items = [.. y.Chunk(4)];
        Assert.That(items.All(i => i.All(v => v == 0) || i.All(v => Math.Abs(v - (4f / 3)) < 1e-6)));
        Assert.That(items.Count(i => i[0] == 0) / 2000.0, Is.EqualTo(0.25).Within(0.03));
        Generator.Seed(1);
        Assert.That(depth.Forward(Tensor.Ones([2000, 2, 1, 2])).ToArray<float>(), Is.EqualTo(y));
    }

    [Test]
    public void InEvaluationNothingHappens()
    {
        var x = Tensor.Ones([3, 2]);
        Assert.That(new StochasticDepth(0.5).P, Is.EqualTo(0.5));
        Assert.That(new StochasticDepth(0.5).Eval().Forward(x), Is.SameAs(x));
        Assert.That(new StochasticDepth(0).Forward(x), Is.SameAs(x));
        Assert.That(() => new StochasticDepth(1.5), Throws.TypeOf<TesseraException>().With.Message.Contains("expected 0..1"));
    }

    [Test]
    public void GradientsPassKeptItemsOnly()
    {
        using var scope = Scope.Begin();
        Generator.Seed(3);
        var x = Tensor.Ones([20, 3]);
        x.RequiresGrad = true;
        var y = new StochasticDepth(0.5).Forward(x);
        y.Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(y.ToArray<float>()));
    }
}
