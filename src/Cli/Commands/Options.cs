using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Tessera.Cli;

/// <summary>Options that several commands share.</summary>
static class Options
{
    public static Option<string> Device() => new("--device")
    {
        Description = "cpu, cuda:0 or emulator; tessera doctor lists which can be used.",
        DefaultValueFactory = _ => "cpu",
    };

    /// <summary>Whether an option stands on the command line: a default is none.</summary>
    public static bool IsGiven(CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };

    /// <summary>An argument that is a path: what begins with a dash is a mistyped option, not a file.</summary>
    public static Argument<T> Path<T>(string name, string description, ArgumentArity arity)
    {
        var argument = new Argument<T>(name) { Description = description, Arity = arity };
        argument.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (token.Value.StartsWith('-')) result.AddError($"{token.Value}: there is no such option.");
        });
        return argument;
    }

    /// <summary>An option that is a whole number of at least <paramref name="least"/>.</summary>
    public static Option<int> Number(string name, string description, int least, int standard) => Number<int>(name, description, least, standard);

    /// <summary>The same, or, with an <c>int?</c>, one that may be left out.</summary>
    public static Option<T> Number<T>(string name, string description, int least, T standard)
    {
        var option = new Option<T>(name) { Description = description };
        if (standard is not null) option.DefaultValueFactory = _ => standard;
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out int value) && value < least)
                result.AddError($"{name}: got {value}, expected at least {least}.");
        });
        return option;
    }

    /// <summary>An option with a few possible values, the first of which is that of nothing said where <paramref name="hasDefault"/> is true.</summary>
    public static Option<string?> OneOf(string name, string description, bool hasDefault, params string[] values)
    {
        var option = new Option<string?>(name) { Description = description };
        if (hasDefault) option.DefaultValueFactory = _ => values[0];
        option.CompletionSources.Add(values);
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !values.Contains(result.Tokens[0].Value, StringComparer.Ordinal))
                result.AddError($"{name}: got '{result.Tokens[0].Value}', expected {string.Join(", ", values[..^1])} or {values[^1]}.");
        });
        return option;
    }
}
