using System.Text.RegularExpressions;

namespace Tessera.Tests;

/// <summary>A clone stands alone, stays small, and its files keep to their measure.</summary>
public sealed class RepositoryTests
{
    [Test]
    public void NothingRefersToFilesOutsideTheRepository()
    {
        // Written in pieces, so that this file does not hold the words it looks for.
        string shared = "sha" + "red", work = "wo" + "rk";
        Regex forbidden = new(string.Join('|',
            @"\.\./" + shared + @"\b", $@"(?<![\w.]){shared}/(data|golden|reference|hooks)\b", $@"(?<![\w.\-])/{work}/",
            "/" + @"tmp/bash_jobs", @"(?i)\bissue " + @"#?\d", "api.nu" + @"get\.org", "pypi" + @"\.org", "registry.np" + @"mjs\.org"));
        string[] found = [.. Repository.Files
            .SelectMany(f => (Repository.TextOf(f) ?? "").Split('\n').Select((line, i) => (f, i, line)))
            .Where(x => forbidden.IsMatch(x.line)).Select(x => $"{x.f}:{x.i + 1}: {x.line.Trim()}")];
        Assert.That(found, Is.Empty);
    }

    [Test]
    public void TheCheckoutIsUnder80MB()
    {
        long bytes = Repository.Files.Sum(f => new FileInfo(Repository.Full(f)).Length);
        Assert.That(bytes, Is.LessThan(80_000_000));
    }

    [Test]
    public void CommittedPhotosAreAtMost5MB() => Assert.That(
        Repository.Files.Where(f => f.StartsWith("assets/pets/", StringComparison.Ordinal)).Sum(f => new FileInfo(Repository.Full(f)).Length),
        Is.InRange(1_000_000, 5_000_000));

    [Test]
    public void EveryAssetFolderStatesOriginAndLicence()
    {
        string[] folders = [.. Repository.Files.Where(f => f.StartsWith("assets/", StringComparison.Ordinal)).Select(f => f.Split('/')[1]).Distinct(StringComparer.Ordinal)];
        Assert.That(folders, Is.Not.Empty);
        foreach (string folder in folders)
            Assert.That(File.ReadAllText(Repository.Full($"assets/{folder}/README.md")), Does.Contain("**Origin.**").And.Contain("**Licence.**"), folder);
    }

    [Test]
    public void SourceFilesAreOnOneTopic()
    {
        int[] lengths = [.. Repository.Files
            .Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            .Select(f => File.ReadLines(Repository.Full(f)).Count()).Order()];
        Assert.That(lengths, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            Assert.That(lengths[lengths.Length / 2], Is.LessThanOrEqualTo(150), "median lines of a source file");
            Assert.That(lengths[^1], Is.LessThanOrEqualTo(600), "longest source file");
        });
    }
}
