using System.CommandLine;
using System.CommandLine.Help;

namespace Tessera.Cli;

/// <summary>The <c>tessera</c> command line: parses, runs a command, and turns errors into one line and an exit code.</summary>
public static class Tool
{
    /// <summary>0: done.</summary>
    public const int Success = 0;

    /// <summary>1: the command could not do its work.</summary>
    public const int Failure = 1;

    /// <summary>2: the command line itself was wrong.</summary>
    public const int Usage = 2;

    /// <summary>130: stopped by Ctrl-C.</summary>
    public const int Interrupted = 130;

    static readonly Option<bool> verbose = new("--verbose") { Description = "Show where an error happened.", Recursive = true };

    /// <summary>Runs one command line.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        var root = new RootCommand("Tessera trains, uses and inspects image classifiers.")
        {
            DataCommand.Create(output),
            LrFindCommand.Create(output),
            TrainCommand.Create(output),
            PredictCommand.Create(output),
            InterpretCommand.Create(output),
            InspectCommand.Create(output),
            ExportCommand.Create(output),
            ConvertCommand.Create(output),
            ServeCommand.Create(output, error),
            DoctorCommand.Create(output),
            KernelsCommand.Create(output),
            verbose,
        };
        foreach (var option in root.Options.OfType<HelpOption>()) option.Action = new HelpWithExamples((HelpAction)option.Action!);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Write($"{WrongUsage.Of(parsed)} Hint: tessera {CommandPath(parsed)}--help shows the options.", error);
            return Usage;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (StoppedException e)
        {
            Write(e.Message, error);
            return Interrupted;
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("stopped.");
            return Interrupted;
        }
        catch (Exception e)
        {
            Report(e, parsed.GetValue(verbose), error);
            return e is DeviceException ? Usage : Failure;
        }
    }

    /// <summary>"error: what is wrong", "hint: the cure", and the trace where it was asked for.</summary>
    static void Report(Exception e, bool trace, TextWriter error)
    {
        bool expected = e is TesseraException or IOException or UnauthorizedAccessException;
        string message = expected ? e.Message : $"{e.GetType().Name}: {e.Message} Hint: this is a mistake in Tessera; please report it with what --verbose shows.";
        Write(message, error);
        if (trace) error.WriteLine(e);
    }

    /// <summary>What is wrong, then each cure on a line of its own; what a damaged file says does nothing to the terminal.</summary>
    static void Write(string message, TextWriter error)
    {
        string[] parts = Printable.Of(message.ReplaceLineEndings(" ")).Split(" Hint: ");
        error.WriteLine($"error: {parts[0]}");
        foreach (string cure in parts[1..]) error.WriteLine($"hint: {cure}");
    }

    static string CommandPath(ParseResult parsed)
    {
        string path = "";
        for (var command = parsed.CommandResult; command?.Command is not (null or RootCommand); command = command.Parent as System.CommandLine.Parsing.CommandResult)
            path = $"{command.Command.Name} {path}";
        return path;
    }
}
