using System.Globalization;

namespace Tessera.Vision;

/// <summary>
/// Puts text in the order in which it is drawn from left to right. Hebrew and Arabic words run from right to left, one after the other; digits within them stay as they are.
/// Whatever else stands between words ends the run, so that the fields of a title keep their order. That is less than the bidirectional algorithm of Unicode, and enough for names.
/// </summary>
static class VisualOrder
{
    const string Between = " \u00a0-_'\"";

    /// <summary>A line as it is drawn.</summary>
    public static string Of(string line) => InRuns(line, run => Reversed(ArabicForms.Joined(run)));

    /// <summary>The line that is drawn so.</summary>
    public static string Logical(string drawn) => InRuns(drawn, run => ArabicForms.Apart(Reversed(run)));

    /// <summary>Whether a letter belongs to a script that runs from right to left.</summary>
    public static bool IsRightToLeft(char c) => c is (>= '\u0590' and <= '\u08ff') or (>= '\ufb1d' and <= '\ufdff') or (>= '\ufe70' and <= '\ufefc') && !char.IsDigit(c);

    /// <summary>Changes each run: from a letter of such a script to the last one that is not parted from it. Its elements are letters with their marks.</summary>
    static string InRuns(string line, Func<List<string>, IEnumerable<string>> change)
    {
        if (!line.Any(IsRightToLeft)) return line;
        List<string> elements = [.. Elements(line)], result = [];
        for (int i = 0; i < elements.Count;)
        {
            int end = i;
            for (int k = i; IsRightToLeft(elements[i][0]) && k < elements.Count && IsInside(elements[k][0]); k++)
                if (IsRightToLeft(elements[k][0])) end = k + 1;
            if (end > i) result.AddRange(change(elements[i..end]));
            else result.Add(elements[end++]);
            i = end;
        }
        return string.Concat(result);
    }

    static bool IsInside(char c) => IsRightToLeft(c) || char.IsDigit(c) || Between.Contains(c, StringComparison.Ordinal);

    static IEnumerable<string> Elements(string line)
    {
        for (var e = StringInfo.GetTextElementEnumerator(line); e.MoveNext();) yield return e.GetTextElement();
    }

    /// <summary>The other way round, but for digits.</summary>
    static List<string> Reversed(IEnumerable<string> run)
    {
        List<string> reversed = [.. run.Reverse()];
        for (int i = 0; i < reversed.Count; i++)
        {
            int digits = reversed.Skip(i).TakeWhile(e => char.IsDigit(e[0])).Count();
            reversed.Reverse(i, digits);
            i += digits;
        }
        return reversed;
    }
}
