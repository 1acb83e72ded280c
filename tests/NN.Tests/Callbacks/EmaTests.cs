using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class EmaTests
{
    const double Decay = 0.8;

    [Test]
    public void ValidationAndTheEndUseTheAverages()
    {
        var plain = Toy.Learner();
        plain.Fit(2);

        var learn = Toy.Learner();
        var average = Toy.State(learn.Model);
        Dictionary<string, float[]> weights = [], validated = [];
        Probe probe = new()
        {
            Event = (e, s) =>
            {
                if (e is "step_end")
                {
                    weights = Toy.State(s.Learner.Model);
                    foreach (var (name, w) in weights) average[name] = [.. average[name].Zip(w, (a, b) => (float)((Decay * a) + ((1 - Decay) * b)))];
                }
                if (e is "loss_begin" && !s.IsTraining) validated = Toy.State(s.Learner.Model);
                if (e is "epoch_begin" && s.Epoch == 1) Assert.That(Toy.State(s.Learner.Model), Is.EqualTo(weights), "training goes on with the weights");
            }
        };
        learn.Fit(2, callbacks: [new Ema(Decay), probe]);

        Assert.That(learn.Recorder.BatchLosses, Is.EqualTo(plain.Recorder.BatchLosses), "the steps are as without");
        var end = Toy.State(learn.Model);
        foreach (var (name, expected) in average)
        {
            Assert.That(end[name], Is.EqualTo(expected).Within(1e-5f), name);
            Assert.That(validated[name], Is.EqualTo(expected).Within(1e-5f), name);
        }
        Assert.That(learn.Recorder.ValidLosses[^1], Is.EqualTo(learn.Validate().Loss));
        Assert.That(end["1.weight"], Is.Not.EqualTo(Toy.State(plain.Model)["1.weight"]));
    }

    [Test]
    public void ACheckpointKeepsTheAveragesOfTheBestEpoch()
    {
        using var folder = new TemporaryFolder();
        var learn = Toy.Learner();
        Dictionary<int, float[]> seen = [];
        Probe probe = new()
        {
            Event = (e, s) =>
            {
                if (e is "loss_begin" && !s.IsTraining) seen[s.Epoch] = Toy.State(s.Learner.Model)["1.weight"];
            }
        };
        learn.Fit(5, 0.3f, callbacks: [new Checkpoint(folder.File("best.safetensors")), new Ema(0.5), probe]);
        int best = learn.Recorder.ValidLosses.Index().MinBy(l => l.Item!.Value).Index;
        Assert.That(best, Is.LessThan(4), "the case is of use only where the last epoch is not the best");
        Assert.That(Toy.State(learn.Model)["1.weight"], Is.EqualTo(seen[best]));
    }

    [Test]
    public void AfterAnErrorTheWeightsStay()
    {
        var learn = Toy.Learner();
        float[] weights = [];
        Probe probe = new()
        {
            Event = (e, s) =>
            {
                if (e is "step_end") weights = Toy.State(s.Learner.Model)["1.weight"];
                if (e is "loss_begin" && !s.IsTraining) throw new InvalidOperationException("in validation");
            }
        };
        Assert.That(() => learn.Fit(1, callbacks: [new Ema(0.5), probe]), Throws.InvalidOperationException);
        Assert.That(Toy.State(learn.Model)["1.weight"], Is.EqualTo(weights));
    }
}
