using System.Globalization;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Lesson;

/// <summary>
/// The lesson on real photos and digits with whole networks (set TESSERA_DATA), beside what PyTorch reached with the same weights, photos, split and
/// recipe: 4 epochs with a frozen body at 224 pixels in batches of 32, mean of three seeds. It takes many minutes, so it only runs where TESSERA_LONG says with
/// how many seeds, 1 to 3.
/// </summary>
[NonParallelizable, Category("Long")]
public sealed class LessonRunTests
{
    const double pets37Error = 0.1882, pets7Error = 0.0440, pets7Tuned = 0.0405;

    [Test]
    public void SevenBreedsEndAsLowAsPyTorch()
    {
        string folder = Path.GetDirectoryName(TestData.Data("pets7/images"))!;
        var valid = File.ReadLines(TestData.Golden("pets7_valid.txt")).ToHashSet(StringComparer.Ordinal);
        LessonData lesson = Lesson(folder, "resnet18") with { IsValid = p => valid.Contains(Path.GetFileNameWithoutExtension(p)) };
        var (frozen, spoilt, tuned) = Run(lesson, validation: 280);
        Assert.That(frozen, Is.LessThanOrEqualTo(pets7Error + Noise(pets7Error, 280)));
        Assert.That(spoilt, Is.GreaterThan(frozen + 0.02), "all layers at the default rates");
        Assert.That(tuned, Is.LessThanOrEqualTo(pets7Tuned + Noise(pets7Tuned, 280)));
    }

    [Test]
    public void ThirtySevenBreedsEndAsLowAsPyTorch()
    {
        string folder = Path.GetDirectoryName(TestData.Data("pets37/images"))!;
        var valid = File.ReadLines(Path.Combine(folder, "annotations", "test.txt")).Select(l => l.Split(' ')[0]).ToHashSet(StringComparer.Ordinal);
        LessonData lesson = Lesson(folder, "resnet18") with { IsValid = p => valid.Contains(Path.GetFileNameWithoutExtension(p)) };
        var (frozen, spoilt, tuned) = Run(lesson, validation: 735);
        Assert.That(frozen, Is.LessThanOrEqualTo(pets37Error + Noise(pets37Error, 735)));
        Assert.That(spoilt, Is.GreaterThan(frozen + 0.02), "all layers at the default rates");
        Assert.That(tuned, Is.LessThanOrEqualTo(frozen + Noise(pets37Error, 735)));
    }

    [Test]
    public void DigitsAreTold994OfAThousandTimes()
    {
        using TemporaryFolder work = new();
        double[] accuracies = [.. Seeds.Select(seed => new LessonScript(Lesson(TestData.Data("pets7"), "resnet18") with { Seed = seed }, work.Path).Digits())];
        TestContext.Out.WriteLine($"accuracies {string.Join(", ", accuracies.Select(a => a.ToString("F6", CultureInfo.InvariantCulture)))}");
        Assert.That(accuracies.Average(), Is.GreaterThanOrEqualTo(0.994));
    }

    /// <summary>Mean errors of the stages over the seeds.</summary>
    static (double Frozen, double Spoilt, double Tuned) Run(LessonData lesson, int validation)
    {
        List<(double Frozen, double Spoilt, double Tuned)> runs = [];
        foreach (ulong seed in Seeds)
        {
            using TemporaryFolder work = new();
            LessonScript script = new(lesson with { Seed = seed }, work.Path);
            var learn = script.Learner(script.Photos(lesson.Size, lesson.BatchSize), lesson.First);
            Assert.That(learn.Images.ValidSet!.Count, Is.EqualTo(validation));
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

    static LessonData Lesson(string photos, string network)
    {
        var weights = Architecture.Named(network, TestData.Data($"onnx/imagenet/{network}_imagenet_bn_op13.onnx"));
        return new(Path.Combine(photos, "images"), TestData.Data("mnist_sample"), weights, weights, weights);
    }

    [OneTimeSetUp]
    public void OnlyWhereItIsAskedFor()
    {
        if (SeedCount < 1) Assert.Ignore("takes many minutes: set TESSERA_LONG to the number of seeds");
    }

    static int SeedCount => int.TryParse(Environment.GetEnvironmentVariable("TESSERA_LONG"), CultureInfo.InvariantCulture, out int n) ? n : 0;

    static IEnumerable<ulong> Seeds => Enumerable.Range(1, SeedCount).Select(i => (ulong)i);

    /// <summary>Two standard deviations of a mean of error rates, each over <paramref name="n"/> photos.</summary>
    static double Noise(double error, int n) => 2 * Math.Sqrt(error * (1 - error) / n / SeedCount);
}
