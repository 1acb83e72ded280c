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
        const double wd = 0.1;
        learn.BnWd = bnWd;
        learn.Wd = wd;
        var before = Toy.State(learn.Model);
        learn.FitOneCycle(2, LearningRate.Same(0.05), callbacks: [new Probe { Event = (e, s) => { if (e == "backward_begin") s.Loss *= 0; } }]);

        double shrunk = learn.Recorder.Lrs.Aggregate(1.0, (product, lr) => product * (1 - (lr * wd)));
        Assert.That(shrunk, Is.LessThan(0.98), "the schedule's rates make a difference that can be seen");
        foreach (var (name, tensor) in learn.Model.NamedParameters())
        {
            bool decays = bnWd || tensor.Rank > 1;
            float[] expected = [.. before[name].Select(v => (float)(v * (decays ? shrunk : 1)))];
            Assert.That(tensor.ToArray<float>(), Is.EqualTo(expected).Within(1e-5f), name);
        }
        Assert.That(before["0.1.weight"], Has.All.EqualTo(1f), "the scale of the batch norm");
    }

    /// <summary>Each parameter is multiplied by (1 - lr·wd) of its group, step by step.</summary>
    [Test]
    public void EachLayerGroupHasItsOwnDecay()
    {
        var learn = Toy.Learner();
        var before = Toy.State(learn.Model);
        learn.Wd = WeightDecay.PerGroup(2, 0.5);
        learn.Fit(1, LearningRate.PerGroup(0.01, 0.1), callbacks: [new Probe { Event = (e, s) => { if (e == "backward_begin") s.Loss *= 0; } }]);
        int steps = learn.Data.Train.BatchCount;
        foreach (var (name, tensor) in learn.Model.NamedParameters())
        {
            double kept = Math.Pow(name.StartsWith('0') ? 1 - (0.01 * 2) : 1 - (0.1 * 0.5), steps);
            Assert.That(tensor.ToArray<float>(), Is.EqualTo(before[name].Select(v => (float)(v * kept))).Within(1e-5f), name);
        }
        learn.BnWd = false;
        learn.FitOneCycle(1, wd: WeightDecay.PerGroup(0.2, 0.1));
        Assert.That(learn.Optimizer!.Groups.Select(g => g.WeightDecay), Is.EqualTo(new[] { 0.2, 0, 0.1, 0 }), "what a call says counts");
        learn.Fit(1);
        Assert.That(learn.Optimizer.Groups.Select(g => g.WeightDecay), Is.EqualTo(new[] { 2, 0, 0.5, 0 }), "else what the learner says");
        learn.FineTune(1, wd: WeightDecay.PerGroup(0.3, 0.4));
        Assert.That(learn.Optimizer!.Groups.Select(g => g.WeightDecay), Is.EqualTo(new[] { 0.3, 0, 0.4, 0 }));
    }

    [Test]
    public void ADecayIsANumberOrOneAGroup()
    {
        WeightDecay one = 0.01, each = WeightDecay.PerGroup(0.1, 0.01);
        Assert.That((one.ToString(), each.ToString(), default(WeightDecay).ToString()), Is.EqualTo(("0.01", "[0.1,0.01]", "0")));
        Assert.That(one.ForGroups(3), Is.EqualTo(new[] { 0.01, 0.01, 0.01 }));
        Assert.That(one == WeightDecay.Same(0.01) && each == WeightDecay.PerGroup(0.1, 0.01) && one != each && each != WeightDecay.PerGroup(0.1));
        Assert.That(() => Toy.Learner().Fit(1, wd: WeightDecay.PerGroup(0.1, 0.1, 0.1)), Throws.TypeOf<TesseraException>().With.Message.Contains("got 3 decays, expected 2"));
    }

    [Test]
    public void ARunThatGoesOnKeepsItsDecays()
    {
        using var folder = new Testing.TemporaryFolder();
        Toy.Learner().Fit(1, wd: WeightDecay.PerGroup(0.2, 0.1), resume: folder.File("a.run"));
        Assert.That(() => Toy.Learner().Fit(1, wd: WeightDecay.PerGroup(0.2, 0.2), resume: folder.File("a.run")),
            Throws.TypeOf<TesseraException>().With.Message.Contains("weight decay [0.2,0.1]"));
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
