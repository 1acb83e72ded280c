using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

/// <summary>The lesson makes the same data in five ways: by folder, table file, table in memory, path and lists.</summary>
public sealed class MnistFormsTests
{
    [Test]
    public void TheSampleOfTheRepository() => AllFormsAgree(TestData.Asset("mnist"), train: 40, valid: 20);

    [Test]
    public void TheWholeSample() => AllFormsAgree(TestData.Data("mnist_sample"), train: 12_396, valid: 2_038);

    static void AllFormsAgree(string path, int train, int valid)
    {
        int n = train + valid;
        var transforms = Transforms.Default(doFlip: false);
        ImageDataOptions options = new() { Workers = 0 };

        var folder = ImageDataBunch.FromFolder(path, transforms: transforms, size: 26, batchSize: 16, options: options);
        Assert.That((folder.TrainSet.Count, folder.ValidSet!.Count, folder.C), Is.EqualTo((train, valid, 2)));
        Assert.That(folder.Classes, Is.EqualTo(new[] { "3", "7" }));
        Assert.That(folder.ClassNumbers, Is.Null);

        string csv = Path.Combine(path, "labels.csv");
        var table = Table.Read(csv);
        Assert.That(table.Count, Is.EqualTo(n));
        var fromCsv = ImageDataBunch.FromCsv(csv, transforms: transforms, size: 28, batchSize: 16, options: options);
        Assert.That(fromCsv.Classes, Is.EqualTo(new[] { "0", "1" }));
        Assert.That(fromCsv.ClassNumbers, Is.EqualTo(new[] { 0L, 1 }));

        string[] files = [.. table.Column("name").Select(name => Path.Combine(path, name))];
        var fromTable = ImageDataBunch.FromTable(table, path, transforms: transforms, size: 24, batchSize: 16, options: options);
        var fromNames = ImageDataBunch.FromNameRegex(path, @"/(\d)/\d+\.png$", transforms, 24, 16, options);
        var fromFunction = ImageDataBunch.FromNameFunction(files, p => p.Contains("/3/", StringComparison.Ordinal) ? "3" : "7", transforms, 24, 16, options);
        var fromLists = ImageDataBunch.FromLists(files, [.. files.Select(p => p.Contains("/3/", StringComparison.Ordinal) ? "3" : "7")], transforms, 24, 16, options);
        Assert.That(fromTable.ClassNumbers, Is.EqualTo(new[] { 0L, 1 }));
        Assert.That(fromNames.Classes, Is.EqualTo(new[] { "3", "7" }));
        Assert.That(fromFunction.Classes, Is.EqualTo(new[] { "3", "7" }));
        Assert.That(fromLists.Classes, Is.EqualTo(new[] { "3", "7" }));

        var truth = Items(folder).ToDictionary();
        foreach (var data in new[] { fromCsv, fromTable, fromNames, fromFunction, fromLists })
        {
            Assert.That((data.TrainSet.Count, data.ValidSet!.Count), Is.EqualTo((n - (n / 5), n / 5)));
            Assert.That(Items(data).Count(i => truth[i.Path] == i.Label), Is.EqualTo(n), "the same photos with the same classes");
            Assert.That(data.Warnings, Is.Empty);
            Assert.That(data.Train.Epoch().First().X.Shape, Is.EqualTo(new Shape(16, 3, data.Size.Height, data.Size.Width)));
        }
        Assert.That(fromTable.ValidSet!.Items, Is.EqualTo(fromCsv.ValidSet!.Items));
        Assert.That(fromLists.ValidSet!.Items, Is.EqualTo(fromFunction.ValidSet!.Items));
    }

    static IEnumerable<(string Path, int Label)> Items(ImageDataBunch data) =>
        data.TrainSet.Items.Concat(data.ValidSet!.Items).Select(i => (Path.GetFullPath(i.Path), i.Label));
}
