using Tessera.NN;

namespace Tessera.Tests;

/// <summary>Decay alone: with gradients of zero, Adam's step is zero and each parameter only shrinks.</summary>
public sealed class WeightDecayTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void DecayIsMultipliedByTheScheduledRateAndTouchesBiasesAndBatchNormsByDefault(bool bnWd)
    {
        var learn = Toy.Learner();
        learn.BnWd = bnWd;
        learn.Wd = 0.1;
        var before = Toy.State(learn.Model);
        learn.FitOneCycle(2, LearningRate.Same(0.05), callbacks: [new Probe { Event = (e, s) => { if (e == "backward_begin") s.Loss *= 0; } }]);

        double shrunk = learn.Recorder.Lrs.Aggregate(1.0, (product, lr) => product * (1 - (lr * learn.Wd)));
        Assert.That(shrunk, Is.LessThan(0.98), "the schedule's rates make a difference that can be seen");
        foreach (var (name, tensor) in learn.Model.NamedParameters())
        {
            bool decays = bnWd || tensor.Rank > 1;
            float[] expected = [.. before[name].Select(v => (float)(v * (decays ? shrunk : 1)))];
            Assert.That(tensor.ToArray<float>(), Is.EqualTo(expected).Within(1e-5f), name);
        }
        Assert.That(before["0.1.weight"], Has.All.EqualTo(1f), "the scale of the batch norm");
    }

    [Test]
    public void FrozenParametersAndTheirBiasesDoNotShrink()
    {
        var learn = Toy.Learner();
        learn.Wd = 1;
        var before = Toy.State(learn.Model);
        learn.Freeze().Fit(2, 0.01);
        var after = Toy.State(learn.Model);
        Assert.That(after["0.0.weight"], Is.EqualTo(before["0.0.weight"]));
        Assert.That(after["0.0.bias"], Is.EqualTo(before["0.0.bias"]));
        Assert.That(after["1.weight"], Is.Not.EqualTo(before["1.weight"]));
    }
}
