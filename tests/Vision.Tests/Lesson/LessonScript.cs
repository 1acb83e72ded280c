using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Lesson;

/// <summary>What the lesson works on: photos whose names say the breed, digits in folders, networks.</summary>
/// <param name="Photos">The folder of photos.</param>
/// <param name="Digits">A folder in the form of the MNIST sample.</param>
/// <param name="First">The first network for photos.</param>
/// <param name="Larger">The second one.</param>
/// <param name="ForDigits">The one for digits.</param>
sealed record LessonData(string Photos, string Digits, Architecture First, Architecture Larger, Architecture ForDigits)
{
    /// <summary>Photos for validation; null for a random fifth.</summary>
    public Func<string, bool>? IsValid { get; init; }

    /// <summary>Photos left out.</summary>
    public IReadOnlySet<string>? Exclude { get; init; }

    /// <summary>Breeds among the photos.</summary>
    public int Classes { get; init; } = 7;

    public int Size { get; init; } = 224;

    public int BatchSize { get; init; } = 32;

    public int LargerSize { get; init; } = 299;

    public int LargerBatchSize { get; init; } = 32;

    public int DigitBatchSize { get; init; } = 64;

    /// <summary>Batches in the search for learning rates.</summary>
    public int RatesToTry { get; init; } = 100;

    public ulong Seed { get; init; } = 2;
}

/// <summary>The first lesson of the course step by step, as a reader would write it; what each step must show is asserted where it stands.</summary>
sealed class LessonScript(LessonData lesson, string folder)
{
    const string breed = @"/([^/]+)_\d+.jpg$";

    ImageDataOptions Options => new() { Seed = lesson.Seed, IsValid = lesson.IsValid, Exclude = lesson.Exclude };

    /// <summary>Photos in batches of normalised pixels; a random fifth validates.</summary>
    public ImageDataBunch Photos(int size, int batchSize)
    {
        Assert.That(Folder.List(lesson.Photos).ToString(), Does.StartWith("(#").And.Contain(".jpg"));
        Assert.That(ImageFiles.In(lesson.Photos), Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal).And.Not.Empty);
        var data = ImageDataBunch.FromNameRegex(lesson.Photos, breed, Transforms.Default(), size, batchSize, Options).Normalize(ImageNet.Stats);
        Assert.That((data.C, data.Classes.Count), Is.EqualTo((lesson.Classes, lesson.Classes)));
        Assert.That(data.Warnings, Is.Empty);
        data.ShowBatch(rows: 3, width: 700, height: 600).Save(File("batch.png"));
        return data;
    }

    public ImageLearner Learner(ImageDataBunch data, Architecture architecture)
    {
        var learn = ImageLearner.Create(data, architecture, Metrics.ErrorRate);
        learn.Display = null;
        learn.ModelFolder = folder;
        Assert.That(learn.Model.ToString(), Does.Contain("AdaptiveConcatPool2d"));
        Assert.That(learn.Summary(), Does.Contain("Total trainable params"));
        return learn;
    }

    /// <summary>The head alone, one cycle; gives the last error.</summary>
    public static double TrainTheHead(ImageLearner learn, int epochs, string name)
    {
        learn.FitOneCycle(epochs);
        Assert.That(learn.Recorder.ValidLosses, Has.Count.EqualTo(epochs));
        Assert.That(learn.Save(name), Does.Exist);
        return Error(learn);
    }

    /// <summary>Where it errs: every number and every picture of it.</summary>
    public void Interpret(ImageLearner learn)
    {
        var interpretation = learn.Interpret();
        int n = learn.Images.ValidSet!.Count;
        var losses = interpretation.TopLosses();
        Assert.That((losses.Count, interpretation.Losses.Count, interpretation.Targets.Count), Is.EqualTo((n, n, n)));
        Assert.That(losses.Select(l => l.Loss), Is.Ordered.Descending);
        Assert.That(losses.Select(l => interpretation.ProbabilityOfActual(l.Item)), Is.EqualTo(losses.Select(l => MathF.Exp(-l.Loss))).Within(1e-4f));
        Assert.That(interpretation.Predicted.Zip(interpretation.Targets).Average(p => p.First == p.Second ? 0.0 : 1), Is.EqualTo(Error(learn)).Within(1e-9));

        interpretation.PlotTopLosses(9, heatmap: true).Save(File("top-losses.png"));
        interpretation.PlotConfusionMatrix(width: 720).Save(File("confusion.png"));
        Assert.That(Image.Load(File("confusion.png")).Width, Is.EqualTo(720), "12 inches at 60 dots");
        var matrix = interpretation.ConfusionMatrix();
        foreach (var (actual, predicted, count) in interpretation.MostConfused(min: 2))
        {
            var classes = learn.Images.Classes.ToList();
            Assert.That(matrix[classes.IndexOf(actual), classes.IndexOf(predicted)], Is.EqualTo(count).And.GreaterThanOrEqualTo(2));
        }
    }

    /// <summary>All layers at the default rates, which spoils what the body knew; gives the error.</summary>
    public static double UnfreezeAtTheDefaultRates(ImageLearner learn)
    {
        learn.Unfreeze().FitOneCycle(1);
        return Error(learn);
    }

    /// <summary>Back to the saved state, then the rates are looked for; neither changes the network.</summary>
    public void GoBackAndFindRates(ImageLearner learn, string name, double error)
    {
        learn.Load(name);
        Assert.That(learn.Validate().Metrics[0], Is.EqualTo(error).Within(1e-9), "as it was saved");
        FindRates(learn);
    }

    /// <summary>Rates are looked for and drawn; the network stays as it was.</summary>
    void FindRates(ImageLearner learn)
    {
        float[][] State() => [.. learn.Model.StateDict().Values.Where(t => t.DType == DType.Float32).Select(t => t.ToArray<float>())];
        var before = State();
        var curve = learn.FindLearningRate(batches: lesson.RatesToTry);
        curve.Plot(skipStart: 0, skipEnd: 0, suggestion: true).Save(File("rates.png"));
        Assert.That(curve.Lrs, Has.Count.GreaterThan(10).And.All.InRange(1e-7, 10));
        Assert.That(State(), Is.EqualTo(before));
    }

    /// <summary>All layers, the first ones a hundred times slower than the last; gives the error.</summary>
    public static double FineTune(ImageLearner learn, int epochs)
    {
        learn.Unfreeze().FitOneCycle(epochs, lr: new(1e-6, 1e-4));
        return Error(learn);
    }

    /// <summary>The larger network on larger photos: rates, the head, all layers, and back to the saved state; gives the errors of head and all layers.</summary>
    public (double Frozen, double Tuned) Larger(int epochs, int tuning)
    {
        var learn = Learner(Photos(lesson.LargerSize, lesson.LargerBatchSize), lesson.Larger);
        FindRates(learn);
        double frozen = TrainTheHead(learn, epochs, "stage-1-50"), tuned = FineTune(learn, tuning);
        learn.Load("stage-1-50");
        Assert.That(learn.Validate().Metrics[0], Is.EqualTo(frozen).Within(1e-9), "as it was saved");
        Assert.That(learn.Interpret().MostConfused(), Is.Not.Empty);
        return (frozen, tuned);
    }

    /// <summary>
    /// Threes and sevens, in all forms that labels come in; gives the accuracy after two epochs at one constant rate. The default, a tenth of it for all but
    /// the head, is too little for the batch norms of a body that never saw 26 pixels: PyTorch and Tessera then both end at 0.98 on the same batches.
    /// </summary>
    public double Digits()
    {
        string path = lesson.Digits;
        var transforms = Transforms.Default(doFlip: false);
        var data = ImageDataBunch.FromFolder(path, transforms: transforms, size: 26, batchSize: lesson.DigitBatchSize, options: new() { Seed = lesson.Seed });
        data.ShowBatch(rows: 3, width: 500, height: 500).Save(File("digits.png"));
        var learn = ImageLearner.Create(data, lesson.ForDigits, Metrics.Accuracy);
        learn.Display = null;
        learn.Fit(2, 3e-3);

        var table = Table.Read(Path.Combine(path, "labels.csv"));
        Assert.That(table.Head().Count, Is.EqualTo(5));
        string[] files = [.. table.Column("name").Select(name => Path.Combine(path, name))];
        static string Digit(string file) => file.Contains("/3/", StringComparison.Ordinal) ? "3" : "7";
        ImageDataBunch[] forms =
        [
            ImageDataBunch.FromCsv(Path.Combine(path, "labels.csv"), transforms: transforms, size: 28, batchSize: 16),
            ImageDataBunch.FromTable(table, path, transforms: transforms, size: 24, batchSize: 16),
            ImageDataBunch.FromNameRegex(path, @"/(\d)/\d+\.png$", transforms, size: 24, batchSize: 16),
            ImageDataBunch.FromNameFunction(files, Digit, transforms, size: 24, batchSize: 16),
            ImageDataBunch.FromLists(files, [.. files.Select(Digit)], transforms, size: 24, batchSize: 16),
        ];
        Assert.That(forms.Select(f => string.Join(',', f.Classes)), Is.EqualTo(new[] { "0,1", "0,1", "3,7", "3,7", "3,7" }));
        foreach (var form in forms) form.ShowBatch(rows: 2, width: 200, height: 200).Save(File("form.png"));
        return learn.Recorder.MetricValues[^1]![0];
    }

    public string File(string name) => Path.Combine(folder, name);

    static double Error(ImageLearner learn) => learn.Recorder.MetricValues[^1]![0];
}
