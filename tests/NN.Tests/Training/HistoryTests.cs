using Tessera.NN;

namespace Tessera.Tests;

public sealed class HistoryTests
{
    [Test]
    public void TheHistoryIsAllFitCallsOneAfterTheOther()
    {
        var learn = Toy.Learner();
        learn.FitOneCycle(2);
        var first = learn.Recorder;
        learn.FindLearningRate(batches: 5);
        learn.Fit(1, 1e-3);

        Assert.That(learn.History.BatchLosses, Is.EqualTo(first.BatchLosses.Concat(learn.Recorder.BatchLosses)), "without the search for rates");
        Assert.That(learn.History.Lrs, Is.EqualTo(first.Lrs.Concat(learn.Recorder.Lrs)));
        Assert.That(learn.History.ValidLosses, Is.EqualTo(first.ValidLosses.Concat(learn.Recorder.ValidLosses)));
        Assert.That(learn.History.BatchCounts, Is.EqualTo(first.BatchCounts.Concat(learn.Recorder.BatchCounts)));
    }

    /// <summary>No names of metrics are no names, not one empty name.</summary>
    [Test]
    public void TheRecordOfALearnerWithoutMetricsComesBack()
    {
        var learn = new Learner(Toy.Data(), Toy.Model(), new CrossEntropyLoss()) { Display = null };
        learn.Fit(1, 1e-3);
        var again = Recorder.FromState(learn.History.ToState("history"), "history", "m.safetensors")!;
        Assert.That(again.ValidLosses, Is.EqualTo(learn.History.ValidLosses).And.Not.Empty);
        Assert.That((again.MetricNames.Count, learn.History.MetricNames.Count), Is.EqualTo((0, 0)));
    }
}
