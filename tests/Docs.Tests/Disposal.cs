using System.Text.RegularExpressions;

namespace Tessera.Tests;

/// <summary>User code needs no <c>using</c> and no <c>Dispose</c>: examples that state one show a flaw of ours.</summary>
static partial class Disposal
{
    public static bool IsStated(string code) => Statement().IsMatch(code);

    // `using var x = ...`, `using Type x = ...`, `using (...)`, but not the directives `using Name;` and `using Alias = Name;`.
    [GeneratedRegex(@"^\s*(await\s+)?using\s*(\(|[\w.<>,\[\]?]+\s+\w+\s*=)|\.Dispose\(\)", RegexOptions.Multiline)]
    private static partial Regex Statement();
}
