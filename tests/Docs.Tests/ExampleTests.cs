using System.Diagnostics;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every file of examples/ is a program of its own that a reader starts with <c>dotnet run examples/NAME.cs</c>.</summary>
[NonParallelizable]
public sealed class ExampleTests
{
    static readonly TimeSpan limit = TimeSpan.FromMinutes(8);

    static IEnumerable<string> Examples
    {
        get
        {
            string folder = Path.Combine(TestData.RepositoryRoot, "examples");
            return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.cs").Order(StringComparer.Ordinal).Select(f => Path.GetFileName(f)) : [];
        }
    }

    [TestCaseSource(nameof(Examples))]
    public async Task AnExampleRuns(string name)
    {
        string folder = Directory.CreateTempSubdirectory("tessera-example-").FullName;
        Directory.CreateSymbolicLink(Path.Combine(folder, "assets"), TestData.Asset(""));
        ProcessStartInfo start = new("dotnet", ["run", "-c", "Release", Path.Combine(TestData.RepositoryRoot, "examples", name)])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource timer = new(limit);
        try
        {
            await process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{name} still ran after {limit.TotalMinutes} minutes");
        }
        Assert.That(process.ExitCode, Is.Zero, await errors + await output);
        Assert.That(await output, Is.Not.Empty);
        Directory.Delete(Path.Combine(folder, "assets"));
        Directory.Delete(folder, recursive: true);
    }

    [TestCaseSource(nameof(Examples))]
    public void AnExampleNeedsNoUsing(string name) =>
        Assert.That(Disposal.IsStated(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "examples", name))), Is.False);
}
