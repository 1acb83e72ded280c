using Tessera.NN;

namespace Tessera.Tests;

public sealed class LearnerTests
{
    [Test]
    public void OneCycleLearnsTheToyProblem()
    {
        var learn = Toy.Learner();
        double before = learn.Validate().Metrics[0];
        learn.FitOneCycle(5, 1e-2f);
        Assert.That(learn.Validate().Metrics[0], Is.LessThan(0.1).And.LessThan(before));
        Assert.That(learn.Recorder.Losses[^1], Is.LessThan(learn.Recorder.Losses[0]));
    }

    [Test]
    public void EventsComeInTheirOrder()
    {
        List<string> seen = [];
        var learn = Toy.Learner(Toy.Data(batchSize: 25, validItems: 3));
        learn.Fit(1, callbacks: [new Probe { Event = (e, s) => seen.Add(s.IsTraining ? e : $"valid {e}") }]);
        string[] batch = ["batch_begin", "loss_begin", "backward_begin", "backward_end", "step_end", "batch_end"];
        string[] expected = ["train_begin", "epoch_begin", .. batch, .. batch, "valid batch_begin", "valid loss_begin", "valid batch_end", "valid epoch_end", "valid train_end"];
        Assert.That(seen, Is.EqualTo(expected));
    }

    [Test]
    public void CallbacksRunByTheirOrderNumber()
    {
        List<int> seen = [];
        Probe At(int order) => new()
        {
            At = order,
            Event = (e, _) =>
            {
                if (e is "train_begin") seen.Add(order);
            }
        };
        Toy.Learner().Fit(1, callbacks: [At(7), At(-30), At(0)]);
        Assert.That(seen, Is.EqualTo(new[] { -30, 0, 7 }));
    }

    [Test]
    public void TheTrainLossIsSmoothedFromTheBeginOfTheCall()
    {
        var learn = Toy.Learner();
        for (int call = 0; call < 2; call++)
        {
            learn.Fit(2);
            double m = 0;
            for (int k = 0; k < learn.Recorder.BatchLosses.Count; k++)
            {
                m = (0.98 * m) + (0.02 * learn.Recorder.BatchLosses[k]);
                Assert.That(learn.Recorder.Losses[k], Is.EqualTo(m / (1 - Math.Pow(0.98, k + 1))).Within(1e-9));
            }
        }
    }

    [Test]
    public void TheRecorderKeepsRatesLossesAndEpochs()
    {
        var learn = Toy.Learner();
        learn.FitOneCycle(2);
        var cycle = new OneCycle(12);
        Assert.That(learn.Recorder.Lrs, Is.EqualTo(Enumerable.Range(0, 12).Select(k => cycle.Lr(3e-3, k))));
        Assert.That(learn.Recorder.Momenta, Is.EqualTo(Enumerable.Range(0, 12).Select(cycle.Momentum)));
        Assert.That(learn.Recorder.BatchCounts, Is.EqualTo(new[] { 6, 6 }));
        Assert.That(learn.Recorder.ValidLosses[^1], Is.EqualTo(learn.Validate().Loss));
        Assert.That(learn.Recorder.MetricValues[^1]![0], Is.EqualTo(learn.Validate().Metrics[0]));
    }

    [Test]
    public void TheLastValuesOfOneCycleStayInTheOptimizer()
    {
        var learn = Toy.Learner();
        learn.FitOneCycle(2, new LearningRate(1e-4, 1e-2));
        double[] lrs = [.. learn.Optimizer!.Groups.Select(g => g.Lr)];
        Assert.That(lrs, Is.EqualTo(new[] { 1e-4, 1e-4, 1e-2, 1e-2 }.Select(l => l / 250_000)).Within(1e-12));
        Assert.That(learn.Optimizer.Groups.Select(g => g.Momentum), Is.All.EqualTo(0.95).Within(1e-12));

        learn.Fit(1);
        Assert.That(learn.Recorder.Momenta, Is.All.EqualTo(0.95).Within(1e-12), "fit leaves the momentum alone");
        learn.Unfreeze().Fit(1);
        Assert.That(learn.Recorder.Momenta, Is.All.EqualTo(0.9), "a new optimizer begins at 0.9");
    }

    [TestCase(1, 1), TestCase(3, 3)]
    public void VeryShortCyclesEndBeforeTheirSchedule(int epochs, int batches)
    {
        var learn = Toy.Learner(Toy.Data(batchSize: 50));
        learn.FitOneCycle(epochs, 1e-2f);
        var cycle = new OneCycle(batches);
        Assert.That(learn.Recorder.Lrs, Is.EqualTo(Enumerable.Range(0, batches).Select(k => cycle.Lr(1e-2f, k))));
        Assert.That(learn.Optimizer!.Groups[^1].Lr, Is.EqualTo(cycle.Lr(1e-2f, batches)));
    }

    [Test]
    public void ACycleResumesAtAnEpoch()
    {
        var learn = Toy.Learner();
        learn.FitOneCycle(5, startEpoch: 2);
        Assert.That(learn.Recorder.BatchCounts, Has.Count.EqualTo(3));
        Assert.That(learn.Recorder.Lrs[0], Is.EqualTo(new OneCycle(30).Lr(3e-3, 12)));
        learn.FitOneCycle(2, totalEpochs: 5, startEpoch: 3);
        Assert.That(learn.Recorder.BatchCounts, Is.Empty);
    }

    [Test]
    public void ValidationWeighsBatchesBySize()
    {
        var learn = Toy.Learner(Toy.Data(batchSize: 8, validItems: 21));
        var whole = new DataLoader(Toy.Points(21, 2), 21, workers: 0);
        Assert.That(learn.Validate().Loss, Is.EqualTo(learn.Validate(whole).Loss).Within(1e-6));
        Assert.That(learn.Validate().Metrics[0], Is.EqualTo(learn.Validate(whole).Metrics[0]).Within(1e-12));
    }

    [Test]
    public void PredictionsDoNotDependOnTheBatchSizeAndComeInOrder()
    {
        var learn = Toy.Learner();
        learn.Fit(2);
        var one = learn.GetPreds(new DataLoader(Toy.Points(64, 3), 1, shuffle: true, workers: 1), withLoss: true);
        var all = learn.GetPreds(new DataLoader(Toy.Points(64, 3), 64, dropLast: true, workers: 0), withLoss: true);

        Assert.That(one.Probabilities.ToArray<float>(), Is.EqualTo(all.Probabilities.ToArray<float>()).Within(1e-6f));
        Assert.That(one.Targets.ToArray<long>(), Is.EqualTo(Enumerable.Range(0, 64).Select(i => (long)(i % 3))));
        float[] p = all.Probabilities.ToArray<float>(), losses = all.Losses!.ToArray<float>();
        Assert.That(Enumerable.Range(0, 64).Select(i => p[(3 * i) + (i % 3)]), Is.EqualTo(losses.Select(l => MathF.Exp(-l))).Within(1e-5f), "probability of the target = exp(-loss)");
        Assert.That(learn.Model.IsTraining, "the mode is as before");
    }

    [Test]
    public void TheFirstBatchesCanBePredictedAlone()
    {
        var learn = Toy.Learner();
        var loader = new DataLoader(Toy.Points(21, 2), 8, workers: 0);
        float[] all = learn.GetPreds(loader).Probabilities.ToArray<float>();
        Assert.That(learn.GetPreds(loader, batches: 2).Probabilities.ToArray<float>(), Is.EqualTo(all[..(16 * 3)]));
        Assert.That(learn.GetPreds(loader, batches: 9).Probabilities.ToArray<float>(), Is.EqualTo(all));
    }

    [Test]
    public void AnotherLossIsTrainedWithFromTheNextBatchOn()
    {
        var learn = Toy.Learner();
        double plain = learn.Validate().Loss;
        learn.Loss = new LabelSmoothingCrossEntropy(0.5);
        Assert.That(learn.Validate().Loss, Is.Not.EqualTo(plain));
        Assert.That(learn.Summary(), Does.Contain("Loss function: LabelSmoothingCrossEntropy\n"));
        learn.Fit(1, callbacks: [new StopAfterNBatches(1)]);
        learn.Loss = new CrossEntropyLoss();
        Assert.That(() => learn.Loss = null!, Throws.ArgumentNullException);
        Assert.That(learn.Loss, Is.TypeOf<CrossEntropyLoss>());
    }

    [Test]
    public void AFunctionFindsTheSplitPoints()
    {
        Sequential model = new(new Linear(2, 4), new Relu(), new Linear(4, 3));
        var learn = new Learner(Toy.Data(8), model, new CrossEntropyLoss()).Split(m => [((Sequential)m)[2]]);
        Assert.That(learn.LayerGroups.Select(g => (g.Name, g.Modules.Count)), Is.EqualTo(new[] { ("body", 2), ("head", 1) }));
    }

    [Test]
    public void PredictTakesRawInputs()
    {
        var learn = Toy.Learner();
        learn.Data.BatchTransform = x => x * 2f;
        var x = Tensor.Normal([4, Toy.Features], new Philox(8));
        learn.Model.Eval();
        float[] expected = learn.Model.Forward(x * 2f).Softmax(1).ToArray<float>();
        Assert.That(learn.Predict(x).ToArray<float>(), Is.EqualTo(expected));
    }

    [Test]
    public void AnEmptyTrainingLoaderIsAnError()
    {
        var learn = Toy.Learner(Toy.Data(batchSize: 64, items: 50));
        Assert.That(() => learn.Fit(1), Throws.TypeOf<TesseraException>().With.Message.Contains("50 items and batch size 64"));
    }

    [Test]
    public void AListOfRatesOfAnotherLengthIsAnError() =>
        Assert.That(() => Toy.Learner().Fit(1, LearningRate.PerGroup(1e-3, 1e-3, 1e-3)), Throws.TypeOf<TesseraException>().With.Message.Contains("expected 2"));

    [Test]
    public void ALossThatIsNotANumberIsAnErrorAndHarmsNoWeight()
    {
        var learn = Toy.Learner();
        learn.Data.BatchTransform = x => x / 0f;
        var before = Toy.State(learn.Model);
        var probe = new Probe();
        Assert.That(() => learn.Fit(1, callbacks: [probe]), Throws.TypeOf<TesseraException>().With.Message.Contains("loss is not a number: got NaN at epoch 0, batch 0"));
        Assert.That(probe.Error, Is.TypeOf<TesseraException>(), "train_end runs after an error");
        Assert.That(Toy.State(learn.Model)["1.weight"], Is.EqualTo(before["1.weight"]));
    }

    [Test]
    public void CancellationStopsCleanlyAfterTheBatch()
    {
        using var cancel = new CancellationTokenSource();
        List<string> seen = [];
        var probe = new Probe
        {
            Event = (e, s) =>
            {
                if (e is "backward_end" && s is { Epoch: 1, Batch: 2 }) cancel.Cancel();
                seen.Add(e);
            }
        };
        var learn = Toy.Learner();
        var error = Assert.Throws<TrainingCancelledException>(() => learn.Fit(5, callbacks: [probe], cancellation: cancel.Token));
        Assert.That(error!.EpochsDone, Is.EqualTo(1));
        Assert.That(seen.TakeLast(3), Is.EqualTo(new[] { "step_end", "batch_end", "train_end" }), "the batch is finished");
        Assert.That(probe.Error, Is.SameAs(error));
        learn.Fit(1, cancellation: CancellationToken.None);
        Assert.That(learn.Recorder.BatchCounts, Is.EqualTo(new[] { 6 }), "and training can go on");
    }

    [Test]
    public void TheSummaryShowsLayersShapesAndGroups()
    {
        var learn = Toy.Learner().Freeze();
        string[] lines = learn.Summary().Split('\n');
        Assert.That(lines, Has.Member("Layer (type)         Output Shape         Param #    Trainable"));
        Assert.That(lines, Has.Member("Linear               [16]                 112        False"));
        Assert.That(lines, Has.Member("BatchNorm1d          [16]                 32         True"));
        Assert.That(lines, Has.Member("Relu                 [16]                 0          False"));
        Assert.That(lines, Has.Member("Linear               [3]                  51         True"));
        Assert.That(lines, Has.Member("Total params: 195"));
        Assert.That(lines, Has.Member("Optimized with Adam (betas 0.9 and 0.99, eps 1E-08), true weight decay 0.01"));
        Assert.That(lines, Has.Member("Loss function: CrossEntropyLoss"));
        Assert.That(lines, Has.Member("Total trainable params: 83"));
        Assert.That(lines, Has.Member("body                 3                    144        32         -"));
        Assert.That(lines, Has.Member("head                 1                    51         all        -"));
        learn.Fit(1);
        Assert.That(learn.Summary(), Does.Contain("head                 1                    51         all        3E-3"));
    }

    [Test]
    public void EvaluationLeavesEachModuleInTheModeItHad()
    {
        var learn = Toy.Learner();
        var norm = learn.Model.NamedModules().Select(m => m.Module).OfType<BatchNorm1d>().Single();
        norm.Eval();
        learn.Validate();
        learn.GetPreds();
        Assert.That((norm.IsTraining, learn.Model.IsTraining), Is.EqualTo((false, true)));
    }
}
