using System.Diagnostics;
using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>
/// Work that needs a process of its own: its peak memory, its start, or other vector widths. The program starts itself with <c>child</c> as the
/// first argument; the child prints one line of numbers.
/// </summary>
static class Child
{
    /// <summary>What the first argument of a child is.</summary>
    public const string Argument = "child";

    /// <summary>In the child: does what the arguments say. Nothing else of the program runs before.</summary>
    public static int Run(string[] args)
    {
        switch (args)
        {
            case ["memory", var side, var tiny]: PeakMemory.Print(side, Size(tiny)); return 0;
            case ["first-prediction", var side, var file, var pixels]: FirstPrediction.Print(side, file, int.Parse(pixels, CultureInfo.InvariantCulture)); return 0;
            case ["gemm-peak", var size, var ms]: GemmPeak.Print(int.Parse(size, CultureInfo.InvariantCulture), double.Parse(ms, CultureInfo.InvariantCulture)); return 0;
            case ["torch-steps", var depth, var learned, var tiny, var channelsLast]:
                TorchSteps.Print(int.Parse(depth, CultureInfo.InvariantCulture), Enum.Parse<Learned>(learned), Size(tiny), bool.Parse(channelsLast));
                return 0;
            default: throw new ArgumentException($"child: got {string.Join(' ', args)}, expected memory, first-prediction, gemm-peak or torch-steps.", nameof(args));
        }
    }

    /// <summary>In the parent: starts a child and gives the numbers it printed.</summary>
    /// <param name="environment">Variables set for it.</param>
    /// <param name="args">Its arguments.</param>
    /// <exception cref="ChildException">It did not come to its end.</exception>
    public static double[] Start((string Name, string Value)[] environment, params string[] args)
    {
        string program = Environment.ProcessPath!;
        // Started as "dotnet Tessera.Benchmarks.dll", the process is dotnet and wants the file's name again.
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(Child).Assembly.Location] : [];
        ProcessStartInfo info = new(program, [.. self, Argument, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) info.Environment[name] = value;
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync();
        string line = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new ChildException(args, process.ExitCode, errors.Result);
        return [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => double.Parse(t, CultureInfo.InvariantCulture))];
    }

    /// <summary>The child's one line.</summary>
    public static void Answer(params double[] numbers) => Console.WriteLine(string.Join(' ', numbers.Select(n => n.ToString("R", CultureInfo.InvariantCulture))));

    static BenchSize Size(string name) => name == "tiny" ? BenchSize.Tiny : BenchSize.Full;
}

/// <summary>A child process ended with an error, or was ended by the system.</summary>
/// <param name="args">Its arguments.</param>
/// <param name="code">Its exit code; on Unix 128 + the signal that ended it.</param>
/// <param name="errors">What it wrote to its error stream.</param>
sealed class ChildException(string[] args, int code, string errors) : Exception($"child {string.Join(' ', args)}: exit code {code}: {errors}")
{
    /// <summary>How it ended, in words.</summary>
    public string Ending => code switch
    {
        128 + 4 => "ended with an illegal instruction",
        128 + 6 => "aborted",
        128 + 8 => "ended with a division by zero",
        128 + 9 => "was killed",
        128 + 11 => "ended with an access to memory that is not its own",
        _ => $"ended with exit code {code.ToString(CultureInfo.InvariantCulture)}",
    };
}
