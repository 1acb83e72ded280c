using Tessera.NN;
using Tessera.Tests.Interpretation;
using Tessera.Vision;

namespace Tessera.Tests.Lesson;

/// <summary>Numbers of the lesson that anybody can compute again.</summary>
public sealed class LessonNumbersTests
{
    [Test]
    public void RatesThatAreTried()
    {
        LearningRateSearch search = new();
        foreach (var (batch, lr) in new[] { (0, 1e-7), (1, 1.202264435e-7), (10, 6.309573445e-7), (50, 1e-3), (60, 6.309573445e-3), (70, 3.981071706e-2), (99, 8.317637711) })
            Assert.That(search.Lr(batch, 1)[0], Is.EqualTo(lr).Within(1e-9 * lr), $"batch {batch}");
    }

    [Test]
    public void TheSmoothedLoss()
    {
        SmoothedValue smoothed = new();
        foreach (var (loss, expected) in new[] { (4, 4.0), (3, 3.494949495), (2, 2.986532445), (1, 2.474749536) })
        {
            smoothed.Add(loss);
            Assert.That(smoothed.Value, Is.EqualTo(expected).Within(1e-9));
        }
    }

    [Test]
    public void LightByDefault()
    {
        var transforms = Transforms.Default().Train;
        var (brightness, contrast) = (transforms.OfType<Brightness>().Single().Change, transforms.OfType<Contrast>().Single().Scale);
        Assert.That(new[] { brightness.Low, brightness.High, contrast.Low, contrast.High }, Is.EqualTo(new[] { 0.4, 0.6, 0.8, 1.25 }).Within(1e-12));
        Assert.That(new[] { brightness.Low, brightness.High }.Select(c => Math.Log(c / (1 - c))), Is.EqualTo(new[] { -0.405465, 0.405465 }).Within(1e-6));
    }

    [Test]
    public void Slices()
    {
        Assert.That(new LearningRate(1e-6, 1e-4).ForGroups(3), Is.EqualTo(new[] { 1e-6, 1e-5, 1e-4 }).Within(1e-15));
        Assert.That(new LearningRate(3e-3).ForGroups(3), Is.EqualTo(new[] { 3e-4, 3e-4, 3e-3 }).Within(1e-15));
        Assert.That(LearningRate.Default.ForGroups(3), Is.EqualTo(new LearningRate(3e-3).ForGroups(3)));
    }

    [TestCase(105, 1478, 0.071042)]
    [TestCase(92, 1478, 0.062246)]
    [TestCase(68, 1478, 0.046008)]
    [TestCase(65, 1478, 0.043978)]
    [TestCase(18, 2038, 1 - 0.991168)]
    [TestCase(11, 2038, 1 - 0.994603)]
    public void StepsOfTheErrorRate(int wrong, int photos, double rate)
    {
        var (error, accuracy) = (new ErrorRate(), new Accuracy());
        foreach (int[] batch in Enumerable.Range(0, photos).Chunk(64))
        {
            var logits = Tensor.From([.. batch.SelectMany(_ => new[] { 1f, 0 })], [batch.Length, 2]);
            var targets = Tensor.From([.. batch.Select(i => i < wrong ? 1L : 0)], [batch.Length]);
            error.Update(logits, targets);
            accuracy.Update(logits, targets);
        }
        Assert.That(error.Value, Is.EqualTo(rate).Within(5e-7));
        Assert.That(accuracy.Value, Is.EqualTo(1 - rate).Within(5e-7));
    }

    [Test]
    public void OneAndSixtyFourPhotosABatchPredictTheSame()
    {
        var learn = SmallNetworks.OverPets(batchSize: 4);
        learn.Fit(1, 1e-3);
        float[] Probabilities(int batchSize) => learn.GetPreds(new DataLoader(learn.Images.ValidSet!, batchSize, workers: 0)).Probabilities.ToArray<float>();
        float[] one = Probabilities(1);
        Assert.That(Probabilities(64), Is.EqualTo(one).Within(1e-5f));
        var classifier = learn.ToClassifier();
        foreach (var (i, item) in learn.Images.ValidSet!.Items.Index())
            Assert.That(classifier.Predict(item.Path).Probabilities, Is.EqualTo(one[(3 * i)..(3 * (i + 1))]).Within(1e-5f));
    }
}
