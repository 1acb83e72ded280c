namespace Tessera.Tests;

public sealed class GuidedTests
{
    static float[] Gradient(Func<Tensor, Tensor> f, bool guided)
    {
        var x = Tensor.From(-1f, 2f, 3f, 0f, 7f);
        x.RequiresGrad = true;
        var g = Tensor.From(1f, -4f, 5f, 6f, 2f);
        if (guided)
        {
            using (Autograd.Guided()) f(x).Backward(g);
        }
        else f(x).Backward(g);
        return x.Grad!.ToArray<float>();
    }

    [Test]
    public void ReluPassesOnlyPositiveGradientsOfPositiveInputs()
    {
        Assert.That(Gradient(x => x.Relu(), guided: false), Is.EqualTo(new[] { 0f, -4, 5, 0, 2 }));
        Assert.That(Gradient(x => x.Relu(), guided: true), Is.EqualTo(new[] { 0f, 0, 5, 0, 2 }));
        Assert.That(Gradient(x => x.Relu6(), guided: true), Is.EqualTo(new[] { 0f, 0, 5, 0, 0 }));
        Assert.That(Gradient(x => x.Sigmoid() * 2, guided: true)[1], Is.Negative, "other functions are not guided");
        Assert.That(Autograd.IsGuided, Is.False);
    }

    [Test]
    public void ValuesDoNotChange()
    {
        var x = Tensor.Normal([50], new Philox(1));
        using (Autograd.Guided()) Assert.That(x.Relu().ToArray<float>(), Is.EqualTo(x.ToArray<float>().Select(v => Math.Max(v, 0))));
    }

    /// <summary>y = relu(3 - relu(x)): the inner ReLU gets a negative gradient, which is not passed on.</summary>
    [Test]
    public void EveryReluOfAChainIsGuided()
    {
        var x = Tensor.From(1f, 5f);
        x.RequiresGrad = true;
        using (Autograd.Guided()) (3 - x.Relu()).Relu().Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0f, 0f }));
        x.ZeroGrad();
        (3 - x.Relu()).Relu().Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { -1f, 0f }));
    }
}
