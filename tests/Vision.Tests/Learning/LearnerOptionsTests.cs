using Google.Protobuf;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>The head and the loss that a learner is asked for are those that it has, and those that come back from its file.</summary>
public sealed class LearnerOptionsTests
{
    static readonly Lazy<ImageDataBunch> data = new(() => ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats));

    static ImageLearner Make(ImageLearnerOptions options)
    {
        var learn = ImageLearner.Create(data.Value, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), options, Metrics.ErrorRate);
        learn.Display = null;
        return learn;
    }

    static ImageLearner Again(ImageLearner learn, out string format)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        learn.Export(path);
        format = Safetensors.ReadHeader(path).Metadata["format"];
        var again = ImageLearner.LoadLearner(path);
        again.Display = null;
        return again;
    }

    static Module[] Head(Learner learn) => [.. ((Sequential)learn.Model)[1].NamedModules().Select(m => m.Module)];

    static float[] Answer(ImageLearner learn) => [.. learn.Predict(Image.Load(data.Value.ValidSet!.Items[0].Path)).Probabilities];

    [Test]
    public void EachDropoutHasItsProbability()
    {
        var learn = Make(new() { Hidden = [8, 4], Dropouts = [0.1, 0.2, 0.3] });
        var again = Again(learn, out string format);
        foreach (var learner in new[] { learn, again }) Assert.That(Head(learner).OfType<Dropout>().Select(d => d.P), Is.EqualTo(new[] { 0.1, 0.2, 0.3 }));
        Assert.That(Head(Make(new() { Hidden = [8, 4], Dropout = 0.6 })).OfType<Dropout>().Select(d => d.P), Is.EqualTo(new[] { 0.3, 0.3, 0.6 }));
        Assert.That(format, Is.EqualTo("tessera.image-classifier/5"));
        Assert.That(Answer(again), Is.EqualTo(Answer(learn)));
    }

    [Test]
    public void AnAveragePoolAloneHalvesTheFeatures()
    {
        var learn = Make(new() { ConcatPool = false, BnFinal = true });
        var again = Again(learn, out _);
        foreach (var learner in new[] { learn, again })
        {
            Assert.That(
                Head(learner).Skip(1).Select(m => m.GetType().Name),
                Is.EqualTo(
                    new[] { "AdaptiveAvgPool2d", "Flatten", "BatchNorm1d", "Dropout", "Linear", "Relu", "BatchNorm1d", "Dropout", "Linear",
                        "BatchNorm1d" }));
            Assert.That(Head(learner).OfType<Linear>().First().Weight.Shape, Is.EqualTo(new Shape(512, 64)));
        }
        Assert.That(Answer(again), Is.EqualTo(Answer(learn)));
    }

    /// <summary>What older versions could write is written as they did, so that they can read it.</summary>
    [Test]
    public void AUsualHeadNeedsNoNewVersion()
    {
        Again(Make(new() { Hidden = [8] }), out string format);
        Assert.That(format, Is.EqualTo("tessera.image-classifier/3"));
    }

    [Test]
    public void WeightsStartAsAskedFor()
    {
        static float Deviation(ImageLearner learn) => Head(learn).OfType<Linear>().First().Weight.Std().Item();
        Assert.That(Deviation(Make(new())), Is.EqualTo(Math.Sqrt(2.0 / 128)).Within(0.01));
        var own = Make(new() { Init = w => Init.Normal(w, std: 0.5) });
        Assert.That(Deviation(own), Is.EqualTo(0.5).Within(0.02));
        Assert.That(Head(own).OfType<Linear>().SelectMany(l => l.Bias!.ToArray<float>()), Is.All.Zero);
        Assert.That(Head(own).OfType<BatchNorm1d>().SelectMany(b => b.Weight.ToArray<float>()), Is.All.EqualTo(1));
        Assert.That(Deviation(Make(new() { Init = null })), Is.EqualTo(1 / Math.Sqrt(3.0 * 128)).Within(0.01), "as Linear makes them");
    }

    static Sequential Own(int features, int classes)
    {
        var last = new Linear(6, classes);
        Init.Constant(last.Bias!, 0.25);
        return new Sequential(new Conv2d(features, 6, 1), new BatchNorm2d(6), new HardSwish(), new AdaptiveAvgPool2d(1), new Flatten(), new Dropout(0.4), last);
    }

    [Test]
    public void AHeadOfYourOwnIsTrainedKeptAndTrainedOn()
    {
        var learn = Make(new() { Head = Own });
        Assert.That(Head(learn).OfType<Linear>().Single().Bias!.ToArray<float>(), Is.All.Zero);
        Assert.That(Head(Make(new() { Head = Own, Init = null })).OfType<Linear>().Single().Bias!.ToArray<float>(), Is.All.EqualTo(0.25f));
        learn.Fit(1, 1e-2, callbacks: [new StopAfterNBatches(3)]);
        var again = Again(learn, out string format);
        Assert.That(format, Is.EqualTo("tessera.image-classifier/5"));
        Assert.That(again.LayerGroups.Select(g => g.Parameters.Count(p => p.RequiresGrad)), Is.EqualTo(learn.LayerGroups.Select(g => g.Parameters.Count(p => p.RequiresGrad))));
        Assert.That(Answer(again), Is.EqualTo(Answer(learn)).Within(1e-6f));
        Assert.That(GradCam.Of(again.WithData(data.Value), 0).Map.Length, Is.EqualTo(1));
        Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)).Within(1e-6), "dropout and batch norm included");
        Assert.That(Answer(Again(again, out _)), Is.EqualTo(Answer(again)).Within(1e-6f), "a file of a file");

        static double[] TrainOn(ImageLearner learner)
        {
            Generator.Seed(5);
            learner.Unfreeze(); // without moments, which a file does not have
            learner.Fit(1, 1e-2, callbacks: [new StopAfterNBatches(3)]);
            return [.. learner.Recorder.BatchLosses];
        }
    }

    /// <summary>Each file is whole and checksummed.</summary>
    [Test]
    public void AHeadThatIsDamagedOrOfAnotherBodyIsRefused()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors"), changed = folder.File("changed.safetensors");
        Make(new() { Head = Own }).Export(path);
        var file = Safetensors.Read(path);
        var metadata = file.Metadata.Where(m => m.Key != "sha256_file").ToDictionary(StringComparer.Ordinal);
        void Refused(string message, byte[]? head, Func<string, string>? describe = null)
        {
            var tensors = new Dictionary<string, Tensor>(file.Tensors, StringComparer.Ordinal);
            tensors.Remove("head");
            if (head is not null) tensors["head"] = Tensor.From(head, [head.Length]);
            Safetensors.Write(changed, tensors, new Dictionary<string, string>(metadata) { ["model"] = describe?.Invoke(metadata["model"]) ?? metadata["model"] });
            Assert.That(() => ImageClassifier.Load(changed), Throws.TypeOf<DataException>().With.Message.StartsWith(changed).And.Message.Contains(message), message);
        }

        byte[] sound = file.Tensors["head"].ToArray<byte>();
        Refused("got no head beside it", null);
        Refused("got a head beside it", sound, text => text.Replace("\"OwnHead\":true", "\"OwnHead\":false", StringComparison.Ordinal));
        Refused("head", sound[..(sound.Length / 2)]);
        Refused("head", []);
        Refused("the head is of another body: got one for 32 features, expected 64", Own(32, 7).ToOnnxBytes([32, 1, 1]));
        Refused("a score a class: got [1, 5]", Own(64, 5).ToOnnxBytes([64, 1, 1]));
        Refused("no head: got a graph of the input", new Linear(64, 7).ToOnnxBytes([64]));
        Refused("does not fit", new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(64, 7)).ToOnnxBytes([64, 1, 1]));
        var large = ModelProto.Parser.ParseFrom(sound);
        foreach (int side in new[] { 2, 3 }) large.Graph.Input[0].Type.TensorType.Shape.Dim[side].DimValue = 1 << 14;
        Refused("too much memory", large.ToByteArray());
    }

    sealed class Keeps : Module
    {
        readonly Tensor scale;

        public Keeps() => scale = RegisterBuffer("scale", Tensor.Ones([1]));

        public override Tensor Forward(Tensor x) => x * scale;
    }

    [Test]
    public void AHeadThatAGraphCannotKeepIsSaidBeforeAFileIsWritten()
    {
        using var folder = new TemporaryFolder();
        var learn = Make(new() { Head = (features, classes) => new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Keeps(), new Linear(features, classes)) });
        Assert.That(() => learn.Export(folder.File("m.safetensors")), Throws.InstanceOf<TesseraException>().With.Message.Matches(
            "^Save: the head cannot be written: got the tensors .*2.scale.*, expected .* Hint: "));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    /// <summary>Focal loss (Lin et al., 2017), γ = 2.</summary>
    sealed class Focal : Loss
    {
        public override Tensor Forward(Tensor output, Tensor target) => PerItem(output, target).Mean();

        public override Tensor PerItem(Tensor output, Tensor target)
        {
            var loss = output.CrossEntropy(target, reduction: Reduction.None);
            return (1f - (-loss).Exp()).Square() * loss;
        }

        public override Tensor Activation(Tensor output) => output.Softmax(1);
    }

    [Test]
    public void AnyLossIsTrainedWithAndCrossEntropiesComeBack()
    {
        float[] weights = [1, 2, 3, 4, 5, 6, 7];
        var weighted = Again(Make(new() { Hidden = [4], Loss = new CrossEntropyLoss(Tensor.From(weights, [7]), 0.1) }), out _).Loss as CrossEntropyLoss;
        Assert.That((weighted!.LabelSmoothing, weighted.Weight!.ToArray<float>()), Is.EqualTo((0.1, weights)));
        Assert.That(Again(Make(new() { Hidden = [4], Loss = new LabelSmoothingCrossEntropy(0.3) }), out _).Loss, Is.TypeOf<LabelSmoothingCrossEntropy>().With.Property("Eps").EqualTo(0.3));

        var focal = Make(new() { Hidden = [4], Loss = new Focal() });
        focal.Fit(1, callbacks: [new StopAfterNBatches(2)]);
        var preds = focal.GetPreds(withLoss: true);
        Assert.That(preds.Probabilities.Sum(1).ToArray<float>(), Is.All.EqualTo(1).Within(1e-5));
        float[] p = [.. preds.Targets.ToArray<long>().Select((t, i) => preds.Probabilities.ToArray<float>()[(7 * i) + (int)t])];
        Assert.That(preds.Losses!.ToArray<float>(), Is.EqualTo(p.Select(x => -(1 - x) * (1 - x) * MathF.Log(x))).Within(1e-4));
        var again = Again(focal, out _);
        Assert.That(again.Loss, Is.TypeOf<CrossEntropyLoss>());
        Assert.That(again.Report, Does.EndWith("not taken over: the loss Focal (it is CrossEntropyLoss now: set Loss)"));
        again.Loss = new Focal();
        Assert.That(again.WithData(data.Value).Validate().Loss, Is.EqualTo(focal.Validate().Loss).Within(1e-6));
    }

    [Test]
    public void WhatDoesNotFitIsAnErrorThatSaysWhat()
    {
        (string What, ImageLearnerOptions Options)[] mistakes =
        [
            ("dropouts: got 1 probabilities, expected 2", new() { Dropouts = [0.5] }),
            ("probability: got 1.5", new() { Dropouts = [0.5, 1.5] }),
            ("two losses: got Loss = LabelSmoothingCrossEntropy and LabelSmoothing = 0.1", new() { Loss = new LabelSmoothingCrossEntropy(), LabelSmoothing = 0.1 }),
            ("class weights of the loss: got shape [3], expected [7]", new() { Loss = new CrossEntropyLoss(Tensor.Ones([3])) }),
            ("head: got null", new() { Head = (_, _) => null! }),
            ("a score a class: got [1, 6] for one photo, expected [1, 7]", new() { Head = (f, c) => Own(f, c - 1) }),
            ("a score a class: got [1, 64, 1, 1]", new() { Head = (f, c) => new AdaptiveAvgPool2d(1) }),
            ("the head does not take the feature maps of the body: got maps [1, 64, 1, 1]", new() { Head = (f, c) => Own(f + 1, c) }),
        ];
        foreach (var (what, options) in mistakes)
        {
            var error = Assert.Catch<TesseraException>(() => Make(options), what)!;
            Assert.That(error.Message, Does.Contain(what).And.Match(ErrorForm.Of(error)));
        }
    }
}
