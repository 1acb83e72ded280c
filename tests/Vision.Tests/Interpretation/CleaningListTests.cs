using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

public sealed class CleaningListTests
{
    [Test]
    public void PairsAreThoseOfAllComparisons()
    {
        const int n = 700; // more than one block
        var x = Tensor.Normal([n, 5], new Philox(1));
        float[] flat = x.ToArray<float>();
        double[][] rows = [.. flat.Chunk(5).Select(r => r.Select(v => (double)v).ToArray())];
        for (int c = 0; c < 5; c++)
        {
            double mean = rows.Average(r => r[c]), std = Math.Sqrt(rows.Average(r => (r[c] - mean) * (r[c] - mean)));
            foreach (var r in rows) r[c] = (r[c] - mean) / std;
        }
        double Cosine(int i, int j) => rows[i].Zip(rows[j], (a, b) => a * b).Sum() / Math.Sqrt(rows[i].Sum(a => a * a) * rows[j].Sum(b => b * b));
        var expected = (from i in Enumerable.Range(0, n) from j in Enumerable.Range(i + 1, n - i - 1) select (I: i, J: j, Cosine: Cosine(i, j))).OrderByDescending(p => p.Cosine).Take(20).ToArray();
        var pairs = SimilarPairs.Of(x, 20, 0.5);
        Assert.That(pairs.Select(p => (double)p.Cosine), Is.EqualTo(expected.Select(p => p.Cosine)).Within(1e-6));
        Assert.That(pairs.Take(5).Select(p => (p.First, p.Second)), Is.EqualTo(expected.Take(5).Select(p => (p.I, p.J))));
        Assert.That(SimilarPairs.Of(x, 1000, 0.999).All(p => p.Cosine >= 0.999f));
    }

    [Test]
    public void ListNamesLargeLossesAndCopiesAndLeavesThemOutOfTheNextBunch()
    {
        using var folder = new TemporaryFolder();
        foreach (string breed in new[] { "Abyssinian", "Bengal", "havanese" })
            foreach (string photo in ImageFiles.In(TestData.Asset("pets/images"), recurse: true).Where(p => SmallNetworks.Breed(p) == breed).Order(StringComparer.Ordinal).Take(6))
                File.Copy(photo, folder.File(Path.GetFileName(photo)));
        string original = ImageFiles.In(folder.Path, recurse: true).Order(StringComparer.Ordinal).First(), copy = folder.File("havanese_999.jpg");
        Image.Load(original).Save(copy, quality: 50);

        var learn = Over(folder.Path, null);
        var list = CleaningList.Of(learn, losses: 3, duplicates: 5, similarity: 0.98);
        var high = list.Rows.Where(r => r.Reason == CleaningReason.HighLoss).ToArray();
        Assert.That(high.Select(r => r.Score), Is.Ordered.Descending.And.Exactly(3).Items);
        Assert.That(high.All(r => r.Label == SmallNetworks.Breed(r.Path) && learn.Images.Classes.Contains(r.Other)));
        var alike = list.Rows.Single(r => r.Reason == CleaningReason.NearDuplicate);
        Assert.That(new[] { alike.Path, alike.Other }, Is.EquivalentTo(new[] { original, copy }));

        string csv = folder.File("clean.csv");
        list.Save(csv);
        Assert.That(File.ReadLines(csv).First(), Is.EqualTo("path,reason,score,label,other"));
        Assert.That(CleaningList.Load(csv).Rows, Is.EqualTo(list.Rows));
        var cleaned = Over(folder.Path, CleaningList.Load(csv).Paths).Images;
        Assert.That(cleaned.TrainSet.Count + cleaned.ValidSet!.Count, Is.EqualTo(19 - list.Paths.Count));
        Assert.That(cleaned.TrainSet.Items.Concat(cleaned.ValidSet.Items).Select(i => i.Path), Is.Not.SupersetOf(list.Paths));
    }

    static ImageLearner Over(string folder, IReadOnlySet<string>? exclude)
    {
        var data = ImageDataBunch.FromNameRegex(folder, @"/([^/]+)_\d+.jpg$", null, 64, 8, new() { Workers = 0, Check = false, Exclude = exclude }).Normalize(ImageNet.Stats);
        return ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")));
    }

    [Test]
    public void OtherTablesAreRefused()
    {
        using var folder = new TemporaryFolder();
        string csv = folder.File("other.csv");
        Assert.That(() => CleaningList.Load(csv), Throws.TypeOf<DataException>().With.Message.Contains("cannot be read"));
        File.WriteAllText(csv, "name,label\na,b\n");
        Assert.That(() => CleaningList.Load(csv), Throws.TypeOf<DataException>().With.Message.Contains("not a cleaning list"));
        File.WriteAllText(csv, "path,reason,score,label,other\na,Ugly,1,b,c\n");
        Assert.That(() => CleaningList.Load(csv), Throws.TypeOf<DataException>().With.Message.Contains("row 2: got reason 'Ugly'"));
    }
}
