using Tessera.NN;

namespace Tessera.Tests;

/// <summary>What callbacks may change.</summary>
[NonParallelizable]
public sealed class EventTests
{
    static Learner With(Action<string, TrainingState> happening, int epochs = 1)
    {
        var learn = Toy.Learner();
        learn.Fit(epochs, callbacks: [new Probe { Event = happening }]);
        return learn;
    }

    [Test]
    public void ALossFunctionIsReplacedForABatch()
    {
        var plain = With((_, _) => { });
        var doubled = With((e, s) =>
        {
            if (e is "batch_begin" && s.IsTraining && s.Batch == 0) s.LossFunction = (Loss)((output, target) => s.Learner.Loss.Forward(output, target) * 2f);
        });
        Assert.That(doubled.Recorder.BatchLosses[0], Is.EqualTo(2 * plain.Recorder.BatchLosses[0]).Within(1e-6));
        Assert.That(doubled.Recorder.BatchLosses[1], Is.EqualTo(plain.Recorder.BatchLosses[1]).Within(1e-2), "only that batch; Adam's first step is the same");
    }

    [Test]
    public void AReplacedLossIsWhatIsDifferentiated()
    {
        List<float[]> gradients = [];
        foreach (float factor in new[] { 1f, 2f })
        {
            With((e, s) =>
            {
                if (s.Iteration > 0) return;
                if (e is "backward_begin") s.Loss *= factor;
                if (e is "backward_end") gradients.Add(s.Learner.Model.Parameters().Last().Grad!.ToArray<float>());
            });
        }
        Assert.That(gradients[1], Is.EqualTo(gradients[0].Select(g => 2 * g)).Within(1e-6f));
    }

    [Test]
    public void OutputsAndInputsAreReplaced()
    {
        var learn = With((e, s) =>
        {
            if (e is "batch_begin") s.X *= 0f;
            if (e is "loss_begin") s.Output = Tensor.Zeros(s.Output.Shape) + (s.Output * 0f);
        });
        Assert.That(learn.Recorder.BatchLosses, Is.All.EqualTo(Math.Log(3)).Within(1e-6));
        Assert.That(learn.Recorder.ValidLosses[0], Is.EqualTo(Math.Log(3)).Within(1e-6));
    }

    [Test]
    public void AStepIsSkipped()
    {
        var learn = Toy.Learner();
        var before = Toy.State(learn.Model)["1.weight"];
        learn.Fit(1, callbacks: [new Probe
        {
            Event = (e, s) =>
            {
                if (e is "backward_end") s.SkipStep = true;
            }
        }]);
        Assert.That(Toy.State(learn.Model)["1.weight"], Is.EqualTo(before));
    }

    [Test]
    public void GradientsThatAreNotForgottenAddUp()
    {
        float[] first = [], second = [], sum = [];
        var learn = Toy.Learner(Toy.Data(shuffle: false, items: 8));
        learn.Fit(2, callbacks: [new Probe
        {
            Event = (e, s) =>
            {
                float[] Gradient() => s.Learner.Model.Parameters().Last().Grad!.ToArray<float>();
                if (e is "backward_end") (first, second, s.SkipStep) = (second, Gradient(), true);
                if (e is "step_end") (s.SkipZeroGrad, sum) = (true, Gradient());
            }
        }]);
        Assert.That(sum, Is.EqualTo(first.Select(g => 2 * g)).Within(1e-6f), "the same batch twice");
        learn.Model.ZeroGrad();
    }

    [Test]
    public void AJumpSkipsTheScheduleForward()
    {
        var learn = Toy.Learner();
        Probe jump = new()
        {
            Event = (e, s) =>
            {
                if (e is "train_begin") s.JumpToEpoch(3);
            }
        };
        learn.FitOneCycle(5, callbacks: [jump]);
        Assert.That(learn.Recorder.BatchCounts, Has.Count.EqualTo(2));
        Assert.That(learn.Recorder.Lrs, Is.EqualTo(Enumerable.Range(18, 12).Select(k => new OneCycle(30).Lr(3e-3, k))));
        Assert.That(() => learn.Fit(2, callbacks: [jump]), Throws.TypeOf<TesseraException>().With.Message.StartsWith("JumpToEpoch: got epoch 3, expected 0..2, within TrainBegin."));
        Assert.That(() => With((e, s) =>
        {
            if (e is "epoch_begin") s.JumpToEpoch(0);
        }), Throws.TypeOf<TesseraException>().With.Message.Contains("after the first had begun"));
    }

    [Test]
    public void OtherDataChangeNothingElse()
    {
        var (learn, other) = (Toy.Learner(), Toy.Data(validItems: 12, seed: 9));
        learn.Fit(1);
        var (optimizer, recorder, state, epochs) = (learn.Optimizer, learn.Recorder, Toy.State(learn.Model), learn.EpochsTrained);
        learn.Data = other;
        Assert.That((learn.Optimizer, learn.Recorder, learn.EpochsTrained), Is.EqualTo((optimizer, recorder, epochs)));
        Assert.That(Toy.State(learn.Model), Is.EqualTo(state));
        learn.Fit(1);
        Assert.That(learn.Optimizer, Is.SameAs(optimizer));
    }

    [Test]
    public void DataChangeFromAnEpochOn()
    {
        var (small, large) = (Toy.Data(seed: 7), Toy.Data(seed: 8, validItems: 0));
        var learn = Toy.Learner();
        List<DataBunch> seen = [];
        learn.Fit(4, callbacks: [new DataSchedule((1, small), (3, large)), new Probe
        {
            Event = (e, s) =>
            {
                if (e is "epoch_begin") seen.Add(s.Learner.Data);
            }
        }]);
        Assert.That(seen[1..], Is.EqualTo(new[] { small, small, large }));
        Assert.That(learn.Recorder.ValidLosses.Select(l => l is null), Is.EqualTo([false, false, false, true]));
        Assert.That(() => Toy.Learner().Fit(2, callbacks: [new DataSchedule((1, Toy.Data(4)))]), Throws.TypeOf<TesseraException>().With.Message.Contains("got 12 from epoch 1 on, expected 6"));
        Assert.That(() => new DataSchedule((1, small), (1, large)), Throws.TypeOf<TesseraException>());
    }

    [Test]
    public void OutOfMemorySaysWhereHowMuchAndTheCure()
    {
        Generator.Seed(1);
        var model = new Sequential(new Sequential(new Linear(Toy.Features, 1 << 16), new Relu()), new Linear(1 << 16, Toy.Classes));
        var learn = new Learner(Toy.Data(16), model, new CrossEntropyLoss()) { Display = null };
        learn.Fit(0);
        var memory = Device.Cpu.Memory;
        long budget = memory.Budget;
        try
        {
            memory.Budget = memory.Live + (1 << 20);
            Assert.That(() => learn.Fit(1), Throws.TypeOf<OutOfDeviceMemoryException>().With.Message.StartsWith("Fit: in layer 0.0 (Linear) at epoch 0, batch 0 of 16 items: Memory: out of memory on cpu: got a request of 4 MiB, expected at most ")
                .And.Message.Contains("Hint: use batch size 8 (GradientAccumulation(2) keeps the steps as they are)"));
        }
        finally
        {
            memory.Budget = budget;
        }
        learn.Fit(1);
    }
}
