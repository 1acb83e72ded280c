using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Networks, losses, schedules, callbacks and learners given what they cannot take: one error of ours that says what was asked, what came, what is expected, and what to do.</summary>
public sealed class MisuseTests
{
    static Learner Learner => Toy.Learner();

    static readonly (string What, Action Misuse)[] mistakes =
    [
        ("features of a linear layer", () => _ = new Linear(0, 3)),
        ("channels of a convolution", () => _ = new Conv2d(3, 0, 3)),
        ("groups of a convolution", () => _ = new Conv2d(4, 6, 3, groups: 4)),
        ("channels of a transposed convolution", () => _ = new ConvTranspose2d(0, 4, 2)),
        ("rank of a batch norm", () => new BatchNorm2d(4).Forward(Tensor.Ones([2, 4]))),
        ("channels of a layer norm", () => new LayerNorm2d(4).Forward(Tensor.Ones([2, 3, 8, 8]))),
        ("dropout", () => _ = new Dropout(2)),
        ("stochastic depth", () => _ = new StochasticDepth(-1)),
        ("parameter that is computed", () => _ = new Holder("w", new Linear(2, 2).Weight * 2)),
        ("parameter with a dot", () => _ = new Holder("a.b", Tensor.Ones([2]))),
        ("parameter twice", () => _ = new Holder("weight", Tensor.Ones([2]))),
        ("state of another model", () => new Linear(2, 2).LoadStateDict(new Dictionary<string, Tensor> { ["w"] = Tensor.Ones([2]) })),
        ("fans of a bias", () => Init.KaimingNormal(Tensor.Ones([3]))),
        ("label smoothing", () => _ = new CrossEntropyLoss(labelSmoothing: 2)),
        ("targets of a loss", () => new MseLoss().Forward(Tensor.Ones([2, 3]), Tensor.Ones([4]))),
        ("outputs that count", () => _ = new TopKAccuracy(0)),
        ("classes of a confusion matrix", () => _ = new ConfusionMatrix(0)),
        ("class of a confusion matrix", () => new ConfusionMatrix(2).Add(0, 2)),
        ("least confusion", () => new ConfusionMatrix(2).MostConfused(0)),
        ("top losses", () => Metrics.TopLosses([1], -1)),
        ("curve of one kind", () => RocCurve.Of([0.1f, 0.2f], [true, true])),
        ("clipped norm", () => Gradients.ClipNorm([Tensor.Ones([1])], 0)),
        ("moving average", () => _ = new MovingAverage([Tensor.Ones([1])], 2)),
        ("parameter in two groups", () => { var w = Tensor.Ones([1]); _ = new Sgd([new ParameterGroup([w], "a"), new ParameterGroup([w], "b")]); }),
        ("state of another optimizer", () => new Adam([new ParameterGroup([Tensor.Ones([1])])]).LoadState(new Dictionary<string, Tensor>())),
        ("rate", () => LearningRate.Same(-1)),
        ("rates of groups", () => LearningRate.PerGroup(1, 2).ForGroups(3)),
        ("rates of no group", () => new LearningRate(1e-3).ForGroups(0)),
        ("rate in words", () => LearningRate.Parse("fast")),
        ("batches of a search", () => _ = new LearningRateSearch(batches: 0)),
        ("phases", () => Schedules.Phases((0.5, Schedules.Constant(1)))),
        ("rising part", () => _ = new OneCycle(10) { PctStart = 2 }),
        ("first rate", () => _ = new OneCycle(10) { DivFactor = 0 }),
        ("smoothing", () => _ = new SmoothedValue(1)),
        ("steps of a schedule", () => StepSchedules.Step(1, 3, size: 0)),
        ("restarts of no period", () => StepSchedules.WarmRestarts(1, 3, period: 0)),
        ("restarts that shrink", () => StepSchedules.WarmRestarts(1, 30, period: 3, multiplier: 0)),
        ("batch size", () => _ = new DataLoader(Toy.Points(4, 1), 0)),
        ("epoch of a loader", () => new DataLoader(Toy.Points(4, 1), 2).Epoch(-1)),
        ("items without labels", () => _ = new TensorDataset(Tensor.Ones([4, 2]), Tensor.Ones([3]))),
        ("accumulated batches", () => _ = new GradientAccumulation(0)),
        ("batches before the stop", () => _ = new StopAfterNBatches(0)),
        ("patience", () => _ = new EarlyStop(patience: -1)),
        ("least difference", () => _ = new EarlyStop(minDelta: double.NaN)),
        ("patience on a plateau", () => _ = new ReduceLrOnPlateau(patience: -1)),
        ("factor on a plateau", () => _ = new ReduceLrOnPlateau(factor: 5)),
        ("least rate on a plateau", () => _ = new ReduceLrOnPlateau(minLr: -1)),
        ("clipped gradient", () => _ = new GradientClip(-1)),
        ("clipped by no number", () => _ = new GradientClip(double.NaN)),
        ("mixup", () => _ = new Mixup(0)),
        ("cutmix", () => _ = new CutMix(-1)),
        ("no phases", () => _ = new GeneralScheduler()),
        ("data of an earlier epoch", () => _ = new DataSchedule((2, Toy.Data()), (1, Toy.Data()))),
        ("epochs", () => Learner.Fit(-1)),
        ("epochs of a cycle", () => Learner.FitOneCycle(-1)),
        ("first epoch of a cycle", () => Learner.FitOneCycle(2, startEpoch: -1)),
        ("epochs of a flat cosine", () => Learner.FitFlatCosine(-1)),
        ("epochs of fine-tuning", () => Learner.FineTune(-1)),
        ("frozen epochs", () => Learner.FineTune(1, freezeEpochs: -1)),
        ("ratio of rates", () => Learner.FineTune(1, lrMult: 0)),
        ("rates that fall", () => Learner.FindLearningRate(1, 0.1)),
        ("a file without a name", () => Learner.Save("")),
        ("batches of the finder", () => Learner.FindLearningRate(batches: 0)),
        ("watched column", () => Learner.Fit(1, callbacks: [new EarlyStop("accuracy")])),
        ("watched without validation", () => Toy.Learner(Toy.Data(validItems: 0)).Fit(1, callbacks: [new EarlyStop()])),
        ("no batch", () => Toy.Learner(Toy.Data(batchSize: 64)).Fit(1)),
        ("nothing to validate", () => Toy.Learner(Toy.Data(validItems: 0)).Validate()),
        ("frozen group", () => Learner.FreezeTo(5)),
        ("negative weight decay", () => Learner.Fit(1, wd: -1)),
        ("weight decay of a group", () => Learner.Wd = WeightDecay.PerGroup(0.1, -1)),
        ("weight decays of other groups", () => Learner.Fit(1, wd: WeightDecay.PerGroup(0.1))),
        ("no test set", () => Learner.GetPreds(Learner.Data.Test)),
        ("no such set", () => Learner.Validate(set: null)),
        ("a name with NUL", () => Learner.Save("a\0b")),
        ("a run with NUL", () => Learner.Fit(1, resume: "a\0b.run")),
        ("a table with NUL", () => Learner.Fit(1, callbacks: [new CsvLogger("a\0b.csv")])),
        ("a folder with NUL", () => Learner.Fit(1, callbacks: [new TensorBoard("a\0b")])),
        ("a graph with NUL", () => Toy.Model().ExportOnnx("a\0b.onnx", [Toy.Features])),
        ("weight decay of no number", () => Learner.FitOneCycle(1, wd: double.NaN)),
        ("momenta of a cycle", () => Learner.FitOneCycle(1, momenta: (0.9, 1))),
        ("momenta of a flat cosine", () => Learner.FitFlatCosine(1, momenta: (double.NaN, 0.9))),
        ("batches of predictions", () => Learner.GetPreds(batches: 0)),
        ("split point of another model", () => Learner.Split(new Relu())),
        ("dropout passes", () => Learner.PredictWithMonteCarloDropout(Tensor.Ones([1, Toy.Features]), times: 0)),
        ("no dropout", () => Learner.PredictWithMonteCarloDropout(Tensor.Ones([1, Toy.Features]))),
        ("saved model", () => Learner.Load("nowhere")),
        ("graph", () => OnnxModel.Load("nowhere.onnx")),
        ("bytes of no graph", () => OnnxModel.Parse([1, 2, 3], "x.onnx")),
    ];

    sealed class Holder : Module
    {
        public Holder(string name, Tensor value)
        {
            RegisterParameter("weight", Tensor.Ones([2]));
            RegisterParameter(name, value);
        }

        public override Tensor Forward(Tensor x) => x;
    }

    static IEnumerable<TestCaseData> Mistakes => mistakes.Select((m, i) => new TestCaseData(i).SetArgDisplayNames(m.What));

    [TestCaseSource(nameof(Mistakes))]
    public void AMistakeIsOneErrorWithACure(int index)
    {
        var error = Assert.Catch(() => mistakes[index].Misuse())!;
        Assert.That(error, Is.InstanceOf<TesseraException>());
        Assert.That(error.Message, Does.Match(ErrorForm.Of(error)));
    }
}
