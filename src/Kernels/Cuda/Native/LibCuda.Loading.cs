using System.Reflection;
using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>Finding the driver's library: one a process.</summary>
internal static unsafe partial class LibCuda
{
    /// <summary>The oldest driver that has every entry point: CUDA 11.4.</summary>
    public const int OldestVersion = 11040;

    /// <summary>Names a library to use instead of the system's driver.</summary>
    const string Variable = "TESSERA_CUDA_LIBRARY";

    static readonly Lock gate = new();
    static nint loaded;
    static string place = FileName;

    /// <summary>The driver's usual name here.</summary>
    public static string FileName => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>The file that <see cref="Load"/> has loaded.</summary>
    public static string Path => NativeFile.FileOf(place);

    /// <summary>The names of all entry points.</summary>
    public static IEnumerable<string> EntryPoints =>
        typeof(LibCuda).GetMethods(BindingFlags.Public | BindingFlags.Static).Select(m => m.Name).Where(n => n.StartsWith("cu", StringComparison.Ordinal));

    /// <summary>Loads the driver, once; null, or why it cannot be used.</summary>
    public static string? Load()
    {
        lock (gate)
        {
            if (loaded != 0) return null;
            if (Find(out string whyNot) is not (var library and not 0)) return whyNot;
            if (WhyNot(library) is { } reason)
            {
                NativeLibrary.Free(library);
                return reason;
            }
            NativeLibrary.SetDllImportResolver(typeof(LibCuda).Assembly, static (name, _, _) => name == Library ? loaded : 0);
            loaded = library;
            return null;
        }
    }

    /// <summary>Why a loaded library cannot be used: its version, or what it lacks; null where it can.</summary>
    public static string? WhyNot(nint library)
    {
        if (!NativeLibrary.TryGetExport(library, nameof(cuDriverGetVersion), out nint address)) return $"{FileName} is not the NVIDIA driver: it has no {nameof(cuDriverGetVersion)}";
        int version = 0;
        var result = ((delegate* unmanaged<int*, CudaResult>)address)(&version);
        if (result != CudaResult.Success) return $"{FileName} is not a working driver: {nameof(cuDriverGetVersion)} failed with {result} ({(int)result})";
        if (version < OldestVersion) return $"the driver is too old: {DriverFacts.Version(version)}, expected {DriverFacts.Version(OldestVersion)} or newer";
        string[] missing = [.. EntryPoints.Where(name => !NativeLibrary.TryGetExport(library, name, out _))];
        return missing is [] ? null : $"{FileName} of CUDA {DriverFacts.Version(version)} has no {string.Join(", ", missing)}";
    }

    static nint Find(out string whyNot)
    {
        // The loader looks through its own configuration and LD_LIBRARY_PATH; containers and WSL put the driver elsewhere too.
        string? path = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } setting ? setting : null;
        string[] places = path is not null ? [path]
            : OperatingSystem.IsWindows() ? [FileName]
            : [FileName, $"/usr/lib/x86_64-linux-gnu/{FileName}", $"/usr/local/nvidia/lib64/{FileName}", $"/usr/lib/wsl/lib/{FileName}"];
        List<string> unfit = [];
        whyNot = "";
        foreach (string tried in places)
        {
            if (NativeFile.TryLoad(tried, out nint library, out string? words))
            {
                place = tried;
                return library;
            }
            if (words is not null) unfit.Add(path is null ? $"{tried}: {words}" : words);
        }
        string reason = string.Join("; ", unfit);
        if (path is not null) whyNot = $"{Variable}: '{path}' cannot be loaded: {(reason is "" ? "there is no such file" : reason)}";
        else whyNot = reason is "" ? $"the NVIDIA driver was not found: tried {string.Join(", ", places)}" : $"the NVIDIA driver ({FileName}) cannot be loaded: {reason}";
        return 0;
    }
}
