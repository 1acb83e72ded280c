using System.Text.RegularExpressions;

namespace Tessera.Tests;

/// <summary>Every relative link of every Markdown file leads to a tracked file, and its anchor to a heading.</summary>
public sealed partial class DocumentLinkTests
{
    static IEnumerable<string> Documents => Repository.Files.Where(f => f.EndsWith(".md", StringComparison.Ordinal));

    [TestCaseSource(nameof(Documents))]
    public void RelativeLinksResolve(string document) => Assert.That(Links(document).Select(l => Fault(document, l)).OfType<string>(), Is.Empty);

    static IEnumerable<string> Links(string document) =>
        Link().Matches(Fence().Replace(Repository.TextOf(document)!, "")).Select(m => m.Groups[1].Value)
            .Where(l => !l.Contains("://", StringComparison.Ordinal) && !l.StartsWith("mailto:", StringComparison.Ordinal));

    static string? Fault(string document, string link)
    {
        string[] parts = link.Split('#', 2);
        string target = parts[0].Length == 0 ? document : Normal(Path.Combine(Path.GetDirectoryName(document)!, Uri.UnescapeDataString(parts[0])));
        if (!Repository.Files.Contains(target) && !Repository.Files.Any(f => f.StartsWith(target.TrimEnd('/') + "/", StringComparison.Ordinal)))
            return $"{link}: no such file";
        return parts.Length == 1 || Anchors(target).Contains(parts[1]) ? null : $"{link}: no such heading";
    }

    static string Normal(string path) => Path.GetRelativePath(Repository.Full("."), Path.GetFullPath(Repository.Full(path))).Replace('\\', '/');

    static IEnumerable<string> Anchors(string document) => Heading().Matches(Fence().Replace(Repository.TextOf(document)!, ""))
        .Select(m => NotInAnchor().Replace(m.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex(@"\[[^\]]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#{1,6} (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
