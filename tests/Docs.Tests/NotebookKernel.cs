using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The C# kernel of dotnet-interactive as a process: commands and events are lines of JSON. A cell runs as it does in Jupyter or VS Code, which speak to the same kernel.</summary>
sealed class NotebookKernel : IDisposable
{
    static readonly TimeSpan limit = TimeSpan.FromMinutes(3);
    static readonly string[] variablesOfLibraries = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH"];

    readonly Process process;
    int commands;

    NotebookKernel(Process process) => this.process = process;

    /// <summary>A kernel that works in the current folder. The test is skipped where none is installed.</summary>
    public static NotebookKernel Start()
    {
        if (Find() is not { } program)
        {
            Assert.Ignore("no kernel: dotnet-interactive is not installed (dotnet tool install --global Microsoft.dotnet-interactive)");
            return null!;
        }
        var start = new ProcessStartInfo(program, ["stdio", "--default-kernel", "csharp"])
        {
            WorkingDirectory = Environment.CurrentDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = "1";
        string system = RuntimeInformation.RuntimeIdentifier; // linux-x64; the libraries of macOS are those of all its processors
        string[] libraries = [.. new[] { system, system.Split('-')[0] }.Select(s => Path.Combine(AppContext.BaseDirectory, "runtimes", s, "native"))];
        foreach (string name in variablesOfLibraries) // for assemblies that are named by their path
            start.Environment[name] = string.Join(Path.PathSeparator, libraries.Append(Environment.GetEnvironmentVariable(name)).Where(p => p?.Length > 0));
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { }; // nobody waits for it to be read
        process.BeginErrorReadLine();
        return new NotebookKernel(process);
    }

    /// <summary>What a cell printed and showed; the test fails where the cell does.</summary>
    public async Task<string> Run(string code)
    {
        string token = FormattableString.Invariant($"{++commands}");
        JsonObject command = new()
        {
            ["token"] = token,
            ["commandType"] = "SubmitCode",
            ["command"] = new JsonObject { ["code"] = code, ["targetKernelName"] = "csharp" },
            ["routingSlip"] = new JsonArray(),
        };
        await process.StandardInput.WriteLineAsync(command.ToJsonString());
        await process.StandardInput.FlushAsync();
        using CancellationTokenSource timer = new(limit);
        string shown = "";
        while (await process.StandardOutput.ReadLineAsync(timer.Token) is { } line)
        {
            var answer = JsonNode.Parse(line)!;
            if ((string?)answer["command"]?["token"] != token) continue;
            var said = answer["event"]!;
            string kind = (string)answer["eventType"]!;
            if (kind == "CommandSucceeded") return shown;
            Assert.That(kind, Is.Not.EqualTo("CommandFailed"), $"{code}\n{said["message"]}");
            shown += string.Concat(said["formattedValues"]?.AsArray().Select(v => (string?)v!["value"]) ?? []);
        }
        Assert.Fail($"the kernel ended within\n{code}");
        return "";
    }

    public void Dispose()
    {
        process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    static string? Find()
    {
        string home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet", "tools");
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append(home)
            .SelectMany(folder => new[] { "dotnet-interactive", "dotnet-interactive.exe" }.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }
}
