using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Data;

/// <summary>Photos in folders of training and of validation: none of the latter is trained on because of a name.</summary>
public sealed class TwoFoldersTests
{
    static readonly string digits = TestData.Asset("mnist");

    /// <summary>Six photos a digit in each of the sub-folders named.</summary>
    static TemporaryFolder Folder(params string[] sets)
    {
        var folder = new TemporaryFolder();
        foreach (string set in sets)
        {
            foreach (string digit in new[] { "3", "7" })
            {
                Directory.CreateDirectory(folder.File($"{set}/{digit}"));
                foreach (string photo in ImageFiles.In(Path.Combine(digits, "train", digit)).Take(6)) File.Copy(photo, folder.File($"{set}/{digit}/{Path.GetFileName(photo)}"));
            }
        }
        return folder;
    }

    static ImageDataBunch Bunch(TemporaryFolder folder, string train = "train", string valid = "valid", ImageDataOptions? options = null) =>
        ImageDataBunch.FromFolder(folder.Path, train, valid, size: 28, batchSize: 4, options: options);

    [TestCase("train", "valid"), TestCase("train", "val"), TestCase("train", "valid", "val"), TestCase("train", "val", "test")]
    public void TheSetsAreTheTwoFolders(params string[] sets)
    {
        using var folder = Folder(sets);
        var data = Bunch(folder);
        Assert.That(data.TrainSet.Items, Has.Count.EqualTo(12).And.All.Matches<LabeledImage>(i => i.Path.Contains($"/{sets[0]}/", StringComparison.Ordinal)));
        Assert.That(data.ValidSet!.Items, Has.Count.EqualTo(12).And.All.Matches<LabeledImage>(i => i.Path.Contains($"/{sets[1]}/", StringComparison.Ordinal)));
        Assert.That(data.Warnings, Is.Empty);
        Assert.That(Bunch(folder, options: new() { ValidFraction = 0.25 }).ValidSet!.Items, Has.Count.EqualTo(6), "a share that is given takes from both");
    }

    [TestCase("train", "valid", "train"), TestCase("train", "valid", "train", "test"), TestCase("train", "valid", "val"), TestCase("train", "valid", "valid")]
    [TestCase("train", "dev", "train", "valid"), TestCase("a", "b", "x", "y"), TestCase("train", "test", "train")]
    public void OneOfTheTwoOrNamesThatAreNotThereAreAnError(string train, string valid, params string[] sets)
    {
        using var folder = Folder(sets);
        Assert.That(() => Bunch(folder, train, valid), Throws.TypeOf<DataException>().With.Message
            .EqualTo($"{folder.Path}: not both folders of a split: got the sub-folders {string.Join(", ", sets.Order(StringComparer.Ordinal))}, expected '{train}' and '{valid}'. Hint: name the two that are meant, or set ImageDataOptions.ValidFraction (--valid in a shell) to hold back a random share of all photos below."));
        Assert.That(Bunch(folder, train, valid, new() { ValidFraction = 0.25 }).ValidSet!.Items, Has.Count.EqualTo(sets.Length * 3), "the cure");
    }

    [Test]
    public void ARandomFifthIsSaid()
    {
        using var folder = Folder("photos");
        var data = Bunch(folder);
        Assert.That(data.ValidSet!.Items, Has.Count.EqualTo(2));
        Assert.That(data.Warnings, Has.One.EqualTo($"{folder.Path} has no folders train/ and valid/ (or val/): a random fifth of the photos is held back. ImageDataOptions.ValidFraction (--valid in a shell) sets the share."));
        Assert.That(Bunch(folder, options: new() { ValidFraction = 0.2 }).Warnings, Is.Empty);
        Assert.That(data.ToString(), Does.Contain("warning: "));
    }
}
