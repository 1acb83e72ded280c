using Tessera.NN;

namespace Tessera.Tests;

public sealed class LearningRateFinderTests
{
    [Test]
    public void RatesGrowGeometrically()
    {
        var curve = Toy.Learner().FindLearningRate(batches: 30, stopOnDivergence: false);
        Assert.That(curve.Lrs, Is.EqualTo(Enumerable.Range(0, 30).Select(k => 1e-7 * Math.Pow(1e8, k / 30.0))).Within(1e-9).Percent);
        Assert.That(curve.Losses, Has.Count.EqualTo(30));
        Assert.That(curve.EndedEarly, Is.False);
    }

    [Test]
    public void ItEndsWhenTheLossGrows()
    {
        var curve = Toy.Learner().FindLearningRate(1e-3f, 1e4f, batches: 100);
        Assert.That(curve.EndedEarly);
        Assert.That(curve.Losses, Has.Count.LessThan(100));
        double last = curve.Losses[^1];
        Assert.That(double.IsNaN(last) || last > 4 * curve.Losses.SkipLast(1).Min());
    }

    [Test]
    public void ANaNLossEndsItOnThatBatch()
    {
        var learn = Toy.Learner();
        int batch = 0;
        learn.Data.BatchTransform = x => batch++ == 4 ? x / 0f : x;
        var curve = learn.FindLearningRate();
        Assert.That(curve.Losses, Has.Count.EqualTo(5));
        Assert.That(curve.Losses[^1], Is.NaN);
    }

    [Test]
    public void NothingIsChangedByIt()
    {
        var (searched, plain) = (Toy.Learner().Freeze(), Toy.Learner().Freeze());
        foreach (var learn in (Learner[])[plain, searched])
        {
            Generator.Seed(4);
            learn.Fit(1);
        }
        ulong position = Generator.Default.Position;
        var recorder = searched.Recorder;
        searched.FindLearningRate(1e-3f, 10f, batches: 20);

        Assert.That(Generator.Default.Position, Is.EqualTo(position));
        Assert.That(searched.Recorder, Is.SameAs(recorder));
        Assert.That(Toy.State(searched.Model), Is.EqualTo(Toy.State(plain.Model)));
        searched.FitOneCycle(2);
        plain.FitOneCycle(2);
        Assert.That(Toy.State(searched.Model), Is.EqualTo(Toy.State(plain.Model)), "order of the items, moments and rates are as before");
    }

    [Test]
    public void TheSteepestDescentIsSuggested()
    {
        var curve = new LearningRateCurve([1, 2, 3, 4, 5, 6], [5, 5, 4, 1, 0.9, 2], false);
        Assert.That(curve.Suggest(0, 0), Is.EqualTo((3.0, 0.5)));
        Assert.That(() => curve.Suggest(), Throws.TypeOf<TesseraException>());
    }
}
