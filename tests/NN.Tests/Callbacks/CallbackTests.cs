using System.Globalization;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class CallbackTests
{
    [Test]
    public void TheTableHasAHeadingARowAnEpochAndTheTotalTime()
    {
        var shown = new Shown();
        var learn = Toy.Learner();
        learn.Display = shown;
        learn.Fit(2);

        Assert.That(shown.Lines[0], Is.EqualTo("epoch     train_loss  valid_loss  error_rate  time"));
        Assert.That(shown.Lines[1], Does.Match(@"^0         \d\.\d{6}    \d\.\d{6}    \d\.\d{6}    00:\d\d$"));
        Assert.That(shown.Lines[2], Does.StartWith("1         "));
        Assert.That(shown.Lines[3], Does.Match(@"^Total time: 00:\d\d, \d+\.\d % of it waiting for batches$"));
        Assert.That(shown.Lines, Has.Count.EqualTo(4));
        Assert.That(shown.Lines[2].Split(' ', StringSplitOptions.RemoveEmptyEntries)[2], Is.EqualTo(learn.Validate().Loss.ToString("0.000000", CultureInfo.InvariantCulture)));
    }

    [Test]
    public void WithoutValidationTheTableSaysSo()
    {
        var shown = new Shown();
        var learn = Toy.Learner(Toy.Data(validItems: 0));
        learn.Display = shown;
        learn.Fit(1);
        Assert.That(shown.Lines[1], Does.Match(@"^0         \d\.\d{6}    #na#        #na#        00:\d\d$"));
    }

    [TestCase(0, "00:00"), TestCase(59.9, "00:59"), TestCase(754, "12:34"), TestCase(3599, "59:59"), TestCase(3600, "1:00:00"), TestCase(37_230, "10:20:30")]
    public void TimesAreMinutesAndSeconds(double seconds, string text) =>
        Assert.That(TableCallback.Time(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));

    [Test]
    public void ProgressIsReportedAfterEachBatch()
    {
        var shown = new Shown();
        var learn = Toy.Learner();
        learn.Display = shown;
        learn.Fit(1);
        Assert.That(shown.Reports.Select(r => (r.IsTraining, r.Batch, r.Batches)), Is.EqualTo(
            Enumerable.Range(1, 6).Select(i => (true, i, 6)).Concat(Enumerable.Range(1, 3).Select(i => (false, i, 3)))));
        Assert.That(shown.Reports[5].Loss, Is.EqualTo(learn.Recorder.Losses[^1]));
        Assert.That(shown.Reports[5].Remaining, Is.EqualTo(TimeSpan.Zero));
        Assert.That(shown.Ends, Is.EqualTo(1));
    }

    [Test]
    public void TheBestEpochIsSavedAndLoadedAtTheEnd()
    {
        using var folder = new TemporaryFolder();
        var learn = Toy.Learner();
        var checkpoint = new Checkpoint(folder.File("best.safetensors"));
        List<(double Loss, float[] W)> epochs = [];
        var probe = new Probe
        {
            Event = (e, s) =>
            {
                if (e is "epoch_end") epochs.Add((s.ValidLoss!.Value, Toy.State(s.Learner.Model)["1.weight"]));
            }
        };
        learn.Fit(6, 0.3f, callbacks: [probe, checkpoint]); // a rate so high that the loss goes up and down
        var best = epochs.MinBy(e => e.Loss);
        Assert.That(best.W, Is.Not.EqualTo(epochs[^1].W), "the case is of use only where the last epoch is not the best");
        Assert.That(Toy.State(learn.Model)["1.weight"], Is.EqualTo(best.W));
        Assert.That(checkpoint.Path, Is.EqualTo(folder.File("best.safetensors")));
    }

    [Test]
    public void EveryEpochIsSavedAndStaysAfterCancellation()
    {
        using var folder = new TemporaryFolder();
        using var cancel = new CancellationTokenSource();
        var learn = Toy.Learner();
        float[] afterFirst = [];
        var probe = new Probe
        {
            At = 5,
            Event = (e, s) =>
            {
                if (e is "epoch_end") afterFirst = Toy.State(s.Learner.Model)["1.weight"];
                if (e is "step_end" && s.Epoch == 1) cancel.Cancel();
            }
        };
        Assert.That(() => learn.Fit(3, callbacks: [new Checkpoint(folder.File("m.safetensors"), everyEpoch: true), probe], cancellation: cancel.Token), Throws.TypeOf<TrainingCancelledException>());
        Assert.That(Safetensors.Read(folder.File("m.safetensors")).Tensors["1.weight"].ToArray<float>(), Is.EqualTo(afterFirst));
    }

    [Test]
    public void AWatchedColumnMustExist()
    {
        Assert.That(() => Toy.Learner().Fit(1, callbacks: [new EarlyStop("accuracy")]), Throws.TypeOf<TesseraException>().With.Message.Contains("train_loss, valid_loss, error_rate"));
        Assert.That(() => Toy.Learner(Toy.Data(validItems: 0)).Fit(1, callbacks: [new EarlyStop()]), Throws.TypeOf<TesseraException>().With.Message.Contains("without validation"));
    }

    [TestCase(0, 2), TestCase(2, 4)]
    public void EarlyStopEndsAfterItsPatience(int patience, int epochs)
    {
        var learn = Toy.Learner();
        learn.Fit(10, 1e-30f, wd: 0, callbacks: [new EarlyStop("error_rate", minDelta: 1, patience: patience)]); // nothing is ever better by 1
        Assert.That(learn.Recorder.BatchCounts, Has.Count.EqualTo(epochs));
    }

    [Test]
    public void ReduceLrOnPlateauMultipliesTheRates()
    {
        var learn = Toy.Learner();
        List<double> lrs = [];
        var probe = new Probe
        {
            Event = (e, s) =>
            {
                if (e is "epoch_begin") lrs.Add(s.Learner.Optimizer!.Groups[^1].Lr);
            }
        };
        learn.Fit(4, 0.02, callbacks: [probe, new ReduceLrOnPlateau("error_rate", minDelta: 1)]);
        Assert.That(lrs, Is.EqualTo(new[] { 0.02, 0.02, 0.004, 0.001 }).Within(1e-12), "never below 1e-3");
    }

    [Test]
    public void NanStopEndsWithoutAnErrorAndBeforeTheStep()
    {
        var shown = new Shown();
        var learn = Toy.Learner();
        learn.Display = shown;
        int batch = 0;
        float[] before = [];
        learn.Data.BatchTransform = x =>
        {
            before = Toy.State(learn.Model)["1.weight"];
            return batch++ == 3 ? x / 0f : x;
        };
        var stop = new NanStop();
        learn.Fit(5, callbacks: [stop]);
        Assert.That(stop.Stopped);
        Assert.That(batch, Is.EqualTo(4));
        Assert.That(Toy.State(learn.Model)["1.weight"], Is.EqualTo(before));
        Assert.That(shown.Lines, Has.One.Contains("the loss is NaN, training stops"));
    }

    [Test]
    public void CsvLoggerWritesTheTable()
    {
        using var folder = new TemporaryFolder();
        var learn = Toy.Learner();
        learn.Fit(2, callbacks: [new CsvLogger(folder.File("logs/history.csv"))]);
        string[] lines = File.ReadAllLines(folder.File("logs/history.csv"));
        Assert.That(lines[0], Is.EqualTo("epoch,train_loss,valid_loss,error_rate,time"));
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[2].Split(',')[2], Is.EqualTo(learn.Recorder.ValidLosses[1]!.Value.ToString("0.000000", CultureInfo.InvariantCulture)));
    }

    [Test]
    public void GradientsAreClippedBeforeTheStep()
    {
        var learn = Toy.Learner();
        List<double> norms = [];
        var probe = new Probe
        {
            At = 1,
            Event = (e, s) =>
            {
                if (e is "backward_end") norms.Add(Gradients.Norm(s.Learner.Model.Parameters()));
            }
        };
        var clip = new GradientClip(0.05);
        learn.Fit(1, callbacks: [clip, probe]);
        Assert.That(clip.Norm, Is.GreaterThan(0.05));
        Assert.That(norms, Is.All.EqualTo(0.05).Within(1e-4));
    }

    [Test]
    public void AccumulatedGradientsStepAsOneLargeBatch()
    {
        Learner Plain(int batchSize) => new(Toy.Data(batchSize, items: 48, validItems: 0, shuffle: false), LinearModel(), new CrossEntropyLoss()) { Display = null };
        var (large, small) = (Plain(24), Plain(8));
        large.Fit(2);
        small.Fit(2, callbacks: [new GradientAccumulation(3)]);
        Assert.That(Toy.State(small.Model)["0.weight"], Is.EqualTo(Toy.State(large.Model)["0.weight"]).Within(1e-5f));

        var uneven = Plain(8);
        uneven.Fit(1, callbacks: [new GradientAccumulation(100)]);
        var whole = Plain(48);
        whole.Fit(1);
        Assert.That(Toy.State(uneven.Model)["0.weight"], Is.EqualTo(Toy.State(whole.Model)["0.weight"]).Within(1e-5f), "what is left at the end of an epoch is a step too");
    }

    [Test]
    public void StopAfterNBatchesStops()
    {
        var learn = Toy.Learner();
        learn.Fit(3, callbacks: [new StopAfterNBatches(2)]);
        Assert.That(learn.Recorder.Losses, Has.Count.EqualTo(2));
    }

    static Sequential LinearModel()
    {
        Generator.Seed(3);
        return new Sequential(new Linear(Toy.Features, Toy.Classes));
    }
}
