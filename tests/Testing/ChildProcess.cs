using System.Diagnostics;

namespace Tessera.Testing;

/// <summary>Runs programs as a user does who knows nothing of this repository.</summary>
public static class ChildProcess
{
    /// <summary>What a program printed, errors among it; the test fails where it fails or runs longer than the limit.</summary>
    public static async Task<string> Run(string folder, TimeSpan limit, string program, params string[] arguments)
    {
        var (code, output, errors) = await Try(folder, limit, program, arguments);
        Assert.That(code, Is.Zero, $"{program} {string.Join(' ', arguments)}\n{output}{errors}");
        return output + errors;
    }

    /// <summary>The exit code of a program, and what it printed; the test fails where it runs longer than the limit.</summary>
    public static async Task<(int Code, string Output, string Errors)> Try(string folder, TimeSpan limit, string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // What the process of the tests was given by msbuild is not for the programs that it starts.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray()) start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource timer = new(limit);
        try
        {
            await process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)}: still ran after {limit.TotalMinutes} minutes");
        }
        return (process.ExitCode, await output, await errors);
    }
}
