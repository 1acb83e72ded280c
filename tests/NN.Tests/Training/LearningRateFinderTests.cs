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
    public void TrainingIsTheSameWithAndWithoutIt()
    {
        static double[] Losses(bool searched)
        {
            var learn = Toy.Learner(Toy.Data(workers: 2, shuffle: true));
            learn.Fit(1);
            if (searched) learn.FindLearningRate(batches: 15);
            learn.FitOneCycle(2);
            return [.. learn.Recorder.BatchLosses, learn.Recorder.ValidLosses[^1]!.Value];
        }
        Assert.That(Losses(searched: true), Is.EqualTo(Losses(searched: false)), "bit by bit");
    }

    [Test]
    public void ItSaysThatItIsDone()
    {
        var (learn, shown) = (Toy.Learner(), new Shown());
        learn.Display = shown;
        learn.FindLearningRate(1e-3f, 1e4f, batches: 100);
        Assert.That(shown.Lines.Single(), Does.StartWith("Tried learning rates from 1.00E-03 to ").And.Contain("skipEnd"));
        shown.Lines.Clear();
        learn.FindLearningRate(batches: 5, stopOnDivergence: false);
        Assert.That(shown.Lines.Single(), Does.EndWith("in 5 batches."));
    }

    [Test]
    public void TheSteepestDescentIsSuggested()
    {
        var curve = new LearningRateCurve([1, 2, 3, 4, 5, 6], [5, 5, 4, 1, 0.9, 2], false);
        var suggestion = curve.Suggest(0, 0);
        Assert.That((suggestion.Steepest, suggestion.TenthOfLeast), Is.EqualTo((3.0, 0.5)));
        Assert.That(suggestion.ToString(), Is.EqualTo("Min numerical gradient: 3.00E+00\nMin loss divided by 10: 5.00E-01\nValley: 2.00E+00"));
        Assert.That(() => curve.Suggest(), Throws.TypeOf<TesseraException>().With.Message.Contains("got 6"));
        Assert.That(() => curve.Suggest(-1), Throws.TypeOf<TesseraException>());
    }

    // The longest falling subsequence, its length n and last index e; then e - n + n/3 + n/6, each rounded down.
    [TestCase(new double[] { 5, 5, 4, 1, 0.9, 2 }, 1)] // n 4, e 4
    [TestCase(new double[] { 9, 8, 8.5, 7, 6, 6.5, 5, 4, 3, 10, 2, 30 }, 5)] // n 8 of 9 8 7 6 5 4 3 2, e 10
    [TestCase(new double[] { 1, 2, 3, 4 }, 0)] // nothing falls
    [TestCase(new double[] { 4, 3 }, 0)]
    [TestCase(new double[] { 3, 9, 8, 7, 6, 5, 4, 20 }, 3)] // n 6, e 6
    public void TheValleyIsTheMiddleOfTheLongestRunOfFallingLosses(double[] losses, int index)
    {
        var curve = new LearningRateCurve([.. Enumerable.Range(0, losses.Length).Select(i => (double)i)], losses, false);
        Assert.That(curve.Suggest(0, 0).Valley, Is.EqualTo(index));
    }

    [Test]
    public void SmoothingFollowsTheDefinition()
    {
        // Along the minimum every partial derivative of Σ(y - z)² + λΣ(Δ²z)² is zero.
        double[] y = [.. Enumerable.Range(0, 12).Select(i => Math.Sin(i) + (i * 0.3) + (i % 3))];
        double[] z = SmoothingSpline.Of(y, 7);
        double Second(int i) => z[i - 1] - (2 * z[i]) + z[i + 1];
        for (int i = 0; i < z.Length; i++)
        {
            double derivative = z[i] - y[i];
            if (i >= 2) derivative += 7 * Second(i - 1);
            if (i >= 1 && i < z.Length - 1) derivative -= 14 * Second(i);
            if (i < z.Length - 2) derivative += 7 * Second(i + 1);
            Assert.That(derivative, Is.Zero.Within(1e-12), $"{i}");
        }
        double[] line = [1, 3, 5, 7];
        Assert.That(SmoothingSpline.Of(line, 1e6), Is.EqualTo(line).Within(1e-6), "a straight line is smooth");
        Assert.That(SmoothingSpline.Of([2, 5], 10), Is.EqualTo(new[] { 2.0, 5.0 }));
    }

    [Test]
    public void SmoothingHidesASingleBatch()
    {
        double[] losses = [.. Enumerable.Range(0, 40).Select(i => Math.Cos(i * Math.PI / 39) + (i == 5 ? 0.3 : 0))];
        var curve = new LearningRateCurve([.. Enumerable.Range(0, 40).Select(i => (double)i)], losses, false);
        Assert.That(curve.Suggest(0, 0).Steepest, Is.EqualTo(6), "behind the outlier");
        Assert.That(curve.Suggest(0, 0, smooth: 100).Steepest, Is.InRange(14, 25), "where the cosine is steepest");
        Assert.That(curve.Part(3, 4).Lrs, Is.EqualTo(Enumerable.Range(3, 33)));
    }

    [Test]
    public void LossesThatAreNoNumbersAreLeftOut()
    {
        var curve = new LearningRateCurve([1, 2, 3, 4], [3, 2, 1, double.NaN], true);
        Assert.That(curve.Part(0, 0).Lrs, Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(curve.Suggest(0, 0).TenthOfLeast, Is.EqualTo(0.3).Within(1e-12));
    }
}
