using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

public sealed class ImageDataBunchTests
{
    static readonly string pets = TestData.Asset("pets/images");
    const string Pattern = @"/([^/]+)_\d+.jpg$";

    static ImageDataBunch Pets(ulong seed = 42) =>
        ImageDataBunch.FromNameRegex(pets, Pattern, size: 32, batchSize: 8, options: new() { Seed = seed });

    [Test]
    public void RegexGivesSortedClasses() => Assert.That(Pets().Classes, Is.EqualTo(new[]
    {
        "Abyssinian", "Bengal", "Maine_Coon", "american_bulldog", "german_shorthaired", "havanese", "pomeranian",
    }));

    [Test]
    public void SplitIsExactDisjointAndSeeded()
    {
        var data = Pets();
        int n = Directory.GetFiles(pets).Length;
        Assert.That(data.ValidSet!.Count, Is.EqualTo(n / 5));
        Assert.That(data.TrainSet.Count, Is.EqualTo(n - (n / 5)));
        string[] train = [.. data.TrainSet.Items.Select(i => i.Path)], valid = [.. data.ValidSet.Items.Select(i => i.Path)];
        Assert.That(train.Intersect(valid), Is.Empty);
        Assert.That(train, Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That(Pets().ValidSet!.Items, Is.EqualTo(data.ValidSet.Items));
        Assert.That(Pets(seed: 7).ValidSet!.Items, Is.Not.EqualTo(data.ValidSet.Items));
    }

    [Test]
    public void BatchesAreNormalisedPhotosWithTheirClasses()
    {
        var data = Pets().Normalize(ImageNet.Stats);
        foreach (var batch in data.Valid!.Epoch(0).Take(1))
        {
            Assert.That(batch.X.Shape, Is.EqualTo(new Shape(8, 3, 32, 32)));
            Assert.That(batch.Y.ToArray<long>(), Is.EqualTo(data.ValidSet!.Items.Take(8).Select(i => (long)i.Label)));
            float[] raw = batch.X.ToArray<float>(), normalised = data.Prepare(batch.X).ToArray<float>();
            Assert.That(raw, Is.All.InRange(0f, 1f));
            Assert.That(normalised[0], Is.EqualTo((raw[0] - 0.485f) / 0.229f).Within(1e-5f));
            Assert.That(ImageNet.Stats.Denormalize(data.Prepare(batch.X)).ToArray<float>(), Is.EqualTo(raw).Within(1e-5f));
        }
    }

    [Test]
    public void WithoutStatisticsThoseOfATrainingBatchAreUsed()
    {
        var data = Pets();
        data.Normalize();
        Assert.That(data.Stats!.Mean, Is.All.InRange(0.2f, 0.8f).And.Not.EqualTo(ImageNet.Stats.Mean));
        foreach (var batch in data.Train.Epoch().Take(1))
        {
            float[] x = data.Prepare(batch.X).Permute(1, 0, 2, 3).ToArray<float>();
            foreach (float[] channel in x.Chunk(x.Length / 3))
            {
                Assert.That(channel.Average(), Is.Zero.Within(1e-4));
                Assert.That(channel.Average(v => v * v), Is.EqualTo(1).Within(1e-3));
            }
        }
    }

    [Test]
    public void NormalizeTwiceIsRefused()
    {
        var data = Pets().Normalize(ImageNet.Stats);
        Assert.That(() => data.Normalize(ImageNet.Stats), Throws.TypeOf<TesseraException>().With.Message.StartsWith("Normalize: called twice"));
    }

    [Test]
    public void FoldersTrainAndValidAreTheSets()
    {
        var data = ImageDataBunch.FromFolder(TestData.Asset("mnist"), size: 28, batchSize: 4);
        Assert.That(data.Classes, Is.EqualTo(new[] { "3", "7" }));
        Assert.That(data.ValidSet!.Items.All(i => i.Path.Contains("/valid/", StringComparison.Ordinal)));
        Assert.That(data.TrainSet.Items.All(i => i.Path.Contains("/train/", StringComparison.Ordinal)));
        var mixed = ImageDataBunch.FromFolder(TestData.Asset("mnist"), size: 28, batchSize: 4, options: new() { ValidFraction = 0.5 });
        Assert.That(mixed.ValidSet!.Items.Select(i => i.Path.Contains("/train/", StringComparison.Ordinal)).Distinct().Count(), Is.EqualTo(2), "a share given takes from both");
    }

    [Test]
    public void TableFunctionAndListsAgreeWithTheRegex()
    {
        var byRegex = Pets();
        using var folder = new TemporaryFolder();
        string csv = folder.File("labels.csv");
        string[] photos = ImageFiles.In(pets);
        string Breed(string path) => Path.GetFileName(path)[..Path.GetFileName(path).LastIndexOf('_')];
        File.WriteAllLines(csv, ["name,breed", .. photos.Select(p => $"{Path.GetFileNameWithoutExtension(p)},{Breed(p)}")]);
        ImageDataOptions options = new() { Seed = 42 };
        foreach (var other in new[]
        {
            ImageDataBunch.FromCsv(csv, pets, "name", "breed", ".jpg", size: 32, batchSize: 8, options: options),
            ImageDataBunch.FromCsv(csv, pets, suffix: ".jpg", size: 32, batchSize: 8, options: options),
            ImageDataBunch.FromNameFunction(photos, Breed, size: 32, batchSize: 8, options: options),
            ImageDataBunch.FromLists(photos, [.. photos.Select(Breed)], size: 32, batchSize: 8, options: options),
        })
        {
            Assert.That(other.Classes, Is.EqualTo(byRegex.Classes));
            Assert.That(other.ValidSet!.Items.Select(i => (Path.GetFullPath(i.Path), i.Label)), Is.EqualTo(byRegex.ValidSet!.Items.Select(i => (Path.GetFullPath(i.Path), i.Label))));
        }
    }

    [Test]
    public void UnknownValidationLabelsAreLeftOutWithAWarning()
    {
        string[] photos = ImageFiles.In(pets);
        var data = ImageDataBunch.FromLists(photos, [.. photos.Select((_, i) => i == 3 ? "rare" : i % 2 == 0 ? "a" : "b")], size: 32, batchSize: 8,
            options: new() { IsValid = p => p == photos[3] || p == photos[4] });
        Assert.That(data.ValidSet!.Count, Is.EqualTo(1));
        Assert.That(data.Warnings.Single(), Does.Contain(photos[3]));
    }

    [Test]
    public void WrongInputIsOneClearError()
    {
        using var folder = new TemporaryFolder();
        string csv = folder.File("labels.csv");
        File.WriteAllText(csv, "file,breed\na.jpg,cat\n");
        void Refused(Func<ImageDataBunch> make, string message) => Assert.That(() => make(), Throws.TypeOf<DataException>().With.Message.Contains(message));
        Refused(() => ImageDataBunch.FromNameRegex(folder.File("none"), Pattern, size: 32), "no such folder");
        Refused(() => ImageDataBunch.FromNameRegex(folder.Path, Pattern, size: 32), "no photos");
        Refused(() => ImageDataBunch.FromNameRegex(pets, "/(dog)_photo", size: 32), "does not match this path");
        Refused(() => ImageDataBunch.FromNameRegex(pets, "/(", size: 32), "not a regular expression");
        Refused(() => ImageDataBunch.FromNameRegex(pets, "jpg", size: 32), "no group: got 'jpg'");
        Refused(() => ImageDataBunch.FromNameRegex(pets, "(jpg)$", size: 32), "one class only");
        Refused(() => ImageDataBunch.FromCsv(csv, labelColumn: "colour", size: 32), "no column 'colour'");
        Refused(() => ImageDataBunch.FromCsv(folder.File("none.csv"), size: 32), "cannot be read");
    }

    [Test]
    public void TheFirstBatchIsTriedAndWhatCannotBeReadIsAWarning()
    {
        using var folder = new TemporaryFolder();
        foreach (string photo in ImageFiles.In(pets).Take(12)) File.Copy(photo, folder.File("a_" + Path.GetFileName(photo)));
        for (int i = 0; i < 12; i++) File.WriteAllText(folder.File($"b_{i}.jpg"), "not a photo");
        ImageDataBunch Make(int batchSize, bool check = true) =>
            ImageDataBunch.FromNameRegex(folder.Path, "/(a|b)_", size: 32, batchSize: batchSize, options: new() { ValidFraction = 0.25, Check = check });

        var data = Make(18);
        Assert.That(data.TrainSet.Count, Is.EqualTo(18), "all training photos are in the first batch");
        int bad = data.TrainSet.Items.Count(i => i.Label == 1);
        string warning = data.Warnings.Single();
        Assert.That(bad, Is.GreaterThan(5), "else the list has no end to cut");
        Assert.That(warning, Does.Contain($"{bad} of the 18 photos").And.EndWith("; ..."));
        Assert.That(warning.Split("b_"), Has.Length.EqualTo(6), "five are named");
        Assert.That(data.ToString(), Does.Contain($"warning: {warning}"));
        Assert.That(Make(18, check: false).Warnings, Is.Empty);
        Assert.That(() => data.Train.Epoch().Count(), Throws.TypeOf<DataException>(), "training still stops at the first");
        Assert.That(Pets().Warnings, Is.Empty);
    }

    [Test]
    public void TheTestSetHasNoLabelsAndIsNotTransformed()
    {
        using var folder = new TemporaryFolder();
        string[] photos = [.. ImageFiles.In(pets).Take(3)];
        foreach (string photo in photos) File.Copy(photo, folder.File(Path.GetFileName(photo)));
        var data = ImageDataBunch.FromNameRegex(pets, Pattern, Transforms.Default(), size: 32, batchSize: 8, options: new() { TestFolder = folder.Path });
        Assert.That(data.TestSet!.Items, Is.EqualTo(photos.Select(p => new LabeledImage(folder.File(Path.GetFileName(p)), -1))));
        Assert.That(data.ToString(), Does.Contain("test: 3 photos").And.Contain("?: " + folder.Path));
        float[] Loaded() => data.Test!.Epoch().SelectMany(b => b.X.ToArray<float>()).ToArray();
        Assert.That(Loaded(), Is.EqualTo(photos.SelectMany(p => Plain(p))));
        Assert.That(Pets().Test, Is.Null);
        foreach (string photo in ImageFiles.In(folder.Path)) File.Delete(photo);
        Assert.That(() => ImageDataBunch.FromNameRegex(pets, Pattern, size: 32, batchSize: 8, options: new() { TestFolder = folder.Path }), Throws.TypeOf<DataException>().With.Message.Contains("no photos"));
    }

    /// <summary>However a path is written; one that leads nowhere is said.</summary>
    [Test]
    public void ExcludedPathsCountFromTheWorkingDirectory()
    {
        string[] photos = ImageFiles.In(pets);
        int Left(IEnumerable<string> excluded, out string warnings)
        {
            var data = ImageDataBunch.FromNameRegex(pets, Pattern, size: 32, batchSize: 8, options: new() { Exclude = excluded.ToHashSet(), ValidFraction = 0, Check = false });
            warnings = string.Join('\n', data.Warnings);
            return data.TrainSet.Count;
        }

        Assert.That(Left(photos.Take(30).Select(p => Path.GetRelativePath(Environment.CurrentDirectory, p)), out string none), Is.EqualTo(photos.Length - 30));
        Assert.That(none, Does.Not.Contain("Exclude"));
        Assert.That(Left([Path.GetFileName(photos[0]), "other.jpg"], out string both), Is.EqualTo(photos.Length));
        Assert.That(both, Does.Contain($"Exclude names 2 files that are not there, such as {Path.GetFileName(photos[0])}: paths count from the working directory"));
    }

    /// <summary>A name is that of a folder among the photos, and its photos are only predicted.</summary>
    [Test]
    public void ATestFolderAmongThePhotosIsLeftOutOfTheOtherSets()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("test"));
        foreach (var (i, photo) in ImageFiles.In(pets).Where((_, i) => i % 9 == 0).Index()) File.Copy(photo, Path.Combine(folder.Path, i % 4 == 0 ? "test" : ".", Path.GetFileName(photo)));
        var options = new ImageDataOptions { TestFolder = "test" };
        var data = ImageDataBunch.FromNameRegex(folder.Path, Pattern, size: 32, batchSize: 4, options: options);
        string[] test = ImageFiles.In(folder.File("test")), others = ImageFiles.In(folder.Path);
        Assert.That(data.TestSet!.Items.Select(i => i.Path), Is.EqualTo(test));
        Assert.That(data.TrainSet.Items.Concat(data.ValidSet!.Items).Select(i => Path.GetFullPath(i.Path)), Is.EquivalentTo(others));
        Assert.That(data.Classes, Does.Not.Contain("test"));
        Assert.That(() => ImageDataBunch.FromNameRegex(folder.Path, Pattern, size: 32, options: new() { TestFolder = "tset" }), Throws.TypeOf<DataException>().With.Message.Contains("TestFolder: no such folder: got tset, expected one in " + folder.Path));
        var all = ImageDataBunch.FromNameRegex(folder.File("test"), Pattern, size: 32, batchSize: 4, options: new() { TestFolder = folder.File("test") });
        Assert.That(all.TestSet!.Count, Is.EqualTo(all.TrainSet.Count + all.ValidSet!.Count), "the folder itself");
    }

    [Test]
    public void FixAndSingleViewsShowPhotosAsValidationDoes()
    {
        var data = ImageDataBunch.FromNameRegex(pets, Pattern, Transforms.Default(), size: 32, batchSize: 8);
        Assert.That(data.Fix.BatchCount, Is.EqualTo((data.TrainSet.Count + 7) / 8), "the incomplete batch counts");
        foreach (var batch in data.Fix.Epoch(3).Take(1))
        {
            Assert.That(batch.Items.ToArray(), Is.EqualTo(Enumerable.Range(0, 8)));
            Assert.That(batch.Y.ToArray<long>(), Is.EqualTo(data.TrainSet.Items.Take(8).Select(i => (long)i.Label)));
            Assert.That(batch.X.ToArray<float>(), Is.EqualTo(data.TrainSet.Items.Take(8).SelectMany(i => Plain(i.Path))));
        }
        Assert.That(data.Single.BatchCount, Is.EqualTo(data.ValidSet!.Count));
        foreach (var batch in data.Single.Epoch().Take(1)) Assert.That(batch.X.ToArray<float>(), Is.EqualTo(Plain(data.ValidSet.Items[0].Path)));
        var all = ImageDataBunch.FromNameRegex(pets, Pattern, Transforms.Default(), size: 32, batchSize: 8, options: new() { ValidFraction = 0 });
        Assert.That(all.Single.BatchCount, Is.EqualTo(all.TrainSet.Count));
    }

    /// <summary>A photo at 32 pixels, centre crop, as [3, 32, 32].</summary>
    static float[] Plain(string path) => new TransformPipeline(Transforms.None().Valid, 32).Apply(Image.Load(path)).Pixels;
}
