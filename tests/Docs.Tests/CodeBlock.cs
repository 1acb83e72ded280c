using System.Text.RegularExpressions;

namespace Tessera.Tests;

/// <summary>One <c>csharp</c> block of a page.</summary>
/// <param name="Line">The line of its first statement in the page, from 1.</param>
/// <param name="Code">Its text.</param>
/// <param name="NoRun">Why it is only compiled; null where it runs.</param>
sealed partial record CodeBlock(int Line, string Code, string? NoRun)
{
    /// <summary>
    /// The C# blocks of a Markdown page in order. A block opens with <c>```csharp</c>, or with <c>```csharp no-run: REASON</c> where
    /// it can only be compiled.
    /// </summary>
    public static IReadOnlyList<CodeBlock> Of(string markdown)
    {
        List<CodeBlock> blocks = [];
        string[] lines = markdown.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("```", StringComparison.Ordinal))
                continue;
            int end = Array.FindIndex(lines, i + 1, l => l.TrimEnd() is "```");
            if (end < 0)
                throw new FormatException($"line {i + 1}: a block without an end");
            if (lines[i].StartsWith("```csharp", StringComparison.Ordinal))
            {
                Match head = Head().Match(lines[i].TrimEnd());
                if (!head.Success)
                    throw new FormatException($"line {i + 1}: got '{lines[i].TrimEnd()}', expected '```csharp' or '```csharp no-run: REASON'");
                blocks.Add(new CodeBlock(i + 2, string.Join('\n', lines[(i + 1)..end]), head.Groups[1].Success ? head.Groups[1].Value : null));
            }
            i = end;
        }
        return blocks;
    }

    [GeneratedRegex(@"^```csharp(?: no-run: (\S.*))?$")]
    private static partial Regex Head();
}
