using System.Reflection;
using System.Text.RegularExpressions;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>
/// Every name that the lesson uses is here: with a doc comment, an example that runs as a test, and an error of ours where it is misused.
/// </summary>
public sealed class LessonNamesTests
{
    static readonly string mnist = TestData.Asset("mnist"), trunk = TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");
    static readonly Lazy<ImageLearner> small = new(() => Learner(Digits()));

    /// <summary>The lesson's name, ours, how a page calls it, a mistake, and what the error says of it.</summary>
    static readonly (string Lesson, string Name, string Call, Action Misuse, string Message)[] names =
    [
        ("untar_data", "UntarData.Get", "UntarData.Get(", () => UntarData.Get(Datasets.MnistTiny, new() { Source = "nowhere.tgz" }), "nowhere.tgz: no such folder or archive"),
        ("URLs", "Datasets", "Datasets.MnistSample", () => UntarData.Get("mnist sample"), "DatasetUrl: no address of an archive"),
        ("path.ls", "Folder.List", "Folder.List(", () => Folder.List("nowhere"), "nowhere: cannot be listed"),
        ("get_image_files", "ImageFiles.In", "ImageFiles.In(", () => ImageFiles.In("nowhere"), "nowhere: no such folder"),
        ("from_name_re", "ImageDataBunch.FromNameRegex", "ImageDataBunch.FromNameRegex(", () => ImageDataBunch.FromNameRegex(mnist, @"/([a-z]+)_\d+.jpg$", size: 28), "does not match this path"),
        ("from_folder", "ImageDataBunch.FromFolder", "ImageDataBunch.FromFolder(", () => ImageDataBunch.FromFolder("nowhere", size: 28), "nowhere: no such folder"),
        ("from_csv", "ImageDataBunch.FromCsv", "ImageDataBunch.FromCsv(", () => ImageDataBunch.FromCsv($"{mnist}/labels.csv", labelColumn: "breed", size: 28), "no column 'breed': expected one of name, label"),
        ("from_df", "ImageDataBunch.FromTable", "ImageDataBunch.FromTable(", () => ImageDataBunch.FromTable(Labels(), mnist, fileColumn: "file", size: 28), "no column 'file': expected one of name, label"),
        ("from_name_func", "ImageDataBunch.FromNameFunction", "ImageDataBunch.FromNameFunction(", () => ImageDataBunch.FromNameFunction(ImageFiles.In(mnist, recurse: true), _ => "digit", size: 28), "one class only: got 'digit'"),
        ("from_lists", "ImageDataBunch.FromLists", "ImageDataBunch.FromLists(", () => ImageDataBunch.FromLists(ImageFiles.In(mnist, recurse: true), ["3"], size: 28), "got 60 paths and 1 labels"),
        ("get_transforms", "Transforms.Default", "Transforms.Default(", () => Transforms.Default(maxLighting: 2), "maxLighting out of range: got 2"),
        ("normalize", "ImageDataBunch.Normalize", ".Normalize(", () => Digits().Normalize(Mnist.Stats).Normalize(Mnist.Stats), "Normalize: called twice"),
        ("imagenet_stats", "ImageNet.Stats", "ImageNet.Stats", () => ImageNet.Stats.Normalize(Tensor.Ones([1, 4, 8, 8])), "shapes do not broadcast: got [1, 4, 8, 8] and [1, 3, 1, 1]"),
        ("show_batch", "PhotoPlots.ShowBatch", ".ShowBatch(", () => Digits().ShowBatch(rows: 0), "rows: got 0, expected at least 1"),
        ("classes", "ImageDataBunch.Classes", ".Classes", () => Digits(new() { Classes = ["3", "3"] }), "a name twice: got '3'"),
        ("c", "ImageDataBunch.C", ".C}", () => ImageDataBunch.FromFolder($"{mnist}/train/3", size: 28), "one class only: got '3'"),
        ("cnn_learner, create_cnn, ConvLearner", "ImageLearner.Create", "ImageLearner.Create(", () => ImageLearner.Create(Digits(), Architecture.FromOnnx("nowhere.onnx")), "nowhere.onnx: cannot be read"),
        ("models.resnet18", "Architecture.ResNet18", "Architecture.ResNet18(", () => Architecture.ResNet18("nowhere.onnx").Create(), "nowhere.onnx: cannot be read"),
        ("models.resnet34", "Architecture.ResNet34", "Architecture.ResNet34(", () => Architecture.ResNet34(trunk).Create(), "weights of another network: got ResNet-50"),
        ("models.resnet50", "Architecture.ResNet50", "Architecture.ResNet50(", () => Architecture.ResNet50($"{mnist}/labels.csv").Create(), "labels.csv: not an ONNX model"),
        ("error_rate", "Metrics.ErrorRate", "Metrics.ErrorRate", () => Measure(Metrics.ErrorRate), "got output [4], expected [items, classes]"),
        ("accuracy", "Metrics.Accuracy", "Metrics.Accuracy", () => Measure(Metrics.Accuracy), "got output [4], expected [items, classes]"),
        ("learn.model", "Learner.Model", "learn.Model", () => small.Value.Model.Call(Tensor.Ones([1, 4, 32, 32])), "Conv2d: got x [1, 4, 32, 32], weight [64, 3, 7, 7]"),
        ("fit", "Learner.Fit", ".Fit(", () => small.Value.Fit(1, LearningRate.PerGroup(1e-3, 1e-2)), "one rate a layer group: got 2 rates, expected 3"),
        ("fit_one_cycle", "Learner.FitOneCycle", ".FitOneCycle(", () => small.Value.FitOneCycle(1, pctStart: 2), "pctStart: got 2, expected a fraction"),
        ("save", "Learner.Save", ".Save(\"stage-1\")", () => small.Value.Save($"{mnist}/labels.csv/stage-1.safetensors"), "labels.csv/stage-1.safetensors could not be written"),
        ("load", "Learner.Load", ".Load(\"stage-1\")", () => small.Value.Load("nowhere"), "nowhere.safetensors: cannot be read"),
        ("freeze", "Learner.Freeze", ".Freeze()", () => small.Value.FreezeTo(9), "no such layer group: got 9"),
        ("unfreeze", "Learner.Unfreeze", ".Unfreeze()", () => small.Value.FreezeTo(-9), "no such layer group: got -9"),
        ("lr_find", "Learner.FindLearningRate", ".FindLearningRate(", () => small.Value.FindLearningRate(batches: 0), "batches: got 0"),
        ("recorder.plot", "TrainingPlots.Plot", "curve.Plot(", () => new LearningRateCurve([1e-3], [1], false).Plot(), "too few batches: got 1"),
        ("slice", "LearningRate", "new(1e-6, 1e-4)", () => _ = new LearningRate(1e-6, -1e-4), "not a rate: got -0.0001"),
        ("ClassificationInterpretation.from_learner", "ClassificationInterpretation.FromLearner", "ClassificationInterpretation.FromLearner(", () => ClassificationInterpretation.FromLearner(Learner(WithoutValidation())), "got no validation items"),
        ("top_losses", "ClassificationInterpretation.TopLosses", ".TopLosses(", () => small.Value.Interpret().TopLosses(-1), "TopLosses: number of items: got -1"),
        ("plot_top_losses", "InterpretationPlots.PlotTopLosses", ".PlotTopLosses(", () => small.Value.Interpret().PlotTopLosses(0), "number of photos: got 0"),
        ("plot_confusion_matrix", "InterpretationPlots.PlotConfusionMatrix", ".PlotConfusionMatrix(", () => small.Value.Interpret().PlotConfusionMatrix(width: 0), "impossible size: got 0 x 0"),
        ("most_confused", "ClassificationInterpretation.MostConfused", ".MostConfused(", () => small.Value.Interpret().MostConfused(0), "least count: got 0"),
        ("valid_ds", "ImageDataBunch.ValidSet", ".ValidSet", () => Learner(WithoutValidation()).Interpret(), "got no validation items"),
        ("doc", "Doc.Of", "Doc.Of(", () => Doc.Of("FitTwoCycle"), "nothing is called so: got 'FitTwoCycle'"),
        ("help", "Doc.Help", "Doc.Help(", () => Doc.Help("Learner.fit_one_cycle"), "nothing is called so: got 'Learner.fit_one_cycle'"),
        ("bs", "DataLoader.BatchSize", "batchSize: 16", () => Digits(batchSize: 0), "batch size 0"),
        ("seed", "ImageDataOptions.Seed", "Seed = 2", () => Digits(new() { Seed = 2, ValidFraction = 1.5 }), "ValidFraction: not a share: got 1.5"),
        ("df.head", "Table.Head", ".Head(", () => Labels().Head(-1), "Head: rows: got -1"),
    ];

    /// <summary>What the lesson's notebook uses or shows, whatever is in the table above.</summary>
    static readonly string[] used =
    [
        "untar_data", "URLs", "path.ls", "get_image_files", "from_name_re", "from_folder", "from_csv", "from_df", "from_name_func", "from_lists", "get_transforms", "normalize", "imagenet_stats", "show_batch",
        "classes", "c", "cnn_learner", "create_cnn", "ConvLearner", "models.resnet18", "models.resnet34", "models.resnet50", "error_rate", "accuracy", "learn.model", "fit", "fit_one_cycle", "save", "load",
        "unfreeze", "freeze", "lr_find", "recorder.plot", "slice", "ClassificationInterpretation.from_learner", "top_losses", "plot_top_losses", "plot_confusion_matrix", "most_confused", "valid_ds", "help", "doc",
        "bs", "seed", "df.head",
    ];

    static IEnumerable<TestCaseData> Names => names.Select((n, i) => new TestCaseData(i).SetArgDisplayNames(n.Lesson));

    /// <summary>The pages and the code that runs on them, the lesson first.</summary>
    static readonly Lazy<(string Page, string Code)[]> pages = new(() => [.. Directory.EnumerateFiles(Docs(""), "*.md").Order(StringComparer.Ordinal).OrderBy(p => !p.EndsWith("lesson.md", StringComparison.Ordinal))
        .Select(p => (Path.GetFileName(p), string.Join('\n', CodeBlock.Of(File.ReadAllText(p)).Where(b => b.NoRun is null).Select(b => b.Code))))]);

    static string Docs(string page) => Path.Combine(TestData.RepositoryRoot, "docs", page);

    /// <summary>The page that runs a call; null where none does.</summary>
    static string? PageOf(string call) => pages.Value.FirstOrDefault(p => p.Code.Contains(call, StringComparison.Ordinal)).Page;

    [Test]
    public void EveryNameOfTheLessonIsHere() => Assert.That(names.SelectMany(n => n.Lesson.Split(", ")), Is.EquivalentTo(used));

    /// <summary>docs/lesson-names.md shows the table that is tested here, row by row.</summary>
    [Test]
    public void ThePageListsWhatIsTested()
    {
        string[] rows = [.. names.Select(n => $"| {string.Join(", ", n.Lesson.Split(", ").Select(l => $"`{l}`"))} | `{n.Name}` | [{PageOf(n.Call)}]({PageOf(n.Call)}) | `{n.Message}` |")];
        string[] shown = [.. File.ReadAllLines(Docs("lesson-names.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal))];
        Assert.That(shown, Is.EqualTo(rows), $"docs/lesson-names.md: the rows are\n{string.Join('\n', rows)}\n");
    }

    [TestCaseSource(nameof(Names))]
    public void ANameIsDocumentedShownAndGuarded(int index)
    {
        var (_, name, call, misuse, message) = names[index];
        foreach (string member in Doc.Of(name).TrimEnd().Split("\n\n"))
        {
            string[] lines = member.Split('\n');
            Assert.That(lines[0], Is.EqualTo(name));
            Assert.That(lines, Has.Length.GreaterThan(2), $"{name} has no doc comment");
            Assert.That(lines[2], Does.Match(@"^    \S.{6,}[.)]$"), "a sentence");
        }
        Assert.That(PageOf(call), Is.Not.Null, $"no page runs {call}");
        var error = Assert.Catch<TesseraException>(() => misuse())!;
        Assert.That(error.Message, Does.Contain(message));
        TestContext.Out.WriteLine($"{name}: {error.Message}");
    }

    static Table Labels() => Table.Read($"{mnist}/labels.csv");

    static ImageDataBunch Digits(ImageDataOptions? options = null, int batchSize = 16) => ImageDataBunch.FromFolder(mnist, size: 32, batchSize: batchSize, options: options);

    static ImageDataBunch WithoutValidation() => ImageList.FromFolder(mnist).SplitNone().LabelFromFolder().Transform(size: 32).Bunch(16);

    static ImageLearner Learner(ImageDataBunch data)
    {
        var learn = ImageLearner.Create(data, Architecture.ResNet18(), Metrics.ErrorRate);
        learn.Display = null;
        return learn;
    }

    static void Measure(Metric metric)
    {
        metric.Reset();
        metric.Update(Tensor.Ones([4]), Tensor.Zeros([4], DType.Int64));
    }
}
