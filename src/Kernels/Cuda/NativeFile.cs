using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>Loading a library of the system, with the loader's words where it does not.</summary>
internal static class NativeFile
{
    /// <summary>Loads a library.</summary>
    /// <param name="path">A path, or a name that the system looks for in its own folders.</param>
    /// <param name="library">Its handle.</param>
    /// <param name="words">Empty where it was loaded; null where there is no such file; otherwise what the loader says of the file.</param>
    public static bool TryLoad(string path, out nint library, out string? words)
    {
        (library, words) = (0, null);
        bool isName = Path.GetFileName(path) == path;
        if (!isName && !File.Exists(path)) return false;
        try
        {
            library = NativeLibrary.Load(path);
            words = "";
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            words = isName && IsAbsent(path, e.Message) ? null : Words(e.Message);
            return false;
        }
    }

    /// <summary>The file behind a library that the system has found by name, or the name where the system does not say; of a path the path.</summary>
    public static string FileOf(string name)
    {
        if (Path.GetFileName(name) != name) return name;
        string stem = Path.GetFileName(name).Split('.')[0] + ".";
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Select(m => m.FileName).FirstOrDefault(f => Path.GetFileName(f).StartsWith(stem, StringComparison.OrdinalIgnoreCase)) ?? name;
    }

    /// <summary>Linux names the file that is missing, which may be one that the library needs; Windows does not tell them apart.</summary>
    static bool IsAbsent(string name, string message)
        => OperatingSystem.IsWindows() ? message.Contains("0x8007007E", StringComparison.Ordinal) : message.Contains($"\n{name}: cannot open shared object file", StringComparison.Ordinal);

    /// <summary>What the system says, without the runtime's advice before it.</summary>
    static string Words(string message) => message.Trim().Split('\n')[^1].Trim();
}
