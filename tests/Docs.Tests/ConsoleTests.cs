using System.Text.RegularExpressions;
using Tessera.Cli;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>
/// Every <c>console</c> block of docs/ prints what it shows: lines that begin with <c>$ tessera</c> are run, the lines up to the next one are the output.
/// <c>...</c> stands for whatever changes from run to run; alone on a line, for any lines.
/// </summary>
[NonParallelizable]
public sealed class ConsoleTests
{
    static IEnumerable<string> Pages => Directory.EnumerateFiles(Path.Combine(TestData.RepositoryRoot, "docs"), "*.md")
        .Where(p => File.ReadLines(p).Contains("```console")).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal);

    [TestCaseSource(nameof(Pages))]
    public async Task EveryCommandPrintsWhatThePageShows(string page)
    {
        string before = Environment.CurrentDirectory, text = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", page));
        using TemporaryFolder folder = new();
        Directory.CreateSymbolicLink(folder.File("examples"), Path.Combine(TestData.RepositoryRoot, "examples"));
        Environment.CurrentDirectory = folder.Path;
        try
        {
            // The C# blocks write the files that the commands read.
            await Page.Run(page, CodeBlock.Of(text));
            foreach (var (line, command, shown) in Commands(text)) Assert.That(Output(command), Does.Match(Pattern(shown)), $"{page}:{line}");
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder.File("examples"));
        }
    }

    [Test]
    public void BlocksAreReadAsCommandsWithTheirOutput()
    {
        var commands = Commands("text\n```console\n$ tessera a\none\n$ tessera b \"c d\"\n```\n```csharp\n$ tessera no\n```\n").ToList();
        Assert.That(commands, Is.EqualTo(new[] { (3, "a", "one\n"), (5, "b \"c d\"", "") }));
        Assert.That(Output("kernels list no.ptx"), Does.Match(Pattern("error: no.ptx: ... file.\nhint: ...\n")).And.Not.Match(Pattern("error: no.ptx: ... file.\n")));
        string four = string.Concat("abcd".Select(c => $"{c}\n"));
        Assert.That(four, Does.Match(Pattern("a\n...\nd\n")).And.Match(Pattern("...\nd\n")).And.Not.Match(Pattern("a\n...\nc\n")));
        Assert.That(() => Commands("```console\n$ ls\n```\n").ToList(), Throws.TypeOf<FormatException>().With.Message.Contains("line 2"));
    }

    /// <summary>The line of each command, what follows <c>tessera</c>, and the output below it.</summary>
    static IEnumerable<(int Line, string Command, string Output)> Commands(string markdown)
    {
        string[] lines = markdown.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i] != "```console") continue;
            for (i++; i < lines.Length && lines[i] != "```";)
            {
                int at = i + 1;
                if (!lines[i].StartsWith("$ tessera ", StringComparison.Ordinal)) throw new FormatException($"line {at}: got '{lines[i]}', expected '$ tessera ...'");
                string command = lines[i++]["$ tessera ".Length..], output = "";
                for (; lines[i] != "```" && !lines[i].StartsWith("$ ", StringComparison.Ordinal); i++) output += lines[i] + "\n";
                yield return (at, command, output);
            }
        }
    }

    static string Output(string command)
    {
        using StringWriter writer = new();
        Tool.Run([.. Regex.Matches(command, "\"([^\"]*)\"|\\S+").Select(m => m.Groups[1].Success ? m.Groups[1].Value : m.Value)], writer, writer);
        return writer.ToString().ReplaceLineEndings("\n");
    }

    static string Pattern(string shown) => $@"^{string.Concat(shown.Split('\n')[..^1].Select(l => l == "..." ? "(.*\n)*" : string.Join(".*", l.Split("...").Select(Regex.Escape)) + "\n"))}\z";
}
