using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Plots;

public sealed class PhotoPlotsTests
{
    const int Side = 32, Batch = 16;

    static ImageDataBunch Data(int? workers = null, double valid = 0.2) => ImageDataBunch.FromNameRegex(
        TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", Transforms.Default(), Side, Batch, new() { Workers = workers, ValidFraction = valid }).Normalize(ImageNet.Stats);

    static ImageLearner Learner(ImageDataBunch data)
    {
        var learn = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")));
        learn.Display = null;
        return learn;
    }

    /// <summary>Photo <paramref name="i"/> of a grid of photos of 32 pixels, each drawn 200 wide.</summary>
    static Image Cell(Image grid, int i, int columns, double top, double rowHeight)
    {
        byte[] rgb = new byte[Side * Side * 3];
        for (int row = 0; row < Side; row++)
            for (int col = 0; col < Side; col++)
            {
                var (r, g, b) = grid[(int)(top + (i / columns * rowHeight) + ((row + 0.5) * 6.25)), (int)(6 + (i % columns * 206) + ((col + 0.5) * 6.25))];
                (rgb[((row * Side) + col) * 3], rgb[(((row * Side) + col) * 3) + 1], rgb[(((row * Side) + col) * 3) + 2]) = (r, g, b);
            }
        return new Image(Side, Side, rgb);
    }

    static byte[] Bytes(Tensor x) => [.. x.Permute(1, 2, 0).ToArray<float>().Select(v => (byte)MathF.Round(255 * Math.Clamp(v, 0, 1)))];

    [Test]
    public void ABatchIsShownAsTrainingSeesIt()
    {
        var data = Data();
        var image = data.ShowBatch(rows: 3).ToImage();
        Assert.That(image.Width, Is.EqualTo(624));
        var batch = data.Train.Epoch().Take(1).Select(b => b.X.Clone()).Single();
        for (int i = 0; i < 9; i++)
            Assert.That(Cell(image, i, 3, 18.25, 224.25).Pixels.SequenceEqual(Bytes(batch.Narrow(0, i, 1).Reshape(3, Side, Side))), $"photo {i}");
        Assert.That(Enumerable.Range(0, 9).Select(i => image.Dark((i / 3 * 224) + 2, (i % 3 * 206) + 10, 14, 190)), Is.All.GreaterThan(20), "titles");
    }

    [Test]
    public void TheGridIsNoLargerThanTheBatch()
    {
        Assert.That(Data().ShowBatch(rows: 10).Width, Is.EqualTo(830), "16 photos, 4 x 4");
        var figure = Data().ShowBatch(rows: 2, width: 300, height: 320);
        Assert.That((figure.Width, figure.Height), Is.EqualTo((300, 320)));
        Assert.That(() => Data().ShowBatch(rows: 0), Throws.TypeOf<TesseraException>().With.Message.Contains("got 0"));
    }

    [Test]
    public void ReverseTakesTheBatchFromItsEnd()
    {
        var data = Data(workers: 0);
        var batch = data.Valid!.Epoch().Take(1).Select(b => b.X.Clone()).Single();
        var image = data.ShowBatch(rows: 1, data.Valid, reverse: true).ToImage();
        Assert.That(Cell(image, 0, 1, 18.25, 0).Pixels.SequenceEqual(Bytes(batch.Narrow(0, Batch - 1, 1).Reshape(3, Side, Side))));
    }

    [Test]
    public void ShowingChangesNothing()
    {
        static double[] Losses(bool shown)
        {
            var data = Data(workers: 2);
            var learn = Learner(data);
            if (shown)
            {
                data.ShowBatch(rows: 2);
                learn.ShowResults(rows: 2);
            }
            ulong position = Generator.Default.Position;
            learn.Fit(1, callbacks: [new StopAfterNBatches(3)]);
            return [.. learn.Recorder.BatchLosses.Prepend(position)];
        }
        Assert.That(Losses(shown: true), Is.EqualTo(Losses(shown: false)));
    }

    [Test]
    public void ResultsAreTitledWithTruthAndPrediction()
    {
        var data = Data();
        var learn = Learner(data);
        var figure = learn.ShowResults(rows: 3);
        string svg = figure.ToSvg();
        Assert.That(svg, Does.Contain("Ground truth / Predictions"));
        long[] predicted = [.. learn.GetPreds().Probabilities.ArgMax(1).ToArray<long>().Take(9)], actual = [.. data.ValidSet!.Items.Take(9).Select(i => (long)i.Label)];
        int wrong = predicted.Zip(actual).Count(p => p.First != p.Second);
        Assert.That(wrong, Is.Positive, "the model is untrained");
        Assert.That(svg.Split("fill=\"#B22222\"").Length - 1, Is.EqualTo(2 * wrong), "two red lines above each wrong one");
        foreach (long p in predicted) Assert.That(svg, Does.Contain(data.Classes[(int)p]));
        Assert.That(() => Learner(Data(valid: 0)).ShowResults(), Throws.TypeOf<TesseraException>().With.Message.Contains("no validation photos"));
    }
}
