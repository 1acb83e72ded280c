using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class FineTuneTests
{
    [Test]
    public void TheHeadComesFirstThenAllLayersAtHalfTheRate()
    {
        var learn = Toy.Learner();
        List<(int Frozen, double Body, double Head, double Momentum)> steps = [];
        learn.FineTune(2, 4e-3, callbacks: [Steps(steps)]);

        OneCycle frozen = new(6) { PctStart = 0.99 }, all = new(12) { DivFactor = 5 };
        Assert.That(steps.Select(s => s.Frozen), Is.EqualTo([.. Enumerable.Repeat(1, 6), .. Enumerable.Repeat(0, 12)]));
        Assert.That(steps.Select(s => s.Head), Is.EqualTo([.. Enumerable.Range(0, 6).Select(k => frozen.Lr(4e-3, k)), .. Enumerable.Range(0, 12).Select(k => all.Lr(2e-3, k))]));
        Assert.That(steps.Select(s => s.Body), Is.EqualTo([.. Enumerable.Range(0, 6).Select(k => frozen.Lr(4e-4, k)), .. Enumerable.Range(0, 12).Select(k => all.Lr(2e-5, k))]).Within(1e-15));
        Assert.That(steps.Select(s => s.Momentum), Is.EqualTo([.. Enumerable.Range(0, 6).Select(frozen.Momentum), .. Enumerable.Range(0, 12).Select(all.Momentum)]));
    }

    [TestCase(0, 3), TestCase(1, 8)]
    public void ItGoesOnInThePartInWhichItWasInterrupted(int part, int iteration)
    {
        using var folder = new TemporaryFolder();
        var expected = Toy.Learner();
        expected.FineTune(2);
        var first = Toy.Learner();
        void Gone(string e, TrainingState s)
        {
            if (e is "step_end" && s.Iteration == iteration && s.Learner.FrozenTo == 1 - part) throw new InvalidOperationException("gone");
        }
        Assert.That(() => first.FineTune(2, callbacks: [new Probe { Event = Gone }], resume: folder.File("tune.run")), Throws.InvalidOperationException);
        var second = Toy.Learner();
        second.FineTune(2, callbacks: [new Probe()], resume: folder.File("tune.run"));
        Assert.That(Toy.State(second.Model), Is.EqualTo(Toy.State(expected.Model)));
        Assert.That(second.Recorder.BatchLosses, Is.EqualTo(expected.Recorder.BatchLosses));
        Assert.That(Directory.GetFiles(folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "tune.run", "tune.frozen.run" }));
    }

    [Test]
    public void FlatCosineFollowsItsSchedule()
    {
        var learn = Toy.Learner();
        List<(int Frozen, double Body, double Head, double Momentum)> steps = [];
        learn.FitFlatCosine(3, 1e-2, callbacks: [Steps(steps)]);
        var flat = new FlatCosine(18);
        Assert.That(steps.Select(s => (s.Head, s.Momentum)), Is.EqualTo(Enumerable.Range(0, 18).Select(k => (flat.Lr(1e-2, k), flat.Momentum(k)))));
        Assert.That(steps[12].Head, Is.EqualTo(1e-2));
        Assert.That(steps[17].Head, Is.LessThan(1e-3));

        learn.FitFlatCosine(3, 1e-2, startEpoch: 2);
        Assert.That(learn.Recorder.Lrs, Is.EqualTo(Enumerable.Range(12, 6).Select(k => flat.Lr(1e-2, k))));
    }

    static Probe Steps(List<(int Frozen, double Body, double Head, double Momentum)> steps) => new()
    {
        Event = (e, s) =>
        {
            if (e is "backward_end") steps.Add((s.Learner.FrozenTo, s.Learner.Optimizer!.Groups[0].Lr, s.Learner.Optimizer.Groups[^1].Lr, s.Learner.Optimizer.Groups[^1].Momentum));
        }
    };
}
