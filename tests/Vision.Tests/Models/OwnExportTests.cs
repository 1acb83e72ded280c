using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Models;

/// <summary>What this library wrote is where training goes on from: its ONNX files, and its model files.</summary>
public sealed class OwnExportTests
{
    static readonly Lazy<ImageDataBunch> data = new(() => Data(null));

    static ImageDataBunch Data(IReadOnlyList<string>? classes) => ImageDataBunch.FromNameRegex(
        TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16, options: new() { Classes = classes, Check = false }).Normalize(ImageNet.Stats);

    static ImageLearner Learner(Architecture architecture, ImageDataBunch? photos = null)
    {
        var learn = ImageLearner.Create(photos ?? data.Value, architecture, new ImageLearnerOptions { Hidden = [6] });
        learn.Display = null;
        return learn;
    }

    static ImageLearner Trained()
    {
        var learn = Learner(Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")));
        learn.Fit(1, callbacks: [new StopAfterNBatches(2)]);
        return learn;
    }

    static long[] Sizes(Learner learn) => [.. learn.LayerGroups.Select(g => g.Parameters.Sum(p => p.Count))];

    static double[] TrainOn(ImageLearner learn)
    {
        Generator.Seed(5);
        learn.EpochsTrained = 1;
        learn.Unfreeze();
        learn.Fit(1, new LearningRate(1e-3, 1e-2), callbacks: [new StopAfterNBatches(4)]);
        return [.. learn.Recorder.BatchLosses];
    }

    [Test]
    public void AnExportedResNetGoesOnInItsLayerGroups()
    {
        using var folder = new TemporaryFolder();
        var learn = Trained();
        string plain = folder.File("plain.onnx"), folded = folder.File("folded.onnx");
        learn.ToClassifier().ExportOnnx(plain);
        learn.ToClassifier().ExportOnnx(folded, probabilities: true, foldBatchNorms: true);
        var named = Learner(Architecture.ResNet18(plain));
        Assert.That(Learner(Architecture.FromOnnx(folded)).LayerGroups, Has.Count.EqualTo(3));

        var again = Learner(Architecture.FromOnnx(plain));
        Assert.That(again.Report, Does.Contain("ResNet-18").And.Contain("(a head of another kind follows)"));
        Assert.That(again.LayerGroups.Select(g => g.Name), Is.EqualTo(learn.LayerGroups.Select(g => g.Name)));
        Assert.That(Sizes(again), Is.EqualTo(Sizes(learn)));
        Assert.That(Sizes(named), Is.EqualTo(Sizes(learn)));
        Assert.That(again.LayerGroups.Select(g => g.Parameters.Count(p => p.RequiresGrad)), Is.EqualTo(learn.LayerGroups.Select(g => g.Parameters.Count(p => p.RequiresGrad))), "frozen alike");
        ((Sequential)again.Model)[1].LoadStateDict(((Sequential)learn.Model)[1].StateDict());
        Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)));
        Assert.That(ResNet.TryMatch(OnnxModel.Load(plain), out _, out string report), Is.False, "as a whole it is none");
        Assert.That(report, Does.Contain("expected a global average pool"));
    }

    [Test]
    public void PreprocessingIsNoPartOfABody()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("photo.onnx");
        Trained().ToClassifier().ExportOnnx(file, preprocessing: true);
        foreach (var architecture in new[] { Architecture.FromOnnx(file), Architecture.ResNet18(file) })
            Assert.That(() => architecture.Create(), Throws.TypeOf<DataException>().With.Message.StartsWith("photo.onnx: its input is a photo as it lies in memory: got photo uint8 [")
                .And.Message.Contains("expected normalised floats [N, 3, H, W]. Hint: export it again without preprocessing"));
    }

    [Test]
    public void AModelFileIsAStart()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("m.safetensors");
        var learn = Trained();
        learn.Export(file);
        foreach (var architecture in new[] { Architecture.FromOnnx(file), Architecture.ResNet18(file) })
        {
            var same = Learner(architecture);
            Assert.That(same.Report, Does.StartWith("m.safetensors: resnet18, trained for Abyssinian, ").And.EndWith("; the head goes on, since the classes are the same"));
            Assert.That(same.FrozenTo, Is.EqualTo(2));
            Assert.That(Elements(same), Is.EqualTo(Elements(learn)));
            Assert.That(same.ToClassifier().Network.Name, Is.EqualTo("resnet18"));
            if (architecture.Name == "resnet18") Assert.That(TrainOn(same), Is.EqualTo(TrainOn(learn)));
        }
        learn.Export(file);

        var two = Learner(Architecture.FromOnnx(file), Data(["Bengal", "havanese"]));
        Assert.That(two.Report, Does.EndWith("; the head is new, since the classes are others"));
        Assert.That(two.Model.StateDict()["0.0.weight"].ToArray<float>(), Is.EqualTo(learn.Model.StateDict()["0.0.weight"].ToArray<float>()));
        var wide = ImageLearner.Create(data.Value, Architecture.FromOnnx(file), new ImageLearnerOptions { Hidden = [7] });
        Assert.That(wide.Report, Does.EndWith("; the head is new, since it has another form"));
        Assert.That(() => Architecture.ResNet34(file).Create(), Throws.TypeOf<DataException>().With.Message.Contains("weights of another network: got resnet18, expected resnet34. Hint: leave the architecture out"));
        Assert.That(() => Architecture.MobileNetV2(file).Create(), Throws.TypeOf<DataException>().With.Message.Contains("got resnet18, expected mobilenet_v2"));

        static float[] Elements(Learner learner) => [.. learner.Model.StateDict().Where(t => t.Value.DType == DType.Float32).SelectMany(t => t.Value.ToArray<float>())];
    }

    [Test]
    public void OtherFilesOfThisLibraryAreNone()
    {
        using var folder = new TemporaryFolder();
        string file = Trained().Save(folder.File("state.safetensors"));
        Assert.That(() => Architecture.ResNet18(file).Create(), Throws.TypeOf<DataException>().With.Message.Contains("no weights of a network: got format 'tessera.learner/1'").And.Message.Contains("Hint: learn.Load"));
        Safetensors.Write(file, new SqueezeNet(light: true).StateDict());
        Assert.That(() => Architecture.ResNet18(file).Create(), Throws.TypeOf<DataException>()
            .With.Message.Matches(@"expected resnet18\. .*Missing: conv1\.weight, bn1\.weight, bn1\.bias, .* and \d+ more\. Unexpected: .* and \d+ more\. Hint: name the network").And.Message.Not.Contains("strict").And.Message.Length.LessThan(800));
    }
}
