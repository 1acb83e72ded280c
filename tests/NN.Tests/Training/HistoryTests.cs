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
}
