using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Public functions given what they cannot take: one error of ours that says what was asked, what came, what is expected, and what to do.</summary>
public sealed class MisuseTests
{
    static readonly string mnist = TestData.Asset("mnist");
    static readonly Lazy<ImageDataBunch> digits = new(() => ImageDataBunch.FromFolder(mnist, size: 32, batchSize: 16));
    static readonly Lazy<ImageLearner> learner = new(() =>
    {
        var learn = ImageLearner.Create(digits.Value, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] }, Metrics.ErrorRate);
        learn.Display = null;
        return learn;
    });
    static readonly Lazy<ClassificationInterpretation> interpretation = new(() => learner.Value.Interpret());

    static Image Photo => new(8, 8, new byte[192]);

    static ImageList Photos => ImageList.FromFolder(mnist);

    static Table Labels => Table.Read(Path.Combine(mnist, "labels.csv"));

    static ClassificationInterpretation Seen => interpretation.Value;

    static readonly (string What, Action Misuse)[] mistakes =
    [
        ("architecture name", () => Architecture.Named("resnet35")),
        ("vgg depth", () => Architecture.Vgg(12)),
        ("densenet depth", () => Architecture.DenseNet(120)),
        ("efficientnet size", () => Architecture.EfficientNet(9)),
        ("convnext size", () => Architecture.ConvNeXt("huge")),
        ("squeezenet version", () => Architecture.SqueezeNet(version: "2")),
        ("vgg module", () => _ = new Vgg(12)),
        ("densenet module", () => _ = new DenseNet(120)),
        ("efficientnet module", () => _ = new EfficientNet(9)),
        ("convnext module", () => _ = new ConvNeXt("huge")),
        ("resnet form", () => _ = new ResNet(new ResNetOptions([0]))),
        ("head features", () => Head.Create(0, 2)),
        ("head classes", () => Head.Create(8, 0)),
        ("head dropout", () => Head.Create(8, 2, dropout: 1.5)),
        ("head width", () => Head.Create(8, 2, [0])),
        ("label smoothing", () => ImageLearner.Create(digits.Value, Architecture.ResNet18(), new ImageLearnerOptions { LabelSmoothing = 1 })),
        ("hidden of a learner", () => ImageLearner.Create(digits.Value, Architecture.ResNet18(), new ImageLearnerOptions { Hidden = [-1] })),
        ("dropout of a learner", () => ImageLearner.Create(digits.Value, Architecture.ResNet18(), new ImageLearnerOptions { Dropout = -0.1 })),
        ("no classes", () => ImageDataBunch.FromFolder(mnist, size: 32, options: new() { Classes = [] })),
        ("sides of no multiple", () => ImageDataBunch.FromFolder(mnist, size: 32, options: new() { Multiple = 0 })),
        ("photo size", () => _ = new ImageSize(0)),
        ("photo sides", () => _ = new ImageSize(-1, 5)),
        ("photo bytes", () => _ = new Image(2, 2, new byte[3])),
        ("crop", () => Photo.Crop(4, 4, 8, 8)),
        ("resize", () => Photo.Resize(0, 8)),
        ("save as bmp", () => Photo.Save("x.bmp")),
        ("no photo", () => Image.Decode("text"u8)),
        ("size of no photo", () => Image.SizeOf("text"u8)),
        ("memory limit", () => Image.MemoryLimit = -1),
        ("missing photo", () => Image.Load("nowhere.jpg")),
        ("missing folder", () => ImageFiles.In("nowhere")),
        ("listing", () => Folder.List("nowhere")),
        ("list of a folder", () => ImageList.FromFolder("nowhere")),
        ("list of no paths", () => ImageList.FromPaths([])),
        ("sample", () => Photos.Sample(2)),
        ("sample of nothing", () => Photos.Sample(0)),
        ("filter of nothing", () => Photos.Filter(_ => false)),
        ("split share", () => Photos.SplitByRandom(1)),
        ("legacy split share", () => Photos.SplitByLegacySeed(-1)),
        ("split folder", () => Photos.SplitByFolder("a", "b")),
        ("split indices", () => Photos.SplitByIndices([1000])),
        ("split files", () => Photos.SplitByFiles(["nowhere.png"])),
        ("split column without table", () => Photos.SplitByColumn()),
        ("label column without table", () => Photos.SplitNone().LabelFromColumn()),
        ("label list", () => Photos.SplitNone().LabelFromList(["a"])),
        ("label pattern", () => Photos.SplitNone().LabelFromRegex("(")),
        ("label pattern without group", () => Photos.SplitNone().LabelFromRegex("png")),
        ("label pattern of other names", () => Photos.SplitNone().LabelFromRegex("(dog)")),
        ("label class", () => Photos.SplitNone().LabelFromFolder(["cat", "dog"]).Transform(size: 28).Bunch()),
        ("label twice", () => Photos.SplitNone().LabelFromFolder(["3", "3"])),
        ("test folder", () => Photos.SplitByRandom().LabelFromFolder().AddTest("nowhere")),
        ("bunch without size", () => Photos.SplitByRandom().LabelFromFolder().Transform().Bunch()),
        ("batch size", () => Photos.SplitByRandom().LabelFromFolder().Transform(size: 28).Bunch(0)),
        ("workers", () => Photos.SplitByRandom().LabelFromFolder().Transform(size: 28).Bunch(16, workers: -1)),
        ("multiple", () => Photos.SplitByRandom().LabelFromFolder().Transform(size: 28, multiple: 0)),
        ("table", () => Table.Read("nowhere.csv")),
        ("table without rows", () => Table.Read(new StringReader(""), "labels.csv")),
        ("table column", () => Labels.Column("breed")),
        ("table head", () => Labels.Head(-1)),
        ("table of objects", () => Table.Of(new[] { 1 })),
        ("table of other files", () => ImageList.FromTable(Table.Read(new StringReader("name,label\n,3\n"), "labels.csv"), mnist)),
        ("normalise twice", () => digits.Value.Normalize(Mnist.Stats).Normalize(Mnist.Stats)),
        ("statistics of one channel too many", () => ImageNet.Stats.Normalize(Tensor.Ones([1, 4, 8, 8]))),
        ("statistics of no batch", () => ImageStats.Of(Tensor.Ones([4]))),
        ("statistics", () => ImageDataBunch.FromFolder(mnist, size: 28, batchSize: 8).Normalize(new ImageStats([0.5f], [0]))),
        ("flip share", () => Transforms.Default(pAffine: 2)),
        ("zoom", () => Transforms.Default(maxZoom: -1)),
        ("rotation", () => Transforms.Default(maxRotate: double.NaN)),
        ("lighting", () => Transforms.Default(maxLighting: 2)),
        ("pad", () => _ = new Pad(-1)),
        ("cutout", () => _ = new Cutout { Holes = (2, 1) }),
        ("warp magnitudes", () => _ = new PerspectiveWarp([1])),
        ("probability", () => _ = new FlipLeftRight { P = 2 }),
        ("pad too far", () => _ = new Pad(4) with { Padding = 20_000 }),
        ("pad of no mode", () => _ = new Pad(4, (PaddingMode)7)),
        ("rotation of no number", () => _ = new Rotate(double.NaN)),
        ("zoom to nothing", () => _ = new Zoom(0)),
        ("zoom with another scale", () => _ = new Zoom(1) with { Scale = (-1, 1) }),
        ("focus of a zoom", () => _ = new Zoom(2) { RowPct = -1 }),
        ("squish", () => _ = new Squish(0)),
        ("focus of a squish", () => _ = new Squish(2) { ColPct = (0, 2) }),
        ("symmetry", () => _ = new Dihedral { K = 9 }),
        ("symmetry of the sampling", () => _ = new DihedralAffine { K = -1 }),
        ("brightness", () => _ = new Brightness(2)),
        ("brightness of black", () => _ = new Brightness((0, 0.5))),
        ("contrast", () => _ = new Contrast(-1)),
        ("noise", () => _ = new RgbRandomize(2)),
        ("channel", () => _ = new RgbRandomize { Channel = 3 }),
        ("holes", () => _ = new Cutout { Holes = (1, 100_000) }),
        ("position of a crop", () => _ = new Crop(8) { RowPct = 5 }),
        ("position of the last crop", () => _ = new CropPad { ColPct = double.NaN }),
        ("warp", () => _ = new SymmetricWarp(0.2) with { M1 = 1e300 }),
        ("one warp magnitude", () => _ = new PerspectiveWarp((0, double.PositiveInfinity))),
        ("tilt", () => _ = new Tilt(0.2) { Direction = 7 }),
        ("tilt too far", () => _ = new Tilt(99)),
        ("skew", () => _ = new Skew(0.2) { Direction = 9 }),
        ("jitter", () => _ = new Jitter(double.NaN)),
        ("window", () => _ = new ZoomSquishTry(0, 1)),
        ("window of no ratio", () => _ = new ZoomSquishTry(1, -1)),
        ("window of half a chance", () => _ = new ZoomSquishTry(1, 1, 2)),
        ("windows", () => _ = new ZoomSquish(null!)),
        ("window unset", () => _ = new ZoomSquish([default])),
        ("crop larger than the photo", () => new TransformPipeline([new Crop(9)]).Apply(Photo)),
        ("padding beyond memory", () => new TransformPipeline([new Pad(10_000)]).Apply(Photo)),
        ("presized part", () => _ = new Presize(8) { Scale = 0 }),
        ("presized ratio", () => _ = new Presize(8) { Ratio = (0, 1) }),
        ("presized margin", () => _ = new Presize(8) { ValidExtra = -1 }),
        ("presized filter", () => _ = new Presize(8) { Filter = (ResizeFilter)77 }),
        ("presize", () => _ = new Presize(0)),
        ("corners in a line", () => Matrix3.FromCorners((0, 0), (0, 0), (0, 0), (0, 0))),
        ("training without photos", () => ImageLearner.LoadLearner("nowhere.safetensors")),
        ("model", () => ImageClassifier.Load("nowhere.safetensors")),
        ("prepared photo", () => learner.Value.ToClassifier().PredictPrepared([new float[3]])),
        ("beta", () => learner.Value.TestTimeAugmentation(beta: 2)),
        ("scale", () => learner.Value.TestTimeAugmentation(scale: 0.5)),
        ("dropout passes", () => learner.Value.PredictWithMonteCarloDropout(Photo, times: 0)),
        ("other classes", () => learner.Value.WithData(ImageDataBunch.FromLists(ImageFiles.In(mnist, recurse: true), TwoOthers(), size: 28, batchSize: 8))),
        ("top losses", () => Seen.TopLosses(-1)),
        ("most confused", () => Seen.MostConfused(0)),
        ("item", () => Seen.Describe(9999)),
        ("probability of an item", () => Seen.ProbabilityOfActual(-1)),
        ("plot of top losses", () => Seen.PlotTopLosses(0)),
        ("size of a plot", () => Seen.PlotConfusionMatrix(width: 0)),
        ("decimals", () => Seen.PlotConfusionMatrix(normalize: true, decimals: -1)),
        ("heat map item", () => GradCam.Of(learner.Value, 9999)),
        ("heat map class", () => GradCam.Of(learner.Value, 0, classIndex: 99)),
        ("overlay", () => GradCam.Of(learner.Value, 0).Overlay(alpha: 2)),
        ("patches of no layer", () => LayerVisualization.Patches(learner.Value, "nowhere", 0)),
        ("patches of no channel", () => LayerVisualization.Patches(learner.Value, "0.0", 9999)),
        ("filters", () => LayerVisualization.Filters(new Relu())),
        ("cleaning", () => CleaningList.Of(learner.Value, similarity: 2)),
        ("cleaning list", () => CleaningList.Load("nowhere.csv")),
        ("rows of a batch", () => digits.Value.ShowBatch(rows: 0)),
        ("rows of results", () => learner.Value.ShowResults(rows: 0)),
        ("plot of nothing", () => new Recorder().PlotLosses()),
        ("plot as gif", () => digits.Value.ShowBatch(rows: 1).Save("batch.gif")),
        ("terminal of no width", () => digits.Value.ShowBatch(rows: 1).ToTerminal(0)),
        ("archive", () => UntarData.Get(Vision.Datasets.MnistTiny, new() { Source = "nowhere.tgz" })),
        ("address", () => UntarData.Get("mnist sample")),
        ("export folder", () => learner.Value.Export(Path.Combine(mnist, "labels.csv", "m.safetensors"))),
        ("onnx folder", () => learner.Value.ToClassifier().ExportOnnx(Path.Combine(mnist, "labels.csv", "m.onnx"))),
    ];

    static string[] TwoOthers() => [.. ImageFiles.In(mnist, recurse: true).Select((_, i) => i % 2 == 0 ? "a" : "b")];

    static IEnumerable<TestCaseData> Mistakes => mistakes.Select((m, i) => new TestCaseData(i).SetArgDisplayNames(m.What));

    [TestCaseSource(nameof(Mistakes))]
    public void AMistakeIsOneErrorWithACure(int index)
    {
        var error = Assert.Catch(() => mistakes[index].Misuse())!;
        Assert.That(error, Is.InstanceOf<TesseraException>());
        Assert.That(error.Message, Does.Match(ErrorForm.Of(error)));
    }
}
