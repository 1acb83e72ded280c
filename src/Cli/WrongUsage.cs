using System.CommandLine;
using System.CommandLine.Parsing;

namespace Tessera.Cli;

/// <summary>What is wrong with a command line, in one sentence.</summary>
static class WrongUsage
{
    /// <summary>What a validator says is more to the point than what the parser could not place; of that, the first.</summary>
    public static string Of(ParseResult parsed)
    {
        bool IsUnplaced(ParseError e) => parsed.UnmatchedTokens.Any(t => e.Message.Contains($"'{t}'", StringComparison.Ordinal));
        var said = IsUnplaced(parsed.Errors[^1]) ? parsed.Errors.First(IsUnplaced) : parsed.Errors[^1];
        return said.SymbolResult is OptionResult { Tokens: [var token], Option: var option } && IsConversion(said.Message)
            ? $"{option.Name}: got '{token.Value}', expected {Kind(option.ValueType)}."
            : said.Message;
    }

    /// <summary>The parser's own sentence names a type of .NET.</summary>
    static bool IsConversion(string message) => message.Contains("System.", StringComparison.Ordinal);

    static string Kind(Type type) => (Nullable.GetUnderlyingType(type) ?? type) is var t && t == typeof(ulong) ? "a whole number of at least 0"
        : t == typeof(int) || t == typeof(long) ? "a whole number"
        : t == typeof(double) || t == typeof(float) ? "a number, such as 0.5"
        : t == typeof(bool) ? "true or false" : "another value";
}
