using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

public sealed class ImageLearnerTests
{
    static readonly string pets = TestData.Asset("pets/images");
    static readonly string trunk = TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");

    /// <summary>A slim network with random weights: quick, and of the same structure.</summary>
    static ImageLearner Slim(int? workers = null, ulong seed = 42, int size = 32, bool liveBatchNorms = true)
    {
        var data = ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", Transforms.Default(), size, 16, new() { Seed = seed, Workers = workers }).Normalize(ImageNet.Stats);
        return Quiet(ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { LiveBatchNorms = liveBatchNorms }, Metrics.ErrorRate));
    }

    static ImageLearner Quiet(ImageLearner learn)
    {
        learn.Display = null;
        return learn;
    }

    [Test]
    public void StartsFrozenWithLiveBatchNorms()
    {
        var learn = Slim();
        Assert.That(learn.LayerGroups.Select(g => g.Name), Is.EqualTo(new[] { "body 0", "body 1", "head" }));
        Assert.That(learn.FrozenTo, Is.EqualTo(2));
        foreach (var group in learn.LayerGroups.Take(2))
        {
            var live = group.BatchNormParameters.ToHashSet();
            Assert.That(group.Parameters.All(p => p.RequiresGrad == live.Contains(p)));
        }
        Assert.That(learn.LayerGroups[2].Parameters.All(p => p.RequiresGrad));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void BatchNormsOfTheBodyFollowThePhotosWhereTheyAreLive(bool live)
    {
        var learn = Slim(liveBatchNorms: live);
        Dictionary<string, float[]> State(string ending) => learn.Model.StateDict().Where(t => t.Key.EndsWith(ending, StringComparison.Ordinal)).ToDictionary(t => t.Key, t => t.Value.ToArray<float>());
        string[] Moved(Dictionary<string, float[]> before, string ending) => [.. State(ending).Where(t => !t.Value.SequenceEqual(before[t.Key])).Select(t => t.Key)];
        var (mean, scale) = (State("running_mean"), State("0.1.weight"));
        learn.FitOneCycle(1);
        Assert.That(Moved(mean, "running_mean").Count(name => name.StartsWith("0.", StringComparison.Ordinal)), Is.EqualTo(live ? 20 : 0));
        Assert.That(Moved(mean, "running_mean").Count(name => name.StartsWith("1.", StringComparison.Ordinal)), Is.EqualTo(2), "those of the head always do");
        Assert.That(Moved(scale, "0.1.weight"), Has.Length.EqualTo(live ? 1 : 0));
        learn.Unfreeze().FitOneCycle(1, new LearningRate(1e-3, 1e-2));
        Assert.That(Moved(mean, "running_mean").Count(name => name.StartsWith("0.", StringComparison.Ordinal)), Is.EqualTo(live ? 20 : 0));
        Assert.That(Moved(scale, "0.1.weight"), Has.Length.EqualTo(1), "scale and shift learn when unfrozen");
    }

    [Test]
    public void HeadIsTheLessons()
    {
        var head = Head.Create(512, 37);
        Assert.That(head.Parameters().Sum(p => p.Count), Is.EqualTo(546_853));
        Assert.That(head.NamedChildren().Select(m => m.Module.GetType().Name), Is.EqualTo(new[]
        {
            "AdaptiveConcatPool2d", "Flatten", "BatchNorm1d", "Dropout", "Linear", "Relu", "BatchNorm1d", "Dropout", "Linear",
        }));
        var weights = head.Parameters().Where(p => p.Rank == 2).Select(w => w.ToArray<float>()).ToArray();
        Assert.That(weights.Select(w => Math.Sqrt(w.Average(v => v * v))), Is.EqualTo(new[] { 0.044194, 0.0625 }).Within(0.002));
    }

    [Test]
    public void SameSeedSameLossesForAnyNumberOfThreads()
    {
        int threads = CpuThreads.Count;
        try
        {
            double[] Losses(int workers, int compute)
            {
                CpuThreads.Count = compute;
                var learn = Slim(workers);
                learn.FitOneCycle(1);
                return [.. learn.Recorder.Losses];
            }
            double[] expected = Losses(1, 1);
            Assert.That(expected, Has.Length.GreaterThan(10));
            Assert.That(Losses(2, 2), Is.EqualTo(expected));
            Assert.That(Losses(5, 3), Is.EqualTo(expected));
            Assert.That(Losses(0, 2), Is.EqualTo(expected));
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    [Test]
    public void ExportedClassifierPredictsLikeTheLearner()
    {
        using var folder = new TemporaryFolder();
        var learn = Slim();
        learn.FitOneCycle(1);
        string path = folder.File("model.safetensors");
        learn.Export(path);
        var classifier = ImageClassifier.Load(path);
        Assert.That(classifier.Classes, Is.EqualTo(learn.Images.Classes));
        float[] expected = learn.GetPreds().Probabilities.ToArray<float>();
        foreach (var (i, item) in learn.Images.ValidSet!.Items.Index().Take(5))
        {
            var p = classifier.Predict(item.Path);
            Assert.That(p.Probabilities, Is.EqualTo(expected[(7 * i)..(7 * (i + 1))]).Within(1e-5f));
            Assert.That(p.Label, Is.EqualTo(classifier.Classes[p.Index]));
        }
    }

    [Test]
    public void AnyConvolutionalGraphCanBeTheBody()
    {
        using var folder = new TemporaryFolder();
        var data = ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats);
        var learn = Quiet(ImageLearner.Create(data, Architecture.FromOnnx(TestData.Data("onnx/cifar/resnet20_bn_op13.onnx")), Metrics.ErrorRate));
        learn.FitOneCycle(1);
        learn.Export(folder.File("graph.safetensors"));
        var loaded = ImageClassifier.Load(folder.File("graph.safetensors"));
        string photo = data.ValidSet!.Items[0].Path;
        Assert.That(loaded.Predict(photo).Probabilities, Is.EqualTo(learn.ToClassifier().Predict(photo).Probabilities));
    }

    [Test]
    public void OtherFilesAreNoClassifier()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["x"] = Tensor.Ones([1]) });
        Assert.That(() => ImageClassifier.Load(path), Throws.TypeOf<DataException>().With.Message.Contains("not a classifier"));
    }

    // Each is a whole, checksummed file whose description of the network is wrong.
    [TestCase("\"Blocks\":[2,2,2,2]", "\"Blocks\":null")]
    [TestCase("\"Blocks\":[2,2,2,2]", "\"Blocks\":[2,2,2,2000000000]")]
    [TestCase("\"Blocks\":[2,2,2,2]", "\"Blocks\":[2,2,2]")]
    [TestCase("\"Width\":8,", "\"Width\":-8,")]
    [TestCase("\"Width\":8,", "\"Width\":2000000000,")]
    [TestCase("\"Hidden\":[512]", "\"Hidden\":null")]
    [TestCase("\"Hidden\":[512]", "\"Hidden\":[0]")]
    [TestCase("\"Hidden\":[512]", "\"Hidden\":[2000000000]")]
    [TestCase("\"Dropout\":0.5", "\"Dropout\":7")]
    [TestCase("\"Height\":32", "\"Height\":2000000000")]
    [TestCase("\"Classes\":[\"Abyssinian\",", "\"Classes\":[null,")]
    [TestCase("\"Classes\":[\"Abyssinian\",", "\"Classes\":[")]
    [TestCase("\"Mean\":[0.485,0.456,0.406]", "\"Mean\":[0.485,0.456]")]
    [TestCase("\"Mean\":[0.485,0.456,0.406]", "\"Mean\":null")]
    [TestCase("\"Std\":[0.229", "\"Std\":[0")]
    public void AWrongDescriptionIsADataException(string part, string wrong)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.safetensors");
        Slim().Export(path);
        var file = Safetensors.Read(path);
        var metadata = file.Metadata.Where(m => m.Key != "sha256_file").ToDictionary(StringComparer.Ordinal);
        Assert.That(metadata["model"], Does.Contain(part));
        metadata["model"] = metadata["model"].Replace(part, wrong, StringComparison.Ordinal);
        Safetensors.Write(path, file.Tensors, metadata);
        Assert.That(() => ImageClassifier.Load(path), Throws.TypeOf<DataException>().With.Message.StartsWith(path));
    }

    [Test]
    public void AnUnreadablePhotoAmongGoodOnesIsNamed()
    {
        using var folder = new TemporaryFolder();
        foreach (string photo in ImageFiles.In(pets).Take(60)) File.Copy(photo, folder.File(Path.GetFileName(photo)));
        File.WriteAllText(folder.File("Bengal_999.jpg"), "not a photo");
        var data = ImageDataBunch.FromNameRegex(folder.Path, @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 8, options: new() { IsValid = p => p.EndsWith("_1.jpg", StringComparison.Ordinal) });
        var learn = Quiet(ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx"))));
        Assert.That(() => learn.Fit(1), Throws.TypeOf<DataException>().With.Message.Contains("Bengal_999.jpg"));
    }

    [Test]
    public void TheTrunkIsThreeStagesInThreeGroups()
    {
        var backbone = Architecture.FromOnnx(trunk).Create();
        Assert.That(backbone.Features, Is.EqualTo(1024));
        Assert.That(backbone.Groups, Has.Count.EqualTo(2));
        Assert.That(backbone.HasFoldedBatchNorms, Is.False);
    }
}
