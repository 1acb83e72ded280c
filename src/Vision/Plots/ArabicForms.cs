namespace Tessera.Vision;

/// <summary>The forms of Arabic letters that join their neighbours, which Unicode has as letters of their own: alone, at the end, at the beginning, in the middle of a word.</summary>
static class ArabicForms
{
    const char Lam = '\u0644', Tatweel = '\u0640', NonJoiner = '\u200c', FirstLigature = '\ufef5';
    const string Alefs = "\u0622\u0623\u0625\u0627"; // that join a lam before them into one letter

    // From a letter on, how many forms each of the letters has, and the first of the forms.
    static readonly (char Letter, string Counts, char Form)[] ranges =
    [
        ('\u0621', "12222424244444222244444444", '\ufe80'), ('\u0641', "4444444224", '\ufed1'),
        // Persian, and of Urdu those that our font has
        ('\u0679', "4", '\ufb66'), ('\u067e', "4", '\ufb56'), ('\u0686', "4", '\ufb7a'), ('\u0688', "2", '\ufb88'), ('\u0691', "2", '\ufb8c'), ('\u0698', "2", '\ufb8a'), ('\u06a9', "4", '\ufb8e'),
        ('\u06af', "4", '\ufb92'), ('\u06ba', "2", '\ufb9e'), ('\u06be', "4", '\ufbaa'), ('\u06cc', "4", '\ufbfc'),
    ];

    static readonly Dictionary<char, (char Form, int Count)> forms = ranges.SelectMany(Forms).ToDictionary(f => f.Letter, f => (f.Form, f.Count));

    static readonly Dictionary<char, string> letters = forms.Select(f => (f.Value.Form, f.Value.Count, Letters: $"{f.Key}")).Concat(
        Alefs.Select((alef, i) => (Form: (char)(FirstLigature + (2 * i)), Count: 2, Letters: $"{Lam}{alef}")))
        .SelectMany(f => Enumerable.Range(f.Form, f.Count).Select(form => (Form: (char)form, f.Letters))).ToDictionary(f => f.Form, f => f.Letters);

    /// <summary>All forms that are drawn.</summary>
    public static IEnumerable<char> All => letters.Keys;

    static IEnumerable<(char Letter, char Form, int Count)> Forms((char Letter, string Counts, char Form) range)
    {
        foreach (var (i, count) in range.Counts.Index())
        {
            yield return ((char)(range.Letter + i), range.Form, count - '0');
            range.Form += (char)(count - '0');
        }
    }

    /// <summary>Letters in the forms that their neighbours ask for.</summary>
    /// <param name="run">Letters with their marks, in the order in which they are read.</param>
    public static IEnumerable<string> Joined(IReadOnlyList<string> run)
    {
        for (int i = 0; i < run.Count; i++)
        {
            bool before = i > 0 && JoinsNext(run[i - 1]) && JoinsBefore(run[i]), after = i + 1 < run.Count && JoinsNext(run[i]) && JoinsBefore(run[i + 1]);
            if (after && run[i] is [Lam] && Alefs.IndexOf(run[i + 1][0], StringComparison.Ordinal) is >= 0 and var alef)
                yield return (char)(FirstLigature + (2 * alef) + (before ? 1 : 0)) + run[++i][1..];
            else if (forms.TryGetValue(run[i][0], out var f)) yield return (char)(f.Form + (before ? 1 : 0) + (after ? 2 : 0)) + run[i][1..];
            else yield return run[i];
        }
    }

    /// <summary>The letters whose forms these are.</summary>
    public static IEnumerable<string> Apart(IEnumerable<string> run) => run.Select(e => letters.TryGetValue(e[0], out string? letter) ? letter + e[1..] : e);

    static bool JoinsBefore(string e) => e[0] == Tatweel || (forms.TryGetValue(e[0], out var f) && f.Count > 1);

    static bool JoinsNext(string e) => (e[0] == Tatweel || (forms.TryGetValue(e[0], out var f) && f.Count == 4)) && !e.Contains(NonJoiner, StringComparison.Ordinal);
}
