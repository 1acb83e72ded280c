using System.Text.Json.Nodes;
using Tessera.Testing;
using Tessera.Tests.Hostile;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Photos that are cut to a square right after decoding: by the record itself, in the batches of a bunch, and by models that were read from a file.</summary>
public sealed class PresizeTests
{
    static readonly string pets = TestData.Asset("pets/images");
    static readonly Presize presize = new(48) { ValidExtra = 8 };

    static ImageDataBunch Pets(bool cut = true, bool onDevice = false) => ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", Transforms.Default(), size: 32, batchSize: 8, options: new()
    {
        Presize = cut ? presize : null,
        TransformOnDevice = onDevice,
        Check = false,
        Workers = 1,
    });

    [Test]
    public void ItCutsSquares([Values(1, 20, 300)] int width, [Values(1, 90, 200)] int height)
    {
        var image = TransformTests.Noise(width, height);
        var presize = new Presize(64);
        Assert.That(presize.Valid(image) is { Width: 64, Height: 64 });
        for (var i = 0; i < 20; i++)
            Assert.That(presize.Train(image, new ItemRandom(1, 0, i)) is { Width: 64, Height: 64 });
        var again = presize.Train(image, new ItemRandom(1, 0, 0)).Pixels.ToArray();
        Assert.That(presize.Train(image, new ItemRandom(1, 0, 0)).Pixels.ToArray(), Is.EqualTo(again));
    }

    /// <summary>Training photos are random windows of the whole photo, the others its centre; the transforms follow.</summary>
    [Test]
    public void ABunchCutsItsPhotos()
    {
        var data = Pets();
        Assert.That(data.Presize, Is.EqualTo(presize));
        for (int item = 0; item < 3; item++)
        {
            var photo = Image.Load(data.TrainSet.Items[item].Path);
            var random = new Philox(7).At(0, (uint)item);
            Assert.That(Loaded(data.TrainSet, item, random), Is.EqualTo(Applied(Transforms.Default().Train, presize.Train(photo, new ItemRandom(random)), random)), "training");
            photo = Image.Load(data.ValidSet!.Items[item].Path);
            Assert.That(Loaded(data.ValidSet, item, random), Is.EqualTo(Applied(Transforms.Default().Valid, presize.Valid(photo), random)), "validation");
            Assert.That(Loaded(data.ValidSet, item, random), Is.Not.EqualTo(Loaded(Pets(cut: false).ValidSet!, item, random)), "it changes something");
        }
    }

    [Test]
    public void TheStepsOfTheDataBlockCutToo()
    {
        var data = ImageList.FromFolder(pets).SplitByRandom().LabelFromRegex(@"/([^/]+)_\d+.jpg$").Transform(size: 32).Presized(presize).Bunch(8, check: false);
        Assert.That(Loaded(data.ValidSet!, 0, new Philox(1)), Is.EqualTo(Loaded(Pets().ValidSet!, 0, new Philox(1))));
    }

    [Test]
    public void TheDeviceMakesTheSamePictures()
    {
        float[] expected = First(Pets()), actual = First(Pets(onDevice: true));
        Assert.That(actual, Is.EqualTo(expected).Within(1.01 / 255));

        static float[] First(ImageDataBunch data) => data.Train.Epoch().Take(1).Select(b => b.X.ToArray<float>()).Single();
    }

    [Test]
    public void AModelFileKeepsIt()
    {
        using var folder = new TemporaryFolder();
        var learn = ImageLearner.Create(Pets(), Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] });
        string path = folder.File("m.safetensors");
        learn.Export(path);
        Assert.That(Safetensors.Read(path).Metadata["format"], Does.EndWith("/4"), "an older program must not overlook it");
        var photo = Image.Load(learn.Images.ValidSet!.Items[0].Path);
        float[] cut = new TransformPipeline(Transforms.Default().Valid, 32).Apply(presize.Valid(photo), layout: PixelLayout.Hwc).Pixels;
        var loaded = ImageLearner.LoadLearner(path);
        Assert.That(loaded.ToClassifier().Prepare(photo), Is.EqualTo(cut));
        Assert.That(loaded.Images.Presize, Is.EqualTo(presize));
        Assert.That(loaded.Predict(photo).Probabilities, Is.EqualTo(learn.Predict(photo).Probabilities));
    }

    /// <summary>Other files stay as older programs read them.</summary>
    [Test]
    public void AFileWithoutItIsOfTheVersionBefore() => Assert.That(Safetensors.Read(new MemoryStream(SmallModels.OfResNet()), "m").Metadata["format"], Does.EndWith("/3"));

    [TestCase("""{"ValidExtra":32,"Filter":0,"Scale":{"Low":0.1,"High":1},"Ratio":{"Low":1,"High":1}}""", "Size")]
    [TestCase("""{"Size":0,"ValidExtra":32,"Filter":0,"Scale":{"Low":0.1,"High":1},"Ratio":{"Low":1,"High":1}}""", "Size")]
    [TestCase("""{"Size":8,"ValidExtra":32,"Filter":99,"Scale":{"Low":0.1,"High":1},"Ratio":{"Low":1,"High":1}}""", "Filter")]
    [TestCase("""{"Size":16000,"ValidExtra":32,"Filter":0,"Scale":{"Low":0.1,"High":1},"Ratio":{"Low":1,"High":1}}""", "impossible")]
    public void OddOnesInAFileAreRefused(string text, string named)
    {
        byte[] file = SmallModels.Described(SmallModels.OfResNet(), description =>
        {
            var whole = JsonNode.Parse(description)!.AsObject();
            whole["Presize"] = JsonNode.Parse(text);
            return whole.ToJsonString();
        });
        Assert.That(() => ImageClassifier.Load(new MemoryStream(file), "m.safetensors"), Throws.TypeOf<DataException>().With.Message.Contains(named));
    }

    static float[] Loaded(ImageDataset set, int item, Philox random)
    {
        float[] x = new float[3 * 32 * 32];
        set.Load(item, random, x, out _);
        return x;
    }

    static float[] Applied(IReadOnlyList<Transform> transforms, Image image, Philox random) => new TransformPipeline(transforms, 32).Apply(image, new ItemRandom(random), PixelLayout.Hwc).Pixels;
}
