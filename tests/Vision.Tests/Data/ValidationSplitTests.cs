using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

/// <summary>A bunch and a model file know which photos were held back, without their names.</summary>
public sealed class ValidationSplitTests
{
    const string Pattern = @"/([^/]+)_\d+.jpg$";
    static readonly string pets = TestData.Asset("pets/images");

    static ImageDataBunch Photos(string folder, ImageDataOptions options) => ImageDataBunch.FromNameRegex(folder, Pattern, size: 32, batchSize: 8, options: options with { Check = false });

    [Test]
    public void ItIsTheSeedTheShareAndAHashOfTheNames()
    {
        var split = Photos(pets, new() { Seed = 7, ValidFraction = 0.1 }).ValidationSplit!;
        Assert.That((split.Seed, split.Share, split.Count), Is.EqualTo((7ul, 0.1, ImageFiles.In(pets).Length / 10)));
        Assert.That(Photos(pets + "/../images", new() { Seed = 7, ValidFraction = 0.1 }).ValidationSplit, Is.EqualTo(split), "another way to the same folder");

        var held = Photos(pets, new() { Seed = 7, ValidFraction = 0.1 }).ValidSet!.Items.Select(i => i.Path).ToHashSet(StringComparer.Ordinal);
        var chosen = Photos(pets, new() { IsValid = held.Contains }).ValidationSplit!;
        Assert.That(chosen.HasSamePhotos(split), "whatever chose them");
        Assert.That((chosen.Seed, chosen.Share), Is.EqualTo((42ul, (double?)null)));
        Assert.That(Photos(pets, new() { Seed = 8, ValidFraction = 0.1 }).ValidationSplit!.HasSamePhotos(split), Is.False);
        Assert.That(split.HasSamePhotos(null), Is.False);

        var none = ImageList.FromFolder(pets).SplitNone().LabelFromRegex(Pattern).Transform(size: 32).Bunch(8, seed: 3, check: false).ValidationSplit!;
        Assert.That(none, Is.EqualTo(new ValidationSplit(3, null, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")), "SHA-256 of nothing");
        var list = ImageList.FromFolder(pets).SplitByRandom(0.1, seed: 7).LabelFromRegex(Pattern).Transform(size: 32).Bunch(8, seed: 3, check: false).ValidationSplit!;
        Assert.That(list, Is.EqualTo(split), "the seed is that of the split");
    }

    [Test]
    public void AModelFileKeepsIt()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("m.safetensors"), again = folder.File("again.safetensors");
        var learner = ImageLearner.Create(Photos(pets, new() { Seed = ulong.MaxValue, ValidFraction = 0.3 }), Architecture.Named("squeezenet1_1"));
        learner.Export(file);
        var loaded = ImageLearner.LoadLearner(file);
        Assert.That(loaded.Images.ValidationSplit, Is.EqualTo(learner.Images.ValidationSplit!));
        loaded.Export(again);
        Assert.That(ImageLearner.LoadLearner(again).Images.ValidationSplit, Is.EqualTo(learner.Images.ValidationSplit), "without photos it stays");
        var other = Photos(pets, new() { Seed = 1, Classes = learner.Images.Classes });
        loaded.WithData(other).Export(again);
        Assert.That(ImageLearner.LoadLearner(again).Images.ValidationSplit, Is.EqualTo(other.ValidationSplit!), "with others it is theirs");
    }
}
