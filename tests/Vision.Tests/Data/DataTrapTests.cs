using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

/// <summary>Where other libraries surprised: the order of files, of classes, of slashes, and what a last batch is.</summary>
public sealed class DataTrapTests
{
    const string Breeds =
        "Abyssinian, Bengal, Birman, Bombay, British_Shorthair, Egyptian_Mau, Maine_Coon, Persian, Ragdoll, Russian_Blue, Siamese, Sphynx, american_bulldog, "
        + "american_pit_bull_terrier, basset_hound, beagle, boxer, chihuahua, english_cocker_spaniel, english_setter, german_shorthaired, great_pyrenees, havanese, "
        + "japanese_chin, keeshond, leonberger, miniature_pinscher, newfoundland, pomeranian, pug, saint_bernard, samoyed, scottish_terrier, shiba_inu, "
        + "staffordshire_bull_terrier, wheaten_terrier, yorkshire_terrier";

    [Test]
    public void TheWholePetsHaveTheNumbersOfTheLesson()
    {
        string[] breeds = Breeds.Split(", ");
        var list = ImageList.FromPaths([.. Enumerable.Range(0, 7390).Select(i => $"images/{breeds[(i * 11) % 37]}_{i}.jpg")]);
        ImageDataBunch Data(int batchSize) => list.SplitByRandom(0.2, seed: 2).LabelFromRegex(@"/([^/]+)_\d+.jpg$").Transform(size: 224).Bunch(batchSize, check: false);
        var data = Data(64);
        Assert.That(data.Classes, Is.EqualTo(breeds), "upper case before lower case");
        Assert.That((data.C, data.TrainSet.Count, data.ValidSet!.Count), Is.EqualTo((37, 5912, 1478)));
        Assert.That((data.Train.BatchCount, data.Valid!.BatchCount), Is.EqualTo((92, 24)), "24 training photos are left out of an epoch, no validation photo is");
        Assert.That(Data(32).Train.BatchCount, Is.EqualTo(184));
    }

    [Test]
    public void RegularExpressionsSeeForwardSlashes()
    {
        var split = ImageList.FromPaths([@"C:\photos\cat_1.jpg", @"C:\photos\dog_1.jpg"]).SplitNone();
        Assert.That(split.LabelFromRegex(@"/([^/]+)_\d+.jpg$").Classes, Is.EqualTo(new[] { "cat", "dog" }));
    }

    [Test]
    public void TheSplitDoesNotDependOnTheFileSystem()
    {
        using TemporaryFolder one = new(), two = new();
        string[] names = [.. Enumerable.Range(0, 30).Select(i => $"{(i * 7) % 30}.jpg")];
        foreach (string name in names) File.WriteAllText(one.File(name), "");
        foreach (string name in names.Order()) File.WriteAllText(two.File(name), "");
        string?[] Valid(TemporaryFolder folder) => [.. ImageList.FromFolder(folder.Path).SplitByRandom(seed: 9).ValidPaths.Select(Path.GetFileName)];
        Assert.That(Valid(one), Is.EqualTo(Valid(two)).And.Length.EqualTo(6));
    }

    [Test]
    public void TryingTheFirstBatchChangesNothing()
    {
        float[] First(bool check, int epoch)
        {
            var data = ImageList.FromFolder(TestData.Asset("mnist")).SplitByRandom().LabelFromFolder().Transform(Transforms.Default(), size: 20).Bunch(16, check: check);
            return [.. data.Train.Epoch(epoch).Take(1).SelectMany(b => b.X.ToArray<float>())];
        }
        Assert.That(First(true, 0), Is.EqualTo(First(false, 0)));
        Assert.That(First(true, 1), Is.Not.EqualTo(First(true, 2)));
    }
}
