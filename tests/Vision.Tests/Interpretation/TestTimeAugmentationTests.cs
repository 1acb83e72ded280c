using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

public sealed class TestTimeAugmentationTests
{
    [Test]
    public void PassesReplaceCropFlipAndZoomByACorner()
    {
        var training = Transforms.Default(extra: [new Dihedral()]).Train;
        for (int i = 0; i < 8; i++)
        {
            var list = TestTimePredictions.Transforms(training, i, 1.35);
            double row = i is 1 or 3 or 5 or 7 ? 1 : 0, col = i is 2 or 3 or 6 or 7 ? 1 : 0;
            Assert.That(list.OfType<Zoom>().Single(), Is.EqualTo(new Zoom(1.35) { RowPct = row, ColPct = col }));
            Assert.That(list.OfType<CropPad>().Single(), Is.EqualTo(new CropPad { RowPct = row, ColPct = col }));
            Assert.That(list.OfType<FlipLeftRight>().Select(f => f.P), Is.EqualTo(i >= 4 ? new[] { 1.0 } : []));
            Assert.That(list.OfType<Dihedral>(), Is.Empty);
            Assert.That(list.Select(t => t.GetType()), Is.SupersetOf(new[] { typeof(SymmetricWarp), typeof(Rotate), typeof(Brightness), typeof(Contrast) }));
        }
        Assert.That(TestTimePredictions.Transforms(Transforms.Default(flipVert: true).Train, 0, 1.35).OfType<DihedralAffine>(), Is.Not.Empty, "the affine symmetries stay");
    }

    [Test]
    public void WithoutOtherTransformsEachPassIsTheEnlargedCorner()
    {
        var learn = SmallNetworks.OverPets();
        var item = learn.Images.ValidSet!.Items[0];
        var views = Enumerable.Range(0, 8).Select(i =>
        {
            double row = i % 2, col = i / 2 % 2;
            Transform[] list = [new Zoom(1.35) { RowPct = row, ColPct = col }, new CropPad { RowPct = row, ColPct = col }, .. i < 4 ? Array.Empty<Transform>() : [new FlipLeftRight()]];
            return learn.Predict(Tensor.From(new TransformPipeline(list, 32).Apply(Image.Load(item.Path)).Pixels, [1, 3, 32, 32])).ToArray<float>();
        }).ToArray();
        float[] expected = [.. Enumerable.Range(0, 3).Select(c => views.Average(p => p[c]))];
        Assert.That(learn.TestTimePasses().Augmented.ToArray<float>()[..3], Is.EqualTo(expected).Within(1e-5f));
        Assert.That(views.Select(v => v[0]).Distinct().Count(), Is.EqualTo(8), "the views differ");
    }

    [Test]
    public void MixIsWeightedAndItsLossesAreMinusTheLogarithm()
    {
        var learn = SmallNetworks.OverPets(Transforms.Default());
        var passes = learn.TestTimePasses();
        float[] p0 = passes.Plain.ToArray<float>(), p1 = passes.Augmented.ToArray<float>();
        Assert.That(p0, Is.EqualTo(learn.GetPreds().Probabilities.ToArray<float>()));
        var mixed = learn.TestTimeAugmentation();
        Assert.That(mixed.Probabilities.ToArray<float>(), Is.EqualTo(p0.Zip(p1, (a, b) => (0.4f * a) + (0.6f * b))).Within(1e-6f));
        var interpretation = learn.Interpret(tta: true);
        Assert.That(interpretation.Probabilities.ToArray<float>(), Is.EqualTo(mixed.Probabilities.ToArray<float>()), "one seed, one result");
        for (int i = 0; i < interpretation.Count; i++)
            Assert.That(interpretation.Losses[i], Is.EqualTo(-MathF.Log(interpretation.ProbabilityOfActual(i))).Within(1e-6f));
    }

    [Test]
    public void OneSeedGivesTheSameForAnyNumberOfThreads()
    {
        float[] Augmented(int workers, ulong seed, int batchSize) =>
            SmallNetworks.OverPets(Transforms.Default(), workers: workers, seed: seed, batchSize: batchSize).TestTimePasses().Augmented.ToArray<float>();
        float[] expected = Augmented(0, 42, 4);
        Assert.That(Augmented(3, 42, 4), Is.EqualTo(expected));
        Assert.That(Augmented(0, 42, 1), Is.EqualTo(expected).Within(1e-5f));
        Assert.That(Augmented(0, 43, 4), Is.Not.EqualTo(expected));
    }

    [Test]
    public void MisuseIsNamed()
    {
        var learn = SmallNetworks.OverPets();
        Assert.That(() => learn.TestTimeAugmentation(beta: 1.1), Throws.TypeOf<TesseraException>().With.Message.Contains("got 1.1, expected 0..1"));
        Assert.That(() => learn.TestTimeAugmentation(scale: 0.9), Throws.TypeOf<TesseraException>().With.Message.Contains("got 0.9, expected at least 1"));
        Assert.That(() => learn.TestTimePasses(set: new DataLoader(new CountingSet(3, 32), 2)), Throws.TypeOf<TesseraException>().With.Message.Contains("expected an ImageDataset"));
    }

    [Test]
    public void DropoutPredictionsVaryAndLeaveTheGeneratorAlone()
    {
        var learn = SmallNetworks.OverPets();
        ulong position = Generator.Default.Position;
        var photo = Image.Load(learn.Images.ValidSet!.Items[0].Path);
        var predictions = learn.PredictWithMonteCarloDropout(photo);
        Assert.That(predictions, Has.Count.EqualTo(10));
        Assert.That(predictions.Select(p => p.Probabilities[0]).Distinct().Count(), Is.EqualTo(10));
        Assert.That(predictions.All(p => Math.Abs(p.Probabilities.Sum() - 1) < 1e-5 && p.Label == learn.Images.Classes[p.Index]));
        Assert.That(learn.PredictWithMonteCarloDropout(photo).Select(p => p.Probabilities[0]), Is.EqualTo(predictions.Select(p => p.Probabilities[0])), "one seed, one result");
        Assert.That(Generator.Default.Position, Is.EqualTo(position));
    }
}
