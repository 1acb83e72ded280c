using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

public sealed class DecodedPhotosTests
{
    const int Side = 40;
    static readonly string[] photos = [.. ImageFiles.In(TestData.Asset("pets/images")).Take(6)];

    [Test]
    public void KeptPhotosGiveTheSameFloats([Values(0L, 350_000, 1L << 30)] long budget, [Values] bool scaled)
    {
        var dataset = Dataset(photos, new DecodedPhotos(budget), scaled);
        var expected = Dataset(photos, null, scaled);
        for (int epoch = 0; epoch < 3; epoch++)
            for (int i = 0; i < photos.Length; i++)
                Assert.That(Floats(dataset, i, epoch), Is.EqualTo(Floats(expected, i, epoch)), $"photo {i} in epoch {epoch}");
    }

    [Test]
    public void KeptPhotosNeedNoFiles()
    {
        using var folder = new TemporaryFolder();
        string[] copies = [.. photos.Select(p => folder.File(Path.GetFileName(p)))];
        foreach (var (from, to) in photos.Zip(copies)) File.Copy(from, to);
        long three = copies.Take(3).Sum(p => (long)Image.Load(p).Pixels.Length);
        var decoded = new DecodedPhotos(three);
        var dataset = Dataset(copies, decoded, scaled: false);
        for (int i = 0; i < photos.Length; i++) Floats(dataset, i, epoch: 0);
        Assert.That(decoded.Count, Is.EqualTo(3), "as many as the budget holds, the first ones");
        foreach (string path in copies) File.Delete(path);
        for (int i = 0; i < 3; i++) Assert.That(Floats(dataset, i, epoch: 1), Is.EqualTo(Floats(Dataset(photos, null, scaled: false), i, epoch: 1)));
        Assert.That(() => Floats(dataset, 3, epoch: 1), Throws.TypeOf<DataException>());
    }

    [Test]
    public void TheBudgetHoldsForManyThreads()
    {
        var image = new Image(10, 10, new byte[300]);
        var decoded = new DecodedPhotos(300 * 50);
        Parallel.For(0, 1000, Keep);
        for (int i = 0; i < 200; i++) Keep(i); // what was refused while another thread asked for room has its turn
        Assert.That(decoded.Count, Is.EqualTo(50));

        void Keep(int i) => decoded.Keep(FormattableString.Invariant($"{i % 200}"), image);
    }

    static ImageDataset Dataset(string[] paths, DecodedPhotos? decoded, bool scaled) =>
        new([.. paths.Select(p => new LabeledImage(p, 0))], new TransformPipeline(Transforms.Default().Train, Side), scaled, decoded);

    static float[] Floats(ImageDataset dataset, int item, int epoch)
    {
        float[] x = new float[3 * Side * Side];
        dataset.Load(item, new Philox(5).At((uint)epoch, (uint)item), x, out _);
        return x;
    }
}
