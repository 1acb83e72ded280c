using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Tessera.Cli;

/// <summary>A command with a description of one line, for the list of commands, and the text that ends its own help.</summary>
sealed class ExampleCommand(string name, string description, string examples) : Command(name, description)
{
    public string Examples => examples;
}

/// <summary>The help of a command, then its examples; of the tool itself, how to go on.</summary>
sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parsed)
    {
        int code = help.Invoke(parsed);
        string text = parsed.CommandResult.Command is ExampleCommand command ? command.Examples : """
            Examples:
              tessera train                  trains on the photos of the repository
              tessera train --help           how to train on your own
              tessera doctor                 what this machine can do
            """;
        parsed.InvocationConfiguration.Output.WriteLine(text.ReplaceLineEndings() + Environment.NewLine);
        return code;
    }
}
