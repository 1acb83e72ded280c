using System.Text.RegularExpressions;

namespace Tessera.Cuda;

/// <content>
/// The bound of the folder. The time at which a file was last written is that of its last use. Other processes may write, read and delete at the same time: a file is
/// deleted whole or not at all, one that is gone already is no error, and who finds none compiles anew.
/// </content>
internal sealed partial class KernelFiles
{
    /// <summary>Most bytes of a folder, where nothing else is said: some thousands of kernels.</summary>
    public const long Limit = 512L << 20;

    /// <summary>How long a file that another process is about to finish may take.</summary>
    static readonly TimeSpan unfinished = TimeSpan.FromDays(1);

    /// <summary>The names that <see cref="PathOf"/> gives and, with an ending, those of files that are being written: nothing else is deleted.</summary>
    [GeneratedRegex(@"^[0-9a-f]{64}\.kernel(?<unfinished>\.[0-9a-f]{32}\.tmp)?$")]
    private static partial Regex Name();

    static void MarkUsed(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Deleted meanwhile, or of a folder that can only be read.
        }
    }

    /// <summary>Where all files together have more bytes than the limit, deletes those used longest ago until three quarters of it are left; never <paramref name="newest"/>.</summary>
    void Prune(string newest)
    {
        var files = Found();
        foreach (var f in files)
            if (f.IsUnfinished && DateTime.UtcNow - f.Used > unfinished) Delete(f.Path);
        files.RemoveAll(f => f.IsUnfinished);
        long bytes = files.Sum(f => f.Bytes);
        if (bytes <= limit) return;
        foreach (var f in files.OrderBy(f => f.Used).ThenBy(f => f.Path, StringComparer.Ordinal))
        {
            if (bytes <= limit / 4 * 3) return;
            if (f.Path == newest) continue;
            Delete(f.Path);
            bytes -= f.Bytes;
        }
    }

    List<(string Path, long Bytes, DateTime Used, bool IsUnfinished)> Found()
    {
        List<(string, long, DateTime, bool)> found = [];
        foreach (var below in new DirectoryInfo(folder).GetDirectories("cuda*-sm_*"))
            foreach (var file in below.GetFiles())
            {
                if (Name().Match(file.Name) is not { Success: true } name) continue;
                try
                {
                    found.Add((file.FullName, file.Length, file.LastWriteTimeUtc, name.Groups["unfinished"].Success));
                }
                catch (FileNotFoundException)
                {
                    // Another process was faster.
                }
            }
        return found;
    }
}
