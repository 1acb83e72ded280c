using System.CommandLine;

namespace Tessera.Cli;

/// <summary>Which checks <c>tessera kernels check</c> makes: all, only some, or all but some.</summary>
static class KernelChecks
{
    static readonly (string Name, PtxChecks Check)[] names =
    [
        ("uninitialized", PtxChecks.Uninitialized), ("shared-races", PtxChecks.SharedRaces), ("global-races", PtxChecks.GlobalRaces), ("barriers", PtxChecks.Barriers), ("masks", PtxChecks.Masks),
    ];

    static readonly string all = string.Join(", ", names.Select(n => n.Name));

    static readonly Option<string?> only = Create("--only", $"Look for these alone, with commas between: {all}."), without = Create("--without", "Look for all but these.", only);

    /// <summary>The options; one of them at most is given.</summary>
    public static Option[] Options => [only, without];

    /// <summary>The checks of a command line.</summary>
    public static PtxChecks Read(ParseResult parsed) =>
        parsed.GetValue(only) is string some ? Of(some) : parsed.GetValue(without) is string others ? PtxChecks.All & ~Of(others) : PtxChecks.All;

    static Option<string?> Create(string name, string description, Option? instead = null)
    {
        Option<string?> option = new(name) { Description = description };
        option.CompletionSources.Add(names.Select(n => n.Name).ToArray());
        option.Validators.Add(result =>
        {
            if (instead != null && result.GetResult(instead) != null) result.AddError($"{name}: got {instead.Name} too, expected one of them.");
            if (result.Tokens.Count == 0) return;
            foreach (string part in Parts(result.Tokens[0].Value))
                if (!names.Any(n => n.Name == part)) result.AddError($"{name}: got '{part}', expected some of {all}, with commas between.");
        });
        return option;
    }

    static string[] Parts(string list) => list.Split(',', StringSplitOptions.TrimEntries);

    static PtxChecks Of(string list) => Parts(list).Aggregate(PtxChecks.None, (checks, part) => checks | names.First(n => n.Name == part).Check);
}
