using System.Text.Json.Nodes;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Tests.Hostile;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>A learner from a file goes on with the optimizer, the callbacks and the precision that it was trained with.</summary>
public sealed class ExportedSettingsTests
{
    static readonly Lazy<ImageDataBunch> data = new(() => ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats));

    static ImageLearner Make(params IEnumerable<Metric> metrics)
    {
        var learn = ImageLearner.Create(data.Value, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] }, metrics);
        learn.Display = null;
        return learn;
    }

    static ImageLearner Again(ImageLearner learn)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        learn.Export(path);
        var again = ImageLearner.LoadLearner(path);
        again.Display = null;
        return again.WithData(data.Value);
    }

    static double[] TrainOn(ImageLearner learner)
    {
        Generator.Seed(5);
        learner.Unfreeze();
        learner.Fit(1, 1e-2, callbacks: [new StopAfterNBatches(4)]);
        return [.. learner.Recorder.BatchLosses];
    }

    static IEnumerable<TestCaseData> Optimizers()
    {
        yield return Case("Sgd (momentum 0.9, Nesterov)", g => new Sgd(g, nesterov: true));
        yield return Case("Sgd (momentum 0.9)", g => new Sgd(g, decoupledDecay: true));
        yield return Case("RmsProp (alpha 0.9, momentum 0.9, eps 0.001, centered)", g => new RmsProp(g, 0.9, 1e-3, centered: true));
        yield return Case("AdamW (betas 0.9 and 0.95, eps 1E-06)", g => new AdamW(g, 0.95, 1e-6));
        yield return Case("Adam (betas 0.9 and 0.95, eps 0.0001)", g => new Adam(g, 0.95, 1e-4));

        static TestCaseData Case(string name, Func<IReadOnlyList<ParameterGroup>, Optimizer> make) => new TestCaseData(name, make).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Optimizers))]
    public void TheOptimizerIsTheSame(string name, Func<IReadOnlyList<ParameterGroup>, Optimizer> make)
    {
        var learn = Make();
        learn.OptimizerFactory = make;
        var again = Again(learn);
        Assert.That(again.Summary(), Does.Contain($"Optimized with {name}, true weight decay"));
        Assert.That(again.Report, Does.Not.Contain("not taken over"));
        double[] expected = TrainOn(learn);
        Assert.That(TrainOn(again), Is.EqualTo(expected));
        Assert.That(again.Optimizer!.DecoupledDecay, Is.EqualTo(learn.Optimizer!.DecoupledDecay));
    }

    /// <summary>The usual one asks <see cref="Learner.TrueWd"/> when it is made, here and there.</summary>
    [Test]
    public void TheUsualOptimizerFollowsTrueWd()
    {
        var again = Again(Make());
        again.TrueWd = false;
        again.Fit(1, callbacks: [new StopAfterNBatches(1)]);
        Assert.That((again.Optimizer!.ToString(), again.Optimizer.DecoupledDecay), Is.EqualTo(("Adam (betas 0.9 and 0.99, eps 1E-08)", false)));
    }

    [Test]
    public void WhatACycleLeftInTheGroupsIsThere()
    {
        var learn = Make();
        learn.FitOneCycle(1, 1e-3, momenta: (0.93, 0.85), wd: 0.05);
        var again = Again(learn);
        static (double, double, double)[] Values(Learner l) => [.. l.Optimizer!.Groups.Select(g => (g.Lr, g.Momentum, g.WeightDecay))];
        Assert.That(Values(again), Is.EqualTo(Values(learn)));
        Assert.That(again.Optimizer!.Groups[^1].Momentum, Is.EqualTo(0.93));
        again.Unfreeze();
        Assert.That(again.Optimizer, Is.Null, "as ever");
        Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)));
    }

    [Test]
    public void CallbacksOfEveryCallComeBackWithTheirNumbers()
    {
        Callback[] all =
        [
            new Mixup(0.3), new CutMix(0.8), new Ema(0.9), new GradientClip(0.5), new GradientAccumulation(3), new StopAfterNBatches(7), new NanStop(),
            new EarlyStop("error_rate", MonitorMode.Min, 0.01, 4), new ReduceLrOnPlateau("train_loss", MonitorMode.Auto, 2, 0.3, 0.02, 1e-5),
        ];
        var learn = Make(Metrics.ErrorRate);
        foreach (var callback in all) learn.Callbacks.Add(callback);
        var again = Again(learn);
        Assert.That(again.Callbacks.Select(c => c.GetType()), Is.EqualTo(all.Select(c => c.GetType())));
        Assert.That(
            again.Callbacks.Select(c => (c.Settings!.Kind, string.Join(' ', c.Settings.Numbers), c.Settings.Monitor, c.Settings.Mode)),
            Is.EqualTo(all.Select(c => (c.Settings!.Kind, string.Join(' ', c.Settings.Numbers), c.Settings.Monitor, c.Settings.Mode))));
        Assert.That(again.Report, Does.Not.Contain("not taken over"));
    }

    sealed class Mine : Callback;

    sealed class Flat() : Metric("flat")
    {
        public override double Value => 0;

        public override void Reset() { }

        public override void Update(Tensor output, Tensor target) { }
    }

    /// <summary>Paths do not go into the file, and nothing is watched that is not measured.</summary>
    [Test]
    public void WhatAFileCannotHoldIsNamed()
    {
        var learn = Make(new Flat());
        Callback[] all = [new Mine(), new CsvLogger("secret/place.txt"), new EarlyStop("flat"), new GradientClip(double.PositiveInfinity), new NanStop()];
        foreach (var callback in all) learn.Callbacks.Add(callback);
        learn.OptimizerFactory = groups => new Slow(groups);
        var again = Again(learn);
        Assert.That(again.Callbacks.Select(c => c.GetType()), Is.EqualTo(new[] { typeof(NanStop) }));
        Assert.That(again.Report, Does.EndWith(
            "not taken over: the metric flat, the optimizer Tessera.Tests.Learning.ExportedSettingsTests+Slow (it is Adam now: "
                + "set OptimizerFactory), the callback EarlyStop, the callback Mine, the callback CsvLogger, the callback GradientClip"));
        Assert.That(again.Summary(), Does.Contain("Optimized with Adam (betas 0.9 and 0.99"));
    }

    /// <summary>The names of their files come back, not the paths: all are in the learner's folder.</summary>
    [Test]
    public void CallbacksThatWriteFilesComeBackWithTheirNames()
    {
        using var folder = new TemporaryFolder();
        Callback[] all =
        [
            new Checkpoint(folder.File("secret/best.safetensors"), "train_loss", everyEpoch: true, withOptimizer: false),
            new CsvLogger("secret/table.csv", append: true), new TensorBoard("secret/board/"),
        ];
        var learn = Make();
        foreach (var callback in all) learn.Callbacks.Add(callback);
        learn.Export(folder.File("m.safetensors"));
        Assert.That(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(folder.File("m.safetensors"))), Does.Not.Contain("secret"));

        var again = ImageLearner.LoadLearner(folder.File("m.safetensors")).WithData(data.Value);
        Assert.That(again.Callbacks.Select(c => c.GetType()), Is.EqualTo(all.Select(c => c.GetType())));
        Assert.That(again.Report, Does.EndWith("; training writes into ModelFolder: Checkpoint best, CsvLogger table.csv, TensorBoard board"));
        (again.Display, again.ModelFolder) = (null, folder.File("models"));
        for (int i = 0; i < 2; i++) again.Fit(1, callbacks: [new StopAfterNBatches(1)]);
        Assert.That(
            Directory.GetFileSystemEntries(folder.File("models")).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            Is.EqualTo(new[] { "best.safetensors", "board", "table.csv" }));
        Assert.That(File.ReadLines(folder.File("models/table.csv")).Count(), Is.EqualTo(3), "a heading, and a row a call: it appends");
        Assert.That(Safetensors.ReadHeader(folder.File("models/best.safetensors")).Metadata, Does.Not.ContainKey("optimizer"));
        Assert.That(Again(again).Report, Is.EqualTo(again.Report), "a file of a file");
    }

    [Test]
    public void WeightDecayOfEachGroupComesBack()
    {
        var learn = Make();
        learn.Wd = WeightDecay.PerGroup(0.1, 0.03, 0.01);
        var again = Again(learn);
        Assert.That(again.Wd, Is.EqualTo(learn.Wd));
        Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)));
        Assert.That(again.Optimizer!.Groups.Select(g => g.WeightDecay), Is.EqualTo(new[] { 0.1, 0.1, 0.03, 0.03, 0.01, 0.01 }));
    }

    sealed class Slow(IEnumerable<ParameterGroup> groups) : Optimizer(groups, decoupledDecay: false)
    {
        protected override IReadOnlyList<string> StateNames => [];

        protected override void Update(IReadOnlyList<ParameterStep> steps) { }
    }

    [Test]
    public void PrecisionAndTheScaleOfTheLossGoOn()
    {
        var learn = Make();
        learn.ToFp16(lossScale: 1024, maxNoskip: 5, clip: 2, maxScale: double.PositiveInfinity);
        learn.LossScaler!.State = (4096, 3, 2);
        var again = Again(learn);
        Assert.That((again.Precision, again.LossScaler!.State, again.LossScaler.IsDynamic), Is.EqualTo((DType.Float16, (4096.0, 3, 2), true)));
        Assert.That(again.LossScaler.Describe(), Is.EqualTo(learn.LossScaler.Describe()));
        learn.ToBf16();
        Assert.That((Again(learn).Precision, Again(learn).LossScaler), Is.EqualTo((DType.BFloat16, (LossScaler?)null)));
    }

    /// <summary>Files of before say only the name of the optimizer.</summary>
    [Test]
    public void OlderFilesAreRead()
    {
        using var folder = new TemporaryFolder();
        var learn = Make();
        learn.OptimizerFactory = groups => new Sgd(groups);
        learn.Export(folder.File("m.safetensors"));
        var loaded = Changed(folder, d => d.Remove("OptimizerSettings"), d => d.Remove("Callbacks"), d => d.Remove("OtherCallbacks"), d => d.Remove("Precision"), d => d.Remove("ClassWeights"));
        Assert.That(loaded.Report, Does.EndWith("not taken over: the optimizer Sgd (it is Adam now: set OptimizerFactory)"));
        Assert.That((loaded.Callbacks.Count, loaded.Precision), Is.EqualTo((0, DType.Float32)));
    }

    static ImageLearner Changed(TemporaryFolder folder, params Action<JsonObject>[] changes)
    {
        byte[] file = SmallModels.Described(File.ReadAllBytes(folder.File("m.safetensors")), text =>
        {
            var description = JsonNode.Parse(text)!.AsObject();
            foreach (var change in changes) change(description["Learning"]!.AsObject());
            return description.ToJsonString();
        });
        File.WriteAllBytes(folder.File("changed.safetensors"), file);
        return ImageLearner.LoadLearner(folder.File("changed.safetensors"));
    }

    [TestCase("OptimizerSettings", """{"Kind":"Adam","DecoupledDecay":true,"Groups":[],"Beta2":1.5,"Eps":1e-8}""")]
    [TestCase("OptimizerSettings", """{"Kind":"Sgd","DecoupledDecay":true,"Groups":[null]}""")]
    [TestCase("OptimizerSettings", """{"Kind":null,"DecoupledDecay":true,"Groups":[]}""")]
    [TestCase("OptimizerSettings", """{"Kind":"Adam","DecoupledDecay":true,"Groups":[{"Lr":1e999,"Momentum":0.9,"Wd":0}],"Beta2":0.9,"Eps":1e-8}""")]
    [TestCase("Callbacks", """[{"Kind":"Mixup","Numbers":[-1],"Mode":0}]""")]
    [TestCase("Callbacks", """[{"Kind":"Mixup","Numbers":[],"Mode":0}]""")]
    [TestCase("Callbacks", """[{"Kind":"CsvLogger","Numbers":[],"Mode":0}]""")]
    [TestCase("Callbacks", """[{"Kind":"GradientAccumulation","Numbers":[0],"Mode":0}]""")]
    [TestCase("Callbacks", """[null]""")]
    [TestCase("OtherCallbacks", """[null]""")]
    [TestCase("FileCallbacks", """[null]""")]
    [TestCase("FileCallbacks", """[{"Kind":"Mixup","Numbers":[0.4],"Mode":0}]""")]
    [TestCase("FileCallbacks", """[{"Kind":"CsvLogger","Numbers":[0],"Mode":0,"Name":"../labels.csv"}]""")]
    [TestCase("FileCallbacks", """[{"Kind":"CsvLogger","Numbers":[0],"Mode":0,"Name":"best.safetensors"}]""")]
    [TestCase("FileCallbacks", """[{"Kind":"CsvLogger","Numbers":[0],"Mode":0,"Name":"a\u0000.csv"}]""")]
    [TestCase("FileCallbacks", """[{"Kind":"TensorBoard","Numbers":[],"Mode":0,"Name":".."}]""")]
    [TestCase("FileCallbacks", """[{"Kind":"Checkpoint","Numbers":[0,1],"Monitor":"train_loss","Mode":0,"Name":"C:best"}]""")]
    [TestCase("FileCallbacks", """[{"Kind":"Checkpoint","Numbers":[0,1],"Monitor":"train_loss","Mode":0,"Name":"best.safetensors"}]""")]
    [TestCase("Wd", "-1")]
    [TestCase("WdOfGroups", "[0.1]")]
    [TestCase("WdOfGroups", "[0.1,0.1,-0.1]")]
    [TestCase("SplitAt", """["1"]""")]
    [TestCase("SplitAt", """["1","0.4"]""")]
    [TestCase("SplitAt", """["0.4","0.44"]""")]
    [TestCase("SplitAt", """[null,"1"]""")]
    [TestCase("Precision", """{"Type":0}""")]
    [TestCase("Precision", """{"Type":1,"Scale":1024,"IsDynamic":true,"MaxNoskip":0,"MaxScale":1024}""")]
    [TestCase("ClassWeights", """[1,2]""")]
    public void ImpossibleSettingsAreRefused(string setting, string value)
    {
        using var folder = new TemporaryFolder();
        Make().Export(folder.File("m.safetensors"));
        Assert.That(() => Changed(folder, d => d[setting] = JsonNode.Parse(value)), Throws.TypeOf<DataException>().With.Message.StartsWith(folder.File("changed.safetensors")));
    }
}
