using System.Diagnostics;

namespace Tessera.Testing;

/// <summary>A real browser without a window.</summary>
public static class Chromium
{
    static readonly string[] names = ["chromium", "chromium-browser", "google-chrome"];

    /// <summary>The page's HTML after its scripts have run for a while. The test is skipped where no Chromium is installed.</summary>
    /// <param name="url">The page.</param>
    /// <param name="options">More options of the command line.</param>
    public static string Open(string url, params string[] options)
    {
        if (Find() is not { } program)
        {
            Assert.Ignore($"no browser: none of {string.Join(", ", names)} is installed");
            return "";
        }
        using var profile = new TemporaryFolder();
        // A browser that was cut off leaves processes which still write: the profile is theirs.
        var start = new ProcessStartInfo(program, ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", $"--user-data-dir={profile.File("profile")}", "--virtual-time-budget=5000", .. options, "--dump-dom", url])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(120_000)) process.Kill(entireProcessTree: true);
        Assert.That(process.ExitCode, Is.Zero, error.Result);
        return output.Result;
    }

    static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
}
