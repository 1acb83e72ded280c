using Spectre.Console;

namespace Tessera.Cli;

/// <summary>Consoles to print on: colours and live bars on a terminal, plain lines elsewhere.</summary>
static class Terminal
{
    /// <summary>True where <paramref name="output"/> is a terminal a person looks at, and one that can write over a line.</summary>
    public static bool IsLive(TextWriter output) => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>A console over a writer.</summary>
    public static IAnsiConsole For(TextWriter output)
    {
        bool live = IsLive(output);
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = live ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = live ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = live ? InteractionSupport.Detect : InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        if (!live) console.Profile.Width = 200;
        return console;
    }
}
