using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

public sealed class ClassificationInterpretationTests
{
    [Test]
    public void ProbabilityOfTheActualClassIsExpOfMinusTheLoss()
    {
        var interpretation = SmallNetworks.OverPets().Interpret();
        Assert.That(interpretation.Count, Is.EqualTo(9));
        for (int i = 0; i < interpretation.Count; i++)
            Assert.That(interpretation.ProbabilityOfActual(i), Is.EqualTo(MathF.Exp(-interpretation.Losses[i])).Within(1e-6f));
    }

    /// <summary>What training asks for beside is no part of it, and test-time augmentation does the same.</summary>
    [Test]
    public void SoItIsAfterLabelSmoothingAndClassWeights()
    {
        var learner = SmallNetworks.OverPets();
        var expected = learner.Interpret();
        foreach (Loss loss in new Loss[] { new CrossEntropyLoss(Tensor.From(1f, 2f, 5f), 0.1), new LabelSmoothingCrossEntropy(0.2) })
        {
            learner.Loss = loss;
            Assert.That(learner.GetPreds(withLoss: true).Losses!.ToArray<float>(), Is.Not.EqualTo(expected.Losses).Within(1e-3f), "the losses of training");
            Assert.That(learner.Interpret().Losses, Is.EqualTo(expected.Losses));
            var tta = learner.Interpret(tta: true);
            Assert.That(tta.Losses, Is.EqualTo(Enumerable.Range(0, tta.Count).Select(i => -MathF.Log(tta.ProbabilityOfActual(i)))).Within(1e-5f));
        }
        learner.Loss = new AlwaysOne();
        Assert.That(learner.Interpret().Losses, Has.All.EqualTo(1), "a loss of one's own judges");
    }

    sealed class AlwaysOne : Loss
    {
        public override Tensor Forward(Tensor output, Tensor target) => Tensor.Ones([]);

        public override Tensor PerItem(Tensor output, Tensor target) => Tensor.Ones([output.Shape[0]]);
    }

    [Test]
    public void ResultsAreInTheOrderOfTheSetWhateverTheBatchSize()
    {
        var (learner, set) = SmallNetworks.OverNoise();
        var one = ClassificationInterpretation.FromLearner(learner, new DataLoader(set, 1, shuffle: true, workers: 2));
        var all = ClassificationInterpretation.FromLearner(learner, new DataLoader(set, 64, dropLast: true, workers: 0));
        Assert.That(one.Targets, Is.EqualTo(Enumerable.Range(0, 30).Select(i => i % 3)).And.EqualTo(all.Targets));
        Assert.That(one.Predicted, Is.EqualTo(all.Predicted));
        Assert.That(one.Losses, Is.EqualTo(all.Losses).Within(1e-5f));
        Assert.That(one.TopLosses().Select(l => l.Item).Order(), Is.EqualTo(Enumerable.Range(0, 30)));
    }

    [Test]
    public void OnePassIsEnough()
    {
        var (learner, set) = SmallNetworks.OverNoise();
        var interpretation = ClassificationInterpretation.FromLearner(learner);
        _ = (interpretation.TopLosses(), interpretation.ConfusionMatrix(), interpretation.MostConfused(), interpretation.PerClass());
        Assert.That(set.Loads, Is.EqualTo(30));
    }

    [Test]
    public void TopLossesAreSorted()
    {
        var interpretation = ClassificationInterpretation.FromLearner(SmallNetworks.OverNoise().Learner);
        var top = interpretation.TopLosses(9);
        Assert.That(top.Select(l => l.Loss), Is.EqualTo(interpretation.Losses.OrderDescending().Take(9)));
        Assert.That(top.All(l => interpretation.Losses[l.Item] == l.Loss));
        Assert.That(interpretation.TopLosses(9, largest: false).Select(l => l.Loss), Is.EqualTo(interpretation.Losses.Order().Take(9)));
    }

    /// <summary>A model that says what the picture holds: its first elements are the logits.</summary>
    static ClassificationInterpretation Of(params (int Predicted, int Actual)[] items)
    {
        float[] x = [.. items.SelectMany(i => new[] { 0, 1, 2 }.Select(c => c == i.Predicted ? 2f : 0f))];
        var set = new TensorDataset(Tensor.From(x, [items.Length, 3]), Tensor.From([.. items.Select(i => (long)i.Actual)], [items.Length]));
        var learner = new Learner(new DataBunch(new DataLoader(set, 2, workers: 0)), new Flatten(), new CrossEntropyLoss()) { Display = null };
        return ClassificationInterpretation.FromLearner(learner, learner.Data.Train, classes: ["cat", "dog", "fox"]);
    }

    [Test]
    public void ConfusionsAreCountedAndTiesAreInTheOrderOfTheRows()
    {
        var interpretation = Of((0, 0), (1, 0), (1, 0), (2, 1), (0, 2), (0, 2), (2, 2));
        Assert.That(interpretation.MostConfused(), Is.EqualTo(new[] { ("cat", "dog", 2L), ("fox", "cat", 2L), ("dog", "fox", 1L) }));
        Assert.That(interpretation.MostConfused(min: 2), Has.Count.EqualTo(2), "at least two, not more than two");
        var matrix = interpretation.ConfusionMatrix();
        Assert.That(new[] { matrix[0, 0], matrix[0, 1], matrix[1, 2], matrix[2, 0], matrix[1, 1] }, Is.EqualTo(new[] { 1, 2, 1, 2, 0 }));
    }

    [Test]
    public void PerClassScoresAreThoseOfTheCounts()
    {
        var scores = Of((0, 0), (1, 0), (1, 0), (2, 1), (0, 2), (0, 2), (2, 2)).PerClass();
        Assert.That(scores.Select(s => (s.Class, s.Support)), Is.EqualTo(new[] { ("cat", 3L), ("dog", 1L), ("fox", 3L) }));
        Assert.That(scores.Select(s => s.Precision), Is.EqualTo(new[] { 1 / 3.0, 0, 1 / 2.0 }).Within(1e-12));
        Assert.That(scores.Select(s => s.Recall), Is.EqualTo(new[] { 1 / 3.0, 0, 1 / 3.0 }).Within(1e-12));
        Assert.That(scores.Select(s => s.F1), Is.EqualTo(new[] { 1 / 3.0, 0, 2 / 5.0 }).Within(1e-12));
    }

    [Test]
    public void MisuseIsNamed()
    {
        var (learner, set) = SmallNetworks.OverNoise();
        Assert.That(() => ClassificationInterpretation.FromLearner(learner, tta: true), Throws.TypeOf<TesseraException>().With.Message.Contains("expected an ImageLearner"));
        Assert.That(() => ClassificationInterpretation.FromLearner(learner, classes: ["a"]), Throws.TypeOf<TesseraException>().With.Message.Contains("got 1, expected 3"));
        var empty = new Learner(new DataBunch(new DataLoader(set, 4)), learner.Model, new CrossEntropyLoss());
        Assert.That(() => ClassificationInterpretation.FromLearner(empty), Throws.TypeOf<TesseraException>().With.Message.Contains("no validation items"));
        var pets = SmallNetworks.OverPets();
        var unlabelled = new DataLoader(new ImageDataset([new(pets.Images.ValidSet!.Items[0].Path, -1)], new TransformPipeline([], 32)), 1, workers: 0);
        Assert.That(() => pets.Interpret(unlabelled), Throws.TypeOf<TesseraException>().With.Message.Contains("is not known"));
    }
}
