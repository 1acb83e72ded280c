using System.Text.RegularExpressions;

namespace Tessera.Cli;

/// <summary>A PTX text by its name: a file, or one of Tessera's kernels.</summary>
sealed record PtxSource(string Name, string Text)
{
    /// <exception cref="DataException">There is neither such a file nor such a kernel file of Tessera's.</exception>
    public static PtxSource Open(string name)
    {
        if (File.Exists(name)) return new(name, PtxModule.TextOf(name));
        return Embedded(name) ?? throw new DataException($"{name}: no such file. Hint: tessera kernels list shows the files that are part of Tessera.");
    }

    /// <summary>Tessera's files.</summary>
    public static IEnumerable<PtxSource> Library => PtxModule.LibraryFiles.Select(f => new PtxSource(f, PtxModule.LibraryText(f)));

    /// <summary>The file of Tessera's with that name, with or without its <c>.ptx</c>; null for none.</summary>
    public static PtxSource? Embedded(string name) => Library.FirstOrDefault(s => s.Name == name || s.Name == name + ".ptx");

    /// <summary>What the comment at the head of the file says in its first sentence.</summary>
    public string Description => FirstSentence(Text.Split('\n').TakeWhile(IsComment));

    /// <summary>The kernels in order, each with the first sentence of the comment right above it.</summary>
    public IEnumerable<(string Entry, string Description)> Entries()
    {
        string[] lines = Text.Split('\n');
        foreach (string entry in PtxModule.Parse(Text, Name).Entries)
        {
            int at = LineOf(lines, entry);
            yield return (entry, FirstSentence(lines[CommentAbove(lines, at)..at]));
        }
    }

    /// <summary>One kernel with the comment above it; null where the text has none of that name.</summary>
    public string? TextOf(string entry)
    {
        string[] lines = Text.Split('\n');
        int at = LineOf(lines, entry);
        if (at < 0) return null;
        int end = Array.FindIndex(lines, at, l => l.StartsWith('}'));
        return string.Join('\n', lines[CommentAbove(lines, at)..(end < 0 ? lines.Length : end + 1)]) + "\n";
    }

    static int LineOf(string[] lines, string entry) => Array.FindIndex(lines, l => Regex.IsMatch(l, $@"^[^/]*\.entry\s+{Regex.Escape(entry)}(?![\w$])", RegexOptions.None, TimeSpan.FromSeconds(1)));

    static int CommentAbove(string[] lines, int at)
    {
        while (at > 0 && IsComment(lines[at - 1])) at--;
        return at;
    }

    static bool IsComment(string line) => line.TrimStart().StartsWith("//", StringComparison.Ordinal);

    static string FirstSentence(IEnumerable<string> comment)
    {
        string text = string.Join(' ', comment.Select(l => l.Trim().TrimStart('/').Trim()));
        // A number in front, as in "5. Tensor cores", is no sentence.
        int number = text.TakeWhile(char.IsAsciiDigit).Count(), end = text.IndexOf(". ", Math.Min(number + 1, text.Length), StringComparison.Ordinal);
        return end < 0 ? text : text[..(end + 1)];
    }
}
