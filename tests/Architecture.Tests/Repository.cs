using System.Diagnostics;
using System.Text;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The repository as git sees it.</summary>
static class Repository
{
    static readonly Lazy<string[]> tracked = new(List);

    /// <summary>Tracked files and new ones that are not ignored, relative to the root, with forward slashes.</summary>
    public static IReadOnlyList<string> Files => tracked.Value;

    public static string Full(string relative) => Path.Combine(TestData.RepositoryRoot, relative);

    /// <summary>The text of a file, or null where it is binary (a zero byte in its first 8000).</summary>
    public static string? TextOf(string relative)
    {
        byte[] bytes = File.ReadAllBytes(Full(relative));
        return bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0) ? null : Encoding.UTF8.GetString(bytes);
    }

    static string[] List()
    {
        ProcessStartInfo git = new("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = TestData.RepositoryRoot,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(git)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, "git ls-files");
        return [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(f => File.Exists(Full(f)))];
    }
}
