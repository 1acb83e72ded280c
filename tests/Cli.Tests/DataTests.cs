using System.Formats.Tar;
using System.IO.Compression;
using Tessera.Cli;
using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

public sealed class DataTests
{
    [Test]
    public void TheListNamesEachSetWithItsSize()
    {
        var (code, output, error) = Run("data", "list");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("oxford-iiit-pet    811.7 MB").And.Contain("mnist_tiny").And.Contain("terms apply"));
    }

    [Test]
    public void InspectCountsTheClassesOfBothSets()
    {
        var (code, output, error) = Run("data", "inspect", Pets);
        Assert.That((code, error), Is.EqualTo((0, "")));
        int photos = Directory.GetFiles(Pets, "*.jpg").Length, bengals = Directory.GetFiles(Pets, "Bengal_*.jpg").Length;
        int[] Row(string name) => [.. output.Split('\n').Single(l => l.StartsWith(name + " ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2..].Select(int.Parse)];
        Assert.That(Row("Bengal").Sum(), Is.EqualTo(bengals));
        Assert.That(Row("all"), Is.EqualTo(new[] { photos - (photos / 5), photos / 5 }));
        Assert.That(output, Does.Contain("rows     ").And.Contain("columns  ").And.Not.Contain("warning"));
        Assert.That(Run("data", "inspect", Pets, "--quick").Output, Does.Contain("Bengal").And.Not.Contain("rows "));
        Assert.That(Run("data", "inspect", TestData.Asset("mnist"), "--quick").Output, Does.Contain("\n3 ").And.Contain("\n7 "), "a folder a class");
    }

    [Test]
    public void ATableWithoutHeaderAndWithABarIsRead()
    {
        using var folder = new TemporaryFolder();
        string[] photos = [.. Directory.GetFiles(Pets, "*_1.jpg")];
        string csv = folder.File("labels.txt");
        File.WriteAllLines(csv, photos.Select(p => $"{Path.GetFileName(p)}|{Path.GetFileName(p)[..1]}"));
        var (code, output, error) = Run("data", "inspect", Pets, "--csv", csv, "--no-header", "--delimiter", "|", "--quick", "--valid", "0");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output.Split('\n').Single(l => l.StartsWith("all ", StringComparison.Ordinal)), Does.Match($@"\b{photos.Length}\b"), output);
        Fails(1, "the first row is a photo: got " + Path.GetFileName(photos[0]), "data", "inspect", Pets, "--csv", csv, "--quick");
    }

    [Test]
    public void ATableOfNamesWithoutEndingsTakesASuffix()
    {
        using var folder = new TemporaryFolder();
        string[] photos = [.. Directory.GetFiles(Pets, "*_1.jpg")];
        string csv = folder.File("labels.csv");
        File.WriteAllLines(csv, photos.Select(p => $"{Path.GetFileNameWithoutExtension(p)},{Path.GetFileName(p)[..1]}").Prepend("id,breed"));
        Assert.That(Run("data", "inspect", Pets, "--csv", csv, "--suffix", ".jpg", "--valid", "0").Code, Is.Zero);
        Fails(1, $"{photos.Length} of {photos.Length} photos are not there", "data", "inspect", Pets, "--csv", csv, "--valid", "0");
        Assert.That(Run("data", "inspect", Pets, "--csv", csv, "--valid", "0").Error, Does.Contain("--suffix .jpg"));
    }

    [Test]
    public void InspectFindsDoubleAndUnreadablePhotos()
    {
        using var folder = new TemporaryFolder();
        foreach (string photo in Directory.GetFiles(Pets, "*_1*.jpg")) File.Copy(photo, folder.File(Path.GetFileName(photo)));
        File.Copy(folder.File("Bengal_1.jpg"), folder.File("pug_999.jpg"));
        var whole = Run("data", "inspect", folder.Path, "--valid", "0");
        Assert.That((whole.Code, whole.Error), Is.EqualTo((0, "")));
        Assert.That(whole.Output, Does.Contain("warning: 1 photos are there more than once, byte for byte; 1 of them in different classes, 0 in training and in validation").And.Contain("pug_999.jpg"));
        File.WriteAllText(folder.File("Bengal_998.jpg"), "not a photo");
        Fails(1, "1 of ", "data", "inspect", folder.Path);
        Assert.That(Run("data", "inspect", folder.Path).Error, Does.Contain("Bengal_998.jpg").And.Contain("hint: fetch them again or delete them"));
        Assert.That(Run("data", "inspect", folder.Path, "--quick").Code, Is.Zero);
    }

    [Test]
    public void AnArchiveOnThisMachineIsUnpackedWholeOrNotAtAll()
    {
        using var folder = new TemporaryFolder();
        string archive = folder.File("two.tgz"), to = folder.File("to");
        byte[] bytes = Archive(("two/a.txt", "a"), ("two/b/c.txt", "c"));
        File.WriteAllBytes(archive, bytes);
        var (code, output, error) = Run("data", "fetch", archive, "--to", to);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output.TrimEnd(), Is.EqualTo(Path.Combine(to, "two")));
        Assert.That(File.ReadAllText(Path.Combine(to, "two", "b", "c.txt")), Is.EqualTo("c"));

        Directory.Delete(to, recursive: true);
        File.WriteAllBytes(archive, bytes[..(bytes.Length / 2)]);
        Fails(1, "no sound archive", "data", "fetch", archive, "--to", to);
        File.WriteAllBytes(archive, Archive(("two/a.txt", "a"), ("../out.txt", "out")));
        Fails(1, "leads out of the target", "data", "fetch", archive, "--to", to);
        Assert.That(Directory.EnumerateFiles(folder.Path, "*.txt", SearchOption.AllDirectories), Is.Empty);
        Assert.That(Directory.GetDirectories(to), Is.Empty);
    }

    static byte[] Archive(params (string Name, string Text)[] files)
    {
        using var bytes = new MemoryStream();
        using (var zip = new GZipStream(bytes, CompressionLevel.Fastest))
        using (var tar = new TarWriter(zip))
        {
            foreach (var (name, text) in files) tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)) });
        }
        return bytes.ToArray();
    }

    [TestCase(1, "no such data set or file", "data", "fetch", "petz")]
    [TestCase(1, "no address of an archive", "data", "fetch", "ftp://example.invalid/x.tgz")]
    [TestCase(1, "no such folder", "data", "inspect", "/no/such/folder")]
    [TestCase(1, "no.csv", "data", "inspect", "--csv", "no.csv")]
    [TestCase(2, "--fast", "data", "inspect", "--fast")]
    [TestCase(2, "set", "data", "fetch")]
    [TestCase(2, "ommand", "data")]
    public void MistakesAreOneLineAndACode(int code, string message, params string[] args) => Fails(code, message, args);

    [Test]
    public void AFullDiskBehindTheOutputIsAnError()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("writes to /dev/full");
        var (code, _, error) = Shell("exec \"$@\" > /dev/full", "data", "list");
        Assert.That(code, Is.EqualTo(Tool.Failure), error);
        Assert.That(error, Does.StartWith("error: ").And.Contain("No space left").And.Not.Contain("   at "));
    }
}
