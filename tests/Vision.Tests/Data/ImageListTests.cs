using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

/// <summary>The five steps one by one; the factories are held by ImageDataBunchTests.</summary>
public sealed class ImageListTests
{
    static readonly string mnist = TestData.Asset("mnist");
    static readonly ImageList digits = ImageList.FromFolder(mnist);

    static string[] Names(IEnumerable<string> paths) => [.. paths.Select(p => Path.GetRelativePath(mnist, p).Replace('\\', '/'))];

    static void Refused<E>(Func<object?> make, string message) where E : Exception => Assert.That(() => make(), Throws.TypeOf<E>().With.Message.Contains(message));

    [Test]
    public void FiveStepsGiveABunch()
    {
        var data = digits.SplitByFolder().LabelFromFolder().Transform(Transforms.Default(doFlip: false), size: 26).Bunch(batchSize: 8).Normalize(Mnist.Stats);
        Assert.That((data.C, data.TrainSet.Count, data.ValidSet!.Count, data.Train.BatchSize, data.Stats), Is.EqualTo((2, 40, 20, 8, Mnist.Stats)));
        Assert.That(data.TrainSet.InputShape, Is.EqualTo(new Shape(3, 26, 26)));
        Assert.That(data.Seed, Is.EqualTo(42));
        Assert.That(digits.SplitByRandom(seed: 7).LabelFromFolder().Transform(size: 26).Bunch(8).Seed, Is.EqualTo(7), "the split's seed goes on");
        Assert.That(digits.SplitByRandom(seed: 7).LabelFromFolder().Transform(size: 26).Bunch(8, seed: 8).Seed, Is.EqualTo(8));
        Assert.That(digits.SplitNone().LabelFromFolder().Transform(size: 27, multiple: 8).Bunch(8).Size, Is.EqualTo((ImageSize)24));
    }

    [Test]
    public void TheRandomSplitIsThePermutationsBeginning()
    {
        var split = digits.SplitByRandom(0.25, seed: 2);
        int[] order = new Philox(2).Permutation(60);
        Assert.That(split.ValidPaths, Is.EqualTo(order[..15].Select(i => digits.Paths[i])), "in permuted order");
        Assert.That(split.TrainPaths, Is.EqualTo(order[15..].Order().Select(i => digits.Paths[i])), "in their own order");
        Assert.That(digits.SplitByRandom(0.25, seed: 2).ValidPaths, Is.EqualTo(split.ValidPaths));
        Assert.That(digits.SplitByRandom(0.016).ValidPaths, Is.Empty, "rounded down");
        Refused<TesseraException>(() => digits.SplitByRandom(1), "not a share");
        Refused<TesseraException>(() => digits.SplitByRandom(double.NaN), "not a share");
    }

    [Test]
    public void LegacySeedsGiveNumPysPermutation()
    {
        Assert.That(LegacyPermutation.Of(10, 0), Is.EqualTo(new[] { 2, 8, 4, 9, 1, 6, 7, 3, 0, 5 }));
        Assert.That(LegacyPermutation.Of(10, 42), Is.EqualTo(new[] { 8, 1, 5, 0, 7, 2, 9, 4, 3, 6 }));
        int[] pets = LegacyPermutation.Of(7390, 2);
        Assert.That(pets[..12], Is.EqualTo(new[] { 564, 6883, 194, 2312, 4140, 3961, 1500, 925, 2670, 5292, 2407, 2324 }));
        Assert.That((pets[1477], pets[1478], pets[..1478].Sum()), Is.EqualTo((5641, 4666, 5_426_354)));
        var split = ImageList.FromPaths([.. Enumerable.Range(0, 10).Select(i => $"{i}.jpg")]).SplitByLegacySeed(0.3, seed: 42);
        Assert.That(split.ValidPaths, Is.EqualTo(new[] { "8.jpg", "1.jpg", "5.jpg" }));
        Assert.That(split.TrainPaths, Is.EqualTo(new[] { "0.jpg", "2.jpg", "3.jpg", "4.jpg", "6.jpg", "7.jpg", "9.jpg" }));
    }

    [Test]
    public void OtherSplits()
    {
        string[] last = Names(digits.Paths)[^2..];
        Assert.That(Names(digits.SplitByIndices([58, 59]).ValidPaths), Is.EqualTo(last));
        Assert.That(Names(digits.SplitByFiles([.. last, ""]).ValidPaths), Is.EqualTo(last));
        Assert.That(Names(digits.SplitByFunction(p => p.Contains("/valid/7/", StringComparison.Ordinal)).ValidPaths), Has.Length.EqualTo(10).And.All.StartsWith("valid/7/"));
        Assert.That(digits.SplitNone().ValidPaths, Is.Empty);
        Assert.That(digits.SplitNone().TrainPaths, Is.EqualTo(digits.Paths));
        Assert.That(Names(digits.SplitByFolder("valid", "train").ValidPaths), Has.Length.EqualTo(40).And.All.StartsWith("train/"));
        Assert.That(digits.SplitByFolder("train/3", "valid/3").TrainPaths, Has.Count.EqualTo(20), "others are left out");
        Refused<DataException>(() => digits.SplitByFolder("a", "b"), "no photo is in the folders 'a' or 'b'");
        Refused<DataException>(() => digits.SplitByIndices([60]), "got 60, expected 0 to 59");
        Refused<DataException>(() => digits.SplitByIndices([-1]), "got -1, expected 0 to 59");
        Refused<DataException>(() => digits.SplitByFiles(["valid/3/nine.png"]), "1 of 1 names are no photo's: valid/3/nine.png");
        Refused<DataException>(() => digits.SplitByColumn(), "SplitByColumn: the list was not made from a table");
    }

    [Test]
    public void FilesCanBeNamedWithoutFolders()
    {
        var list = ImageList.FromPaths(["x/a.jpg", "x/b.jpg", "x/y/c.jpg"]);
        Assert.That(list.Root, Does.EndWith("x"));
        Assert.That(list.SplitByFiles(["c.jpg", "a.jpg"]).ValidPaths, Is.EqualTo(new[] { "x/a.jpg", "x/y/c.jpg" }));
        Assert.That(list.SplitByFiles(["y/c.jpg"]).ValidPaths, Is.EqualTo(new[] { "x/y/c.jpg" }));
    }

    [Test]
    public void ColumnsSplitAndLabel()
    {
        var table = Table.Of(Enumerable.Range(0, 12), ("file", i => $"{i}.png"), ("size", i => new[] { 10, 9, 100 }[i % 3]), ("is_valid", i => i % 4 == 0 ? "True" : i % 2 == 0 ? null : false));
        var labeled = ImageList.FromTable(table, "photos").Filter(p => !p.EndsWith("11.png", StringComparison.Ordinal)).SplitByColumn().LabelFromColumn("size");
        Assert.That(labeled.Classes, Is.EqualTo(new[] { "9", "10", "100" }), "integers in their order");
        Assert.That(labeled.ClassNumbers, Is.EqualTo(new[] { 9L, 10, 100 }));
        Assert.That(labeled.Valid, Is.EqualTo(new[] { new LabeledImage(Path.Combine("photos", "0.png"), 1), new(Path.Combine("photos", "4.png"), 0), new(Path.Combine("photos", "8.png"), 2) }));
        Assert.That(labeled.Train.Select(i => Path.GetFileName(i.Path)), Is.EqualTo(new[] { "1.png", "2.png", "3.png", "5.png", "6.png", "7.png", "9.png", "10.png" }));
        Refused<DataException>(() => ImageList.FromTable(table, "").SplitByColumn("size"), "'10' in column size is neither yes nor no");
        Refused<DataException>(() => ImageList.FromTable(table, "").SplitByColumn("none"), "no column 'none'");
        Refused<DataException>(() => ImageList.FromTable(table, "").SplitNone().LabelFromColumn("is_valid"), "row 2 has no is_valid");
        Refused<DataException>(() => digits.SplitNone().LabelFromColumn(), "LabelFromColumn: the list was not made from a table");
    }

    [TestCase(new[] { "7", "3", "-1" }, new[] { "-1", "3", "7" })]
    [TestCase(new[] { "7", "03", "10" }, null)]
    [TestCase(new[] { "7", "3.0" }, null)]
    [TestCase(new[] { "a", "3" }, null)]
    public void LabelsOfAColumnAreIntegersWhereAllAre(string[] labels, string[]? integers)
    {
        var labeled = ImageList.FromTable(Table.Of(labels, ("f", _ => "x"), ("l", l => l)), "").SplitNone().LabelFromColumn("l");
        Assert.That(labeled.Classes, Is.EqualTo(integers ?? [.. labels.Order(StringComparer.Ordinal)]));
        Assert.That(labeled.ClassNumbers, Is.EqualTo(integers?.Select(long.Parse)));
        Assert.That(labeled.ToString(), Does.StartWith($"{labels.Length} classes{(integers is null ? "" : " (integers)")}: "));
    }

    [Test]
    public void LabelsFromListsFollowTheFirstList()
    {
        string[] paths = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"];
        var split = ImageList.FromPaths(paths).Filter(p => p is not "b.jpg").SplitByIndices([2]);
        Assert.That(split.LabelFromList(["cat", "?", "dog", "cat"]).Train, Is.EqualTo(new[] { new LabeledImage("a.jpg", 0), new("c.jpg", 1) }));
        Assert.That(split.LabelFromList(["cat", "?", "dog", "cat"]).Valid, Is.EqualTo(new[] { new LabeledImage("d.jpg", 0) }));
        Assert.That(split.LabelFromList([10, 0, 9, 9]).ClassNumbers, Is.EqualTo(new[] { 9L, 10 }));
        Assert.That(split.LabelFromFunction(p => p[0] - 'a').Classes, Is.EqualTo(new[] { "0", "2" }));
        Refused<DataException>(() => split.LabelFromList(["cat", "dog", "cat"]), "got 4 paths and 3 labels");
        Refused<DataException>(() => split.LabelFromFunction(_ => (string)null!), "a.jpg: has no label");
        Refused<DataException>(() => split.LabelFromFunction(_ => "cat"), "one class only: got 'cat' for all 2 training photos");
        Assert.That(split.LabelConstant("cat").Classes, Is.EqualTo(new[] { "cat" }));
        Assert.That(split.LabelFromList(["cat", "?", "dog", "cat"], classes: ["dog", "cat"]).Train[0].Label, Is.EqualTo(1), "given classes override");
    }

    [Test]
    public void UnknownLabelsAreOneWarningThatNamesFive()
    {
        string[] paths = [.. Enumerable.Range(0, 20).Select(i => $"{i:00}.jpg")];
        var labeled = ImageList.FromPaths(paths).SplitByFunction(p => string.CompareOrdinal(p, "10") >= 0).LabelFromFunction(p => p[0] == '0' ? p[1] % 2 == 0 ? "even" : "odd" : p[1] < '7' ? "rare" : "odd");
        Assert.That(labeled.Valid, Has.Count.EqualTo(3));
        Assert.That(labeled.Warnings.Single(), Is.EqualTo("7 validation photos have labels that are no class and are left out: 10.jpg, 11.jpg, 12.jpg, 13.jpg, 14.jpg, ..."));
    }

    [Test]
    public void SamplesAreSeededAndKeepTheOrder()
    {
        var sample = digits.Sample(0.25, seed: 3);
        Assert.That(sample.Count, Is.EqualTo(15));
        Assert.That(sample.Paths, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That(digits.Sample(0.25, seed: 3).Paths, Is.EqualTo(sample.Paths));
        Assert.That(digits.Sample(0.25, seed: 4).Paths, Is.Not.EqualTo(sample.Paths));
        Refused<DataException>(() => digits.Sample(), "none were given");
        Refused<TesseraException>(() => digits.Sample(2), "not a share");
        Refused<DataException>(() => digits.Filter(_ => false), "none were given");
        Refused<DataException>(() => ImageList.FromPaths([]), "none were given");
    }

    [Test]
    public void TransformWantsASize() =>
        Refused<ShapeException>(() => digits.SplitNone().LabelFromFolder().Transform(), "Transform: no size");

    [Test]
    public void EmptyAndSmallSetsAreWarnings()
    {
        var none = digits.SplitByFunction(_ => true).LabelFromFolder().Transform(size: 28).Bunch(8);
        Assert.That(none.Warnings, Is.EqualTo(new[] { "no training photos: nothing can be learned." }));
        Assert.That(none.Classes, Is.EqualTo(new[] { "3", "7" }));
        Assert.That(none.Valid!.Epoch().Sum(b => b.Items.Length), Is.EqualTo(60));
        var small = digits.SplitNone().LabelFromFolder().Transform(size: 28).Bunch(64);
        Assert.That(small.Warnings, Is.EqualTo(new[] { "no validation photos: the error of the model will not be measured.", "fewer than one batch: 60 training photos, batch size 64: training cannot begin. Use a smaller batch size." }));
        Refused<TesseraException>(() => small.Normalize(), "no training batch to measure");
    }

    [Test]
    public void PhotosThatFormNoBatchAreAWarning()
    {
        using TemporaryFolder folder = new();
        foreach (string name in new[] { "a1", "a2", "b1", "b2" }) new Image(28, 28, new byte[28 * 28 * 3]).Save(folder.File(name + ".png"));
        new Image(30, 20, new byte[30 * 20 * 3]).Save(folder.File("b3.png"));
        ImageDataBunch Data(ResizeMethod? resize) => ImageList.FromFolder(folder.Path).SplitNone().LabelFromRegex("/([ab])[0-9]").Transform(size: 28, resize: resize).Bunch(5);
        Assert.That(Data(null).Warnings, Has.Count.EqualTo(1));
        Assert.That(Data(ResizeMethod.None).Warnings[1], Is.EqualTo($"1 of the 5 photos of the first batch do not come out as 28x28, so that they form no batch: {folder.File("b3.png")} 20x30"));
    }

    [Test]
    public void StepsPrintWhatTheyHold()
    {
        Assert.That(digits.ToString(), Does.StartWith("photos: 60 photos\n  ").And.EndWith($"\npath: {mnist}"));
        Assert.That(digits.ToString().Split('\n'), Has.Length.EqualTo(7), "the first five");
        var split = digits.SplitByFolder();
        Assert.That(split.ToString(), Does.StartWith("train: 40 photos\n").And.Contain("\nvalid: 20 photos\n").And.EndWith($"\npath: {mnist}"));
        var labeled = split.LabelFromFolder();
        Assert.That(labeled.ToString(), Does.StartWith($"2 classes: 3, 7\ntrain: 40 photos\n  3: {labeled.Train[0].Path}\n").And.EndWith($"\npath: {mnist}"));
        Assert.That(labeled.Transform(size: 28).ToString(), Does.EndWith("\ntransforms: CropPad"));
        Assert.That(labeled.Transform(size: 28).Bunch(8).ToString(), Does.Contain("train: 40 photos (3, 28, 28)").Or.Contain("train: 40 photos [3, 28, 28]").And.EndWith($"\npath: {mnist}"));
    }
}
