using System.Globalization;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Lesson;

/// <summary>
/// The lesson on real photos and digits with whole networks (set TESSERA_DATA), beside what PyTorch reached with the same weights, photos, split and
/// recipe: 224 pixels in batches of 32, 4 epochs with a frozen body, then 2 with all layers; mean of three seeds where not said otherwise. It takes many minutes, so it
/// only runs where TESSERA_LONG says with how many seeds, 1 to 3; on the device that TESSERA_TEST_DEVICE names, such as cuda:0, else on the CPU.
/// An error is a mean over photos and seeds, so a test takes what is within two standard deviations above PyTorch's, and prints whether it is at or below it.
/// </summary>
[NonParallelizable, Category("Long")]
public sealed class LessonRunTests
{
    const double pets7Error = 0.0440, pets7Tuned = 0.0405, pets37Error = 0.1882;
    const double pets37Tuned = 0.1823, pets37LargerError = 0.1660; // one seed each

    Device outer = Device.Cpu;

    [Test]
    public void SevenBreedsEndAsLowAsPyTorch()
    {
        var (frozen, spoilt, tuned) = Run(Seven("resnet18"));
        AssertAsLow("pets7, ResNet-18, frozen", frozen, pets7Error, 280, SeedCount);
        AssertAsLow("pets7, ResNet-18, all layers", tuned, pets7Tuned, 280, SeedCount);
        Assert.That(spoilt, Is.GreaterThan(frozen + 0.02), "all layers at the default rates");
    }

    [Test]
    public void ThirtySevenBreedsEndAsLowAsPyTorch()
    {
        var (frozen, spoilt, tuned) = Run(ThirtySeven("resnet18"));
        AssertAsLow("pets37, ResNet-18, frozen", frozen, pets37Error, 735, SeedCount);
        AssertAsLow("pets37, ResNet-18, all layers", tuned, pets37Tuned, 735, SeedCount);
        Assert.That(spoilt, Is.GreaterThan(frozen + 0.02), "all layers at the default rates");
    }

    /// <summary>One seed, as PyTorch's run: 4 epochs of the head.</summary>
    [Test]
    public void ResNet50EndsAsLowAsPyTorch()
    {
        using TemporaryFolder work = new();
        var lesson = ThirtySeven("resnet50") with { Seed = 1 };
        LessonScript script = new(lesson, work.Path);
        var learn = script.Learner(script.Photos(lesson.Size, lesson.BatchSize), lesson.First);
        AssertAsLow("pets37, ResNet-50, frozen", LessonScript.TrainTheHead(learn, 4, "stage-1"), pets37LargerError, 735, seeds: 1);
    }

    /// <summary>The lesson's own stages at 299 pixels, for which there is no other run to compare with: beside PyTorch's at 224.</summary>
    [Test]
    public void ResNet50EndsLowerOnLargerPhotos()
    {
        using TemporaryFolder work = new();
        var (frozen, tuned) = new LessonScript(ThirtySeven("resnet50") with { Seed = 1 }, work.Path).Larger(epochs: 8, tuning: 3);
        AssertAsLow("pets37, ResNet-50 at 299, frozen, beside 224", frozen, pets37LargerError, 735, seeds: 1);
        AssertAsLow("pets37, ResNet-50 at 299, all layers, beside frozen", tuned, frozen, 735, seeds: 1);
    }

    [Test]
    public void DigitsAreTold994OfAThousandTimes()
    {
        using TemporaryFolder work = new();
        double[] accuracies = [.. Seeds.Select(seed => new LessonScript(Lesson(TestData.Data("pets7"), "resnet18") with { Seed = seed }, work.Path).Digits())];
        TestContext.Out.WriteLine($"accuracies {string.Join(", ", accuracies.Select(a => a.ToString("F6", CultureInfo.InvariantCulture)))}");
        Assert.That(accuracies.Average(), Is.GreaterThanOrEqualTo(0.994));
    }

    /// <summary>At most two standard deviations above the reference; the line that it prints says more.</summary>
    static void AssertAsLow(string stage, double error, double reference, int photos, int seeds)
    {
        double noise = 2 * Math.Sqrt(reference * (1 - reference) / photos / seeds);
        TestContext.Progress.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{stage}: {error:F4}, expected {reference:F4}: {(error <= reference ? "at or below" : error <= reference + noise ? "above, within noise" : "ABOVE")} (2 sigma {noise:F4}, {seeds} seeds)"));
        Assert.That(error, Is.LessThanOrEqualTo(reference + noise), stage);
    }

    /// <summary>Mean errors of the stages over the seeds.</summary>
    static (double Frozen, double Spoilt, double Tuned) Run(LessonData lesson)
    {
        List<(double Frozen, double Spoilt, double Tuned)> runs = [];
        foreach (ulong seed in Seeds)
        {
            using TemporaryFolder work = new();
            LessonScript script = new(lesson with { Seed = seed }, work.Path);
            var learn = script.Learner(script.Photos(lesson.Size, lesson.BatchSize), lesson.First);
            double frozen = LessonScript.TrainTheHead(learn, 4, "stage-1");
            TestContext.Progress.WriteLine($"seed {seed}: frozen {frozen:F4}, validation loss {learn.Recorder.ValidLosses[^1]:F3}");
            script.Interpret(learn);
            double spoilt = LessonScript.UnfreezeAtTheDefaultRates(learn);
            script.GoBackAndFindRates(learn, "stage-1", frozen);
            runs.Add((frozen, spoilt, LessonScript.FineTune(learn, 2)));
            TestContext.Progress.WriteLine($"seed {seed}: default rates for all layers {spoilt:F4}, then back and small rates {runs[^1].Tuned:F4}");
        }
        return (runs.Average(r => r.Frozen), runs.Average(r => r.Spoilt), runs.Average(r => r.Tuned));
    }

    static LessonData Seven(string network)
    {
        var valid = File.ReadLines(TestData.Golden("pets7_valid.txt")).ToHashSet(StringComparer.Ordinal);
        return Split(Lesson(Path.GetDirectoryName(TestData.Data("pets7/images"))!, network), valid, photos: 280);
    }

    static LessonData ThirtySeven(string network)
    {
        string folder = Path.GetDirectoryName(TestData.Data("pets37/images"))!;
        var valid = File.ReadLines(Path.Combine(folder, "annotations", "test.txt")).Select(l => l.Split(' ')[0]).ToHashSet(StringComparer.Ordinal);
        return Split(Lesson(folder, network), valid, photos: 735) with { Classes = 37 };
    }

    static LessonData Split(LessonData lesson, HashSet<string> valid, int photos)
    {
        bool IsValid(string path) => valid.Contains(Path.GetFileNameWithoutExtension(path));
        Assert.That(ImageFiles.In(lesson.Photos).Count(IsValid), Is.EqualTo(photos));
        return lesson with { IsValid = IsValid };
    }

    static LessonData Lesson(string photos, string network)
    {
        var weights = Architecture.Named(network, TestData.Data($"onnx/imagenet/{network}_imagenet_bn_op13.onnx"));
        return new(Path.Combine(photos, "images"), TestData.Data("mnist_sample"), weights, weights, weights);
    }

    [OneTimeSetUp]
    public void OnlyWhereItIsAskedFor()
    {
        if (SeedCount < 1) Assert.Ignore("takes many minutes: set TESSERA_LONG to the number of seeds");
        outer = Device.Default;
        if (Environment.GetEnvironmentVariable("TESSERA_TEST_DEVICE") is { Length: > 0 } device) Device.Default = Device.Parse(device);
    }

    [OneTimeTearDown]
    public void BackToTheDeviceOfOtherTests()
    {
        if (SeedCount >= 1) Device.Default = outer;
    }

    static int SeedCount => int.TryParse(Environment.GetEnvironmentVariable("TESSERA_LONG"), CultureInfo.InvariantCulture, out int n) ? n : 0;

    static IEnumerable<ulong> Seeds => Enumerable.Range(1, SeedCount).Select(i => (ulong)i);
}
