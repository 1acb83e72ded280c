using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

public sealed class LayerVisualizationTests
{
    /// <summary>A dark picture an item with one bright pixel, red in even items and blue in odd ones, brighter from item to item.</summary>
    static Learner OverSpots(out (int Row, int Col)[] spots)
    {
        spots = [(3, 4), (10, 2), (6, 9), (2, 12), (15, 15)];
        float[] x = new float[5 * 3 * 16 * 16];
        foreach (var (i, (row, col)) in spots.Index()) x[(((i * 3) + (i % 2 == 0 ? 0 : 2)) * 256) + (row * 16) + col] = 0.2f * (i + 1);
        var set = new TensorDataset(Tensor.From(x, [5, 3, 16, 16]), Tensor.From(0L, 1L, 0L, 1L, 0L));
        // Channel 0 sees red, channel 1 blue; the second layer sums 3 x 3 of the red less the blue ones.
        var first = new Conv2d(3, 2, 3, padding: 1, bias: false);
        first.Weight.CopyFrom(Tensor.From([.. Enumerable.Range(0, 54).Select(i => i / 9 is 0 or 5 ? 1f : 0f)], [2, 3, 3, 3]));
        var second = new Conv2d(2, 1, 3, padding: 1, bias: false);
        second.Weight.CopyFrom(Tensor.From([.. Enumerable.Range(0, 18).Select(i => i < 9 ? 1f : -1f)], [1, 2, 3, 3]));
        var model = new Sequential(new Sequential(first, new Relu(), second, new Relu()), new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(1, 2)));
        return new Learner(new DataBunch(new DataLoader(set, 2, workers: 0)), model, new CrossEntropyLoss()) { Display = null };
    }

    [Test]
    public void PatchesAreTheReceptiveFieldsAroundWhatExcitesTheChannel()
    {
        var learner = OverSpots(out var spots);
        var patches = LayerVisualization.Patches(learner, "0.0", [0, 1], 2, learner.Data.Train);
        Assert.That(patches[0].Select(p => p.Item), Is.EqualTo(new[] { 4, 2 }), "the brightest red ones");
        Assert.That(patches[1].Select(p => p.Item), Is.EqualTo(new[] { 3, 1 }), "the brightest blue ones");
        Assert.That(patches[0].Select(p => p.Activation), Is.EqualTo(new[] { 1f, 0.6f }).Within(1e-6f));
        foreach (var p in patches.SelectMany(p => p))
        {
            Assert.That((p.Photo.Height, p.Photo.Width, p.Gradient.Height, p.Gradient.Width), Is.EqualTo((3, 3, 3, 3)));
            Assert.That(p.Row <= spots[p.Item].Row && spots[p.Item].Row < p.Row + 3 && p.Col <= spots[p.Item].Col && spots[p.Item].Col < p.Col + 3);
            int colour = p.Item % 2 == 0 ? 0 : 2;
            Assert.That(p.Photo.Pixels.ToArray().Max(), Is.EqualTo(Math.Round(255 * 0.2f * (p.Item + 1))));
            Assert.That(p.Gradient.Pixels.ToArray(), Is.EqualTo(Enumerable.Range(0, 27).Select(i => i % 3 == colour ? 255 : 128)), "each of its colour counts, no other");
        }
        Assert.That(LayerVisualization.Patches(learner, "0", 0, 1, learner.Data.Train)[0].Photo.Width, Is.EqualTo(5), "two layers see more");
        Assert.That(LayerVisualization.Patches(learner, "1", 1, 3, learner.Data.Train), Has.Count.EqualTo(3), "an output counts as a channel");
    }

    [Test]
    public void FiltersAreThoseOfTheFirstConvolution()
    {
        var filters = LayerVisualization.Filters(OverSpots(out _).Model);
        Assert.That(filters.Select(f => (f.Height, f.Width)), Is.EqualTo(new[] { (3, 3), (3, 3) }));
        Assert.That((filters[0][1, 1], filters[1][0, 2]), Is.EqualTo(((255, 128, 128), (128, 128, 255))));
        Assert.That(LayerVisualization.Filters(SmallNetworks.OverPets().Model), Has.Count.EqualTo(8));
    }

    [Test]
    public void PatchesOfAResidualNetworkLieInsideThePhotos()
    {
        var learn = SmallNetworks.OverPets(size: 64);
        foreach (string layer in new[] { "0.0", "0.4.1", "0.5" })
        {
            var patches = LayerVisualization.Patches(learn, layer, 3, 4);
            Assert.That(patches, Has.Count.EqualTo(4));
            Assert.That(patches.Select(p => p.Activation), Is.Ordered.Descending);
            Assert.That(patches.All(p => p.Photo.Width == patches[0].Photo.Width && p.Row + p.Photo.Height <= 64 && p.Col + p.Photo.Width <= 64));
        }
        Assert.That(LayerVisualization.Patches(learn, "0.0", 3, 4)[0].Photo.Width, Is.EqualTo(7));
        Assert.That(learn.Model.Parameters().All(p => p.Grad is null));
    }

    [Test]
    public void MisuseIsNamed()
    {
        var learner = OverSpots(out _);
        Assert.That(() => LayerVisualization.Patches(learner, "0.9", 0, set: learner.Data.Train), Throws.TypeOf<TesseraException>().With.Message.Contains("no such layer: got \"0.9\", expected a name of NamedModules, such as 0, 0.0"));
        Assert.That(() => LayerVisualization.Patches(learner, "0.0", 2, set: learner.Data.Train), Throws.TypeOf<TesseraException>().With.Message.Contains("got 2, expected 0..1"));
        Assert.That(() => LayerVisualization.Filters(new Flatten()), Throws.TypeOf<TesseraException>().With.Message.Contains("no convolution"));
    }
}
