using Tessera.ApiReference;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>docs/api says what the assemblies say.</summary>
public sealed class ReferenceTests
{
    const string Command = "dotnet run -c Release --project eng/ApiReference";

    static readonly Lazy<IReadOnlyDictionary<string, string>> pages = new(() => Reference.Pages(TestData.RepositoryRoot));

    [Test]
    public void TheReferenceIsUpToDate()
    {
        string folder = Path.Combine(TestData.RepositoryRoot, "docs", "api");
        var committed = Directory.EnumerateFiles(folder, "*.md").ToDictionary(f => Path.GetFileName(f), f => File.ReadAllText(f).ReplaceLineEndings("\n"));
        Assert.That(committed.Keys, Is.EquivalentTo(pages.Value.Keys), Command);
        foreach (var (name, text) in pages.Value)
        {
            string[] expected = text.Split('\n'), found = committed[name].Split('\n');
            int line = expected.Zip(found).TakeWhile(p => p.First == p.Second).Count();
            if (line < expected.Length || line < found.Length)
                Assert.Fail($"docs/api/{name}:{line + 1} is not up to date; write it anew with: {Command}\nthere:    {found.ElementAtOrDefault(line)}\nexpected: {expected.ElementAtOrDefault(line)}");
        }
    }

    /// <summary>All but constructors without parameters.</summary>
    [Test]
    public void EveryTypeAndMemberIsDescribed()
    {
        string[] bare = [.. pages.Value.SelectMany(p => p.Value.Split('\n').Select((line, i) => (p.Key, i, line))).Where(l => l.line.StartsWith("- `", StringComparison.Ordinal) && !l.line.Contains("<br>") && !l.line.EndsWith("()`"))
            .Select(l => $"{l.Key}:{l.i + 1}: {l.line}")];
        Assert.That(bare, Is.Empty);
        Assert.That(pages.Value["nn-training.md"], Does.Contain("## Learner\n").And.Contain("FitOneCycle(").And.Contain("  - throws `").And.Contain("  - `totalEpochs`: "));
    }

    [Test]
    public void ItIsSmallEnoughToReadAndToCommit() => Assert.That(pages.Value.Values.Sum(t => t.Length), Is.LessThan(600_000));
}
