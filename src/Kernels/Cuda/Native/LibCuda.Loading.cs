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

    /// <summary>The driver's usual name here.</summary>
    public static string FileName => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>The names of all entry points.</summary>
    public static IEnumerable<string> EntryPoints =>
        typeof(LibCuda).GetMethods(BindingFlags.Public | BindingFlags.Static).Select(m => m.Name).Where(n => n.StartsWith("cu", StringComparison.Ordinal));

    /// <summary>Loads the driver, once; null, or why it cannot be used.</summary>
    public static string? Load()
    {
        lock (gate)
        {
            if (loaded != 0) return null;
            if (Find() is not (var library and not 0))
                return Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path ? $"{Variable}: '{path}' cannot be loaded" : $"the NVIDIA driver ({FileName}) was not found";
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

    static nint Find()
    {
        // The loader looks through its own configuration and LD_LIBRARY_PATH; containers and WSL put the driver elsewhere too.
        string[] places = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path ? [path]
            : OperatingSystem.IsWindows() ? [FileName]
            : [FileName, $"/usr/lib/x86_64-linux-gnu/{FileName}", $"/usr/local/nvidia/lib64/{FileName}", $"/usr/lib/wsl/lib/{FileName}"];
        foreach (string place in places)
            if (NativeLibrary.TryLoad(place, out nint library)) return library;
        return 0;
    }
}
