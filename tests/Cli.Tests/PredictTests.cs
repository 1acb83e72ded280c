using System.Globalization;
using System.Text.Json;
using Tessera.Testing;
using Tessera.Vision;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

public sealed class PredictTests
{
    static readonly string photo = Path.Combine(Pets, "Abyssinian_1.jpg");

    [Test]
    public void TablesAndJsonHaveEveryProbabilityAndWhatCouldNotBeRead()
    {
        using var folder = new TemporaryFolder();
        string model = Classifier(folder), bad = folder.File("bad, \"very\".jpg"), csv = folder.File("out.csv");
        File.WriteAllText(bad, "not a photo");
        var expected = ImageClassifier.Load(model).Predict(photo);

        var json = Run("predict", model, bad, photo, "--format", "json");
        Assert.That(json.Code, Is.EqualTo(1));
        Assert.That(json.Error, Does.StartWith("error: 1 of 2 photos could not be read: ").And.Contain("very"));
        var rows = JsonDocument.Parse(json.Output).RootElement.EnumerateArray().ToArray();
        Assert.That((rows[0].GetProperty("file").GetString(), rows[0].TryGetProperty("label", out _)), Is.EqualTo((bad, false)));
        Assert.That(rows[0].GetProperty("error").GetString(), Does.Contain("no image"));
        Assert.That(rows[1].GetProperty("label").GetString(), Is.EqualTo(expected.Label));
        Assert.That(rows[1].GetProperty("probabilities").EnumerateObject().Select(p => p.Value.GetSingle()), Is.EqualTo(expected.Probabilities));

        var table = Run("predict", model, bad, photo, "--format", "csv", "--out", csv);
        Assert.That((table.Code, table.Output), Is.EqualTo((1, "")), "the table is there, and the code says that it is not whole");
        var read = Table.Read(csv);
        Assert.That(read.Columns.Take(4), Is.EqualTo(new[] { "file", "label", "error", "Abyssinian" }));
        Assert.That(read.Column("file"), Is.EqualTo(new[] { bad, photo }));
        Assert.That(read.Column("label"), Is.EqualTo(new[] { "", expected.Label }));
        Assert.That(float.Parse(read.Column(expected.Label)[1], CultureInfo.InvariantCulture), Is.EqualTo(expected.Probabilities[expected.Index]).Within(1e-6));
    }

    [Test]
    public void TestTimeAugmentationIsThatOfTheLearner()
    {
        using var folder = new TemporaryFolder();
        string model = Classifier(folder), photos = Directory.CreateDirectory(folder.File("photos")).FullName;
        foreach (string name in new[] { "Abyssinian_1.jpg", "Bengal_1.jpg" }) File.Copy(Path.Combine(Pets, name), Path.Combine(photos, name));
        var learn = ImageLearner.LoadLearner(model, photos);
        float[] expected = learn.TestTimeAugmentation(learn.Data.Test).Probabilities.ToArray<float>();
        var classifier = ImageClassifier.Load(model);
        float[] actual = [.. Directory.GetFiles(photos).Order(StringComparer.Ordinal).SelectMany(p => classifier.PredictWithTestTimeAugmentation(Image.Load(p)).Probabilities)];
        Assert.That(actual, Is.EqualTo(expected).Within(1e-5));
        Assert.That(actual[..7], Is.Not.EqualTo(classifier.Predict(photo).Probabilities).Within(1e-5));
        Assert.That(Run("predict", model, photos, "--tta").Output, Is.Not.EqualTo(Run("predict", model, photos).Output));
        Assert.That(() => classifier.PredictWithTestTimeAugmentation(Image.Load(photo), beta: 2), Throws.InstanceOf<TesseraException>().With.Message.Contains("beta"));
        Assert.That(() => classifier.PredictWithTestTimeAugmentation(Image.Load(photo), scale: 0.5), Throws.InstanceOf<TesseraException>().With.Message.Contains("scale"));
    }

    [Test]
    public void FoldersAreSearchedAsAskedFor()
    {
        using var folder = new TemporaryFolder();
        string model = Classifier(folder), photos = Directory.CreateDirectory(folder.File("photos/deep")).Parent!.FullName;
        File.Copy(photo, Path.Combine(photos, "deep", "a.jpg"));
        Fails(1, "--recurse", "predict", model, photos);
        Assert.That(Run("predict", model, photos, "--recurse").Output, Does.Contain("a.jpg: "));
        Fails(2, "--format: got 'xml', expected text, csv or json", "predict", model, photos, "--format", "xml");
        Fails(1, "--out: ", "predict", model, photos, "--recurse", "--out", folder.Path);
    }

    [Test]
    public void AFullDiskLeavesTheOldTable()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("limits the size of files as Linux does");
        using var folder = new TemporaryFolder();
        string model = Classifier(folder), few = Few(folder), table = folder.File("table.json");
        File.WriteAllText(table, "the old one");
        var (code, output, error) = Shell("trap '' XFSZ; ulimit -f 4; exec \"$@\"", "predict", model, few, "--format", "json", "--out", table);
        Assert.That((code, output), Is.EqualTo((1, "")), error);
        Assert.That(error, Does.StartWith("error: ").And.Contain("could not be written").And.Contain("hint: ").And.Not.Contain("   at "));
        Assert.That(File.ReadAllText(table), Is.EqualTo("the old one"));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(2));
    }
}
