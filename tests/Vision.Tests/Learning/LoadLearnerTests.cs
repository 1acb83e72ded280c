using System.Text;
using System.Text.Json.Nodes;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

public sealed class LoadLearnerTests
{
    static readonly string pets = TestData.Asset("pets/images");

    static ImageDataBunch Data(TransformPair? transforms = null, IReadOnlyList<string>? classes = null) =>
        ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", transforms, 32, 16, new() { Classes = classes, Padding = PaddingMode.Zeros });

    static ImageLearner Slim(ImageDataBunch data, bool liveBatchNorms = true, double labelSmoothing = 0)
    {
        var learn = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { LiveBatchNorms = liveBatchNorms, Hidden = [16], LabelSmoothing = labelSmoothing }, Metrics.ErrorRate, Metrics.Accuracy);
        learn.Display = null;
        return learn;
    }

    [Test]
    public void ALoadedLearnerPredictsAFolderAndTrainsOnLikeTheOneThatWasSaved()
    {
        using var folder = new TemporaryFolder();
        var learn = Slim(Data(new([], [new Zoom(1.3), new CropPad()])).Normalize(ImageNet.Stats));
        learn.Fit(1);
        (learn.Wd, learn.TrueWd, learn.BnWd) = (0.02, false, false);
        learn.FreezeTo(1);
        string path = folder.File("deep/export.safetensors");
        learn.Export(path);

        string photos = Directory.CreateDirectory(folder.File("photos")).FullName;
        foreach (var item in learn.Images.ValidSet!.Items.Take(5)) File.Copy(item.Path, Path.Combine(photos, Path.GetFileName(item.Path)));
        var loaded = ImageLearner.LoadLearner(path, photos);
        loaded.Display = null;
        Assert.That(loaded.Images.Classes, Is.EqualTo(learn.Images.Classes));
        Assert.That(loaded.Metrics.Select(m => m.Name), Is.EqualTo(new[] { "error_rate", "accuracy" }));
        Assert.That((loaded.Wd, loaded.TrueWd, loaded.BnWd, loaded.FrozenTo), Is.EqualTo(((WeightDecay)0.02, false, false, 1)));
        Assert.That(loaded.LayerGroups.Select(g => g.Parameters.Count(p => p.RequiresGrad)), Is.EqualTo(learn.LayerGroups.Select(g => g.Parameters.Count(p => p.RequiresGrad))));
        Assert.That(() => loaded.Fit(1), Throws.InstanceOf<TesseraException>().With.Message.Contains("no batch"));

        var classifier = learn.ToClassifier();
        float[] expected = [.. loaded.Images.TestSet!.Items.SelectMany(i => classifier.Predict(i.Path).Probabilities)];
        Assert.That(loaded.GetPreds(loaded.Data.Test).Probabilities.ToArray<float>(), Is.EqualTo(expected).Within(1e-5f));
        var photo = Image.Load(loaded.Images.TestSet.Items[0].Path);
        Assert.That(loaded.Predict(photo).Probabilities, Is.EqualTo(expected[..7]).Within(1e-5f));

        Assert.That(() => loaded.WithData(Data(classes: ["Bengal", "havanese"])), Throws.TypeOf<DataException>().With.Message.Contains("other classes"));
        Assert.That(TrainOn(loaded.WithData(Data())), Is.EqualTo(TrainOn(learn.WithData(Data()))));
        Assert.That(loaded.Images.Stats, Is.EqualTo(learn.Images.Stats).Using<ImageStats>((a, b) => a.Mean.SequenceEqual(b.Mean) && a.Std.SequenceEqual(b.Std)));

        static double[] TrainOn(ImageLearner learner)
        {
            Generator.Seed(3);
            learner.FreezeTo(1);
            learner.Fit(1, callbacks: [new StopAfterNBatches(3)]);
            return [.. learner.Recorder.Losses];
        }
    }

    [Test]
    public void ABodyWhoseBatchNormsStandGoesOnSo()
    {
        using var folder = new TemporaryFolder();
        Slim(Data(), liveBatchNorms: false).Export(folder.File("m.safetensors"));
        var loaded = ImageLearner.LoadLearner(folder.File("m.safetensors"));
        Assert.That((loaded.TrainBn, loaded.Callbacks.OfType<BatchNormFreeze>().Count()), Is.EqualTo((false, 1)));
        Assert.That(loaded.Images.Stats, Is.Null);
        Assert.That(loaded.Report, Is.EqualTo("m.safetensors: resnet18"));
    }

    [Test]
    public void EveryTransformOfThisLibraryIsStored()
    {
        using var folder = new TemporaryFolder();
        Transform[] all =
        [
            new Pad(2, PaddingMode.Border), new SymmetricWarp((-0.1, 0.2)) { P = 0.5 }, new PerspectiveWarp([0.1, 0.2, (0.1, 0.3), 0, 0, 0, 0, 0]), new Tilt(0.1), new Skew((0.1, 0.2)), new Jitter(0.01),
            new ZoomSquish([new ZoomSquishTry((1, 2), (0.75, 1.33))]), new Rotate((-5, 5)), new Zoom(1.2) { RowPct = 0.25 }, new Squish(0.9), new DihedralAffine(), new Brightness(0.6), new Contrast(1.1),
            new FlipLeftRight(), new Dihedral(), new RgbRandomize(0.2), new Crop((30, 31)), new Cutout(), new CropPad { ColPct = (0, 1) },
        ];
        var learn = Slim(Data(new([], all)));
        string path = folder.File("m.safetensors");
        learn.Export(path);
        var classifier = ImageClassifier.Load(path);
        classifier.Save(folder.File("again.safetensors"));
        var loaded = classifier.Pipeline;
        Assert.That(loaded.Transforms.Select(t => (t.GetType(), t.Order, t.P)), Is.EqualTo(learn.ToClassifier().Pipeline.Transforms.Select(t => (t.GetType(), t.Order, t.P))));
        Assert.That(File.ReadAllBytes(folder.File("again.safetensors")), Is.EqualTo(File.ReadAllBytes(path)));
        Assert.That((loaded.Padding, loaded.Mode, loaded.Method, loaded.Size), Is.EqualTo((PaddingMode.Zeros, InterpolationMode.Bilinear, ResizeMethod.Crop, (ImageSize?)(32, 32))));
        Assert.That(all.Select(t => t.GetType()), Is.EquivalentTo(typeof(Transform).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Transform)))));
    }

    sealed record Mine() : Transform(TransformOrder.Pixel)
    {
        protected internal override void Apply(Canvas canvas, ItemRandom random) { }
    }

    [Test]
    public void AStrangersTransformIsNamedAndNoFileIsWritten()
    {
        using var folder = new TemporaryFolder();
        var learn = Slim(Data(new([], [new Mine()])));
        Assert.That(() => learn.Export(folder.File("m.safetensors")), Throws.InstanceOf<TesseraException>().With.Message.Contains("Mine"));
        Assert.That(Directory.EnumerateFiles(folder.Path), Is.Empty);
    }

    [Test]
    public void ADamagedACutAndANewerFileSayWhatTheyAre()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        Slim(Data()).Export(path);
        byte[] bytes = File.ReadAllBytes(path);
        string text = Encoding.Latin1.GetString(bytes);
        foreach (string secret in (string[])[folder.Path, pets, Environment.UserName + "@"]) Assert.That(text, Does.Not.Contain(secret), "no paths");

        void Fails(byte[] content, string message)
        {
            File.WriteAllBytes(path, content);
            Assert.That(() => ImageLearner.LoadLearner(path), Throws.TypeOf<DataException>().With.Message.Contains(message).And.Message.StartsWith(path));
        }
        Fails(Changed(bytes, bytes.Length - 7), "does not match its checksum");
        Fails(Changed(bytes, text.IndexOf("Abyssinian", StringComparison.Ordinal)), "does not match its checksum");
        Fails(bytes[..^100], "cut off");
        Fails(bytes[..4], "not a safetensors file");
        Fails(Encoding.Latin1.GetBytes(text.Replace("image-classifier/3", "image-classifier/9", StringComparison.Ordinal)), "checksum");

        File.WriteAllBytes(path, bytes);
        var file = Safetensors.Read(path);
        var metadata = file.Metadata.ToDictionary(StringComparer.Ordinal);
        metadata["format"] = "tessera.image-classifier/9";
        Safetensors.Write(path, file.Tensors, metadata);
        Assert.That(() => ImageLearner.LoadLearner(path), Throws.TypeOf<DataException>().With.Message.Contains("newer Tessera: got version 9 of the format, expected 1..6"));
    }

    [Test]
    public void AFileKeepsTheLossAndTheCourseOfTheTraining()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        var learn = Slim(Data(), labelSmoothing: 0.2);
        learn.Fit(2, new LearningRate(1e-3));
        learn.FindLearningRate(batches: 3);
        learn.Fit(1);
        learn.Export(path);
        var (loss, _) = learn.Validate();

        var loaded = ImageLearner.LoadLearner(path);
        Assert.That(Course(loaded.History), Is.EqualTo(Course(learn.History)));
        Assert.That(loaded.History.ValidLosses, Has.Count.EqualTo(3), "both fit calls, not the search");
        Assert.That(loaded.Recorder.MetricNames, Is.EqualTo(new[] { "error_rate", "accuracy" }));
        Assert.That(loaded.WithData(Data()).Validate().Loss, Is.EqualTo(loss));
        Assert.That(loaded.Recorder.PlotLosses().ToSvg(), Does.Contain("<svg"));
        loaded.Export(folder.File("again.safetensors"));
        Assert.That(File.ReadAllBytes(folder.File("again.safetensors")), Is.EqualTo(File.ReadAllBytes(path)));

        static string Course(Recorder r) => string.Join('\n', string.Join(' ', r.Lrs), string.Join(' ', r.Momenta), string.Join(' ', r.Losses), string.Join(' ', r.BatchLosses), string.Join(' ', r.ValidLosses),
            string.Join(' ', r.MetricValues.SelectMany(m => m!)), string.Join(' ', r.BatchCounts));
    }

    /// <summary>What versions 1 and 2 lacked: the course of the training and the smoothing; in 1 transforms and learning too.</summary>
    [TestCase(1)]
    [TestCase(2)]
    public void OlderVersionsAreRead(int version)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        var learn = Slim(Data());
        learn.Fit(1);
        learn.Export(path);
        Rewrite(path, version, (description, tensors) =>
        {
            foreach (string name in tensors.Keys.Where(k => k.StartsWith("history/", StringComparison.Ordinal)).ToArray()) tensors.Remove(name);
            if (version == 1) description.Remove("Learning");
            else description["Learning"]!.AsObject().Remove("LabelSmoothing");
            if (version == 1) description.Remove("Transforms");
        });
        var loaded = ImageLearner.LoadLearner(path);
        Assert.That(loaded.Recorder.Losses, Is.Empty);
        var photo = Image.Load(learn.Images.ValidSet!.Items[0].Path);
        Assert.That(loaded.Predict(photo).Probabilities, Is.EqualTo(learn.Predict(photo).Probabilities));
    }

    [TestCase("history/batch_counts", new long[] { 1000 })]
    [TestCase("history/batch_counts", new long[] { 1L << 40 })]
    [TestCase("history/metric_counts", new long[] { 2, 2 })]
    [TestCase("history/metric_counts", new long[] { 3 })]
    [TestCase("history/validated", new long[0])]
    [TestCase("history/losses", new long[0])]
    [TestCase("history/lrs", new long[] { 0, 0 })]
    [TestCase("history/metric_names", new long[] { 0, 0 })]
    [TestCase("history/valid_losses", null)]
    public void ADamagedCourseIsRefused(string name, long[]? numbers)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        var learn = Slim(Data());
        learn.Fit(1);
        learn.Export(path);
        Rewrite(path, 3, (_, tensors) =>
        {
            Assert.That(tensors.Remove(name));
            if (numbers is not null) tensors[name] = Tensor.From(numbers, [numbers.Length]);
        });
        Assert.That(() => ImageLearner.LoadLearner(path), Throws.TypeOf<DataException>().With.Message.StartsWith(path).And.Message.Contains("history/"));
    }

    static void Rewrite(string path, int version, Action<JsonObject, Dictionary<string, Tensor>> change)
    {
        var file = Safetensors.Read(path);
        var metadata = file.Metadata.ToDictionary(StringComparer.Ordinal);
        var tensors = file.Tensors.ToDictionary(StringComparer.Ordinal);
        var description = JsonNode.Parse(metadata["model"])!.AsObject();
        change(description, tensors);
        (metadata["format"], metadata["model"]) = ($"tessera.image-classifier/{version}", description.ToJsonString());
        Safetensors.Write(path, tensors, metadata);
    }

    static byte[] Changed(byte[] bytes, int at)
    {
        byte[] changed = [.. bytes];
        changed[at] ^= 1;
        return changed;
    }
}
