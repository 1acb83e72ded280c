using System.Globalization;
using System.Runtime.InteropServices;
using static Tessera.Cuda.LibCuda;

namespace Tessera.Cuda;

/// <summary>Which GPUs there are, and for one that cannot be used, why.</summary>
internal sealed unsafe partial class NativeCudaDriver
{
    /// <summary>The lowest compute capability that takes Tessera's PTX: 7.0.</summary>
    const int oldestArchitecture = 70;

    /// <summary>The name of a GPU in Tessera.</summary>
    public static string NameOf(int ordinal) => string.Create(CultureInfo.InvariantCulture, $"cuda:{ordinal}");

    /// <summary>The GPU of an ordinal, or why it cannot be used.</summary>
    public static (NativeCudaDriver? Driver, string? WhyNot) TryOpen(int ordinal)
    {
        if (WhyNot(ordinal) is { } reason) return (null, reason);
        try
        {
            return (new NativeCudaDriver(ordinal), null);
        }
        catch (CudaException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>Why the GPU of an ordinal cannot be used; null where it can. Takes no memory of it.</summary>
    public static string? WhyNot(int ordinal)
    {
        if (Count(out int count) is { } reason) return reason;
        if (ordinal >= count) return string.Create(CultureInfo.InvariantCulture, $"this machine has {count} GPU{(count == 1 ? "" : "s")}: got {NameOf(ordinal)}");
        try
        {
            int device = DeviceOf(ordinal), architecture = ArchitectureOf(device);
            return architecture >= oldestArchitecture ? null
                : $"its compute capability is too low: {DriverFacts.Capability(architecture)} of {DeviceNameOf(device)}, expected {DriverFacts.Capability(oldestArchitecture)} or higher";
        }
        catch (CudaException e)
        {
            return e.Message;
        }
    }

    /// <summary>The number of GPUs; 0 and the reason where there is no driver.</summary>
    public static string? Count(out int count)
    {
        count = 0;
        if (Load() is { } reason) return reason;
        if (cuInit(0) is var initialized and not CudaResult.Success) return Text("cuInit", initialized);
        return cuDeviceGetCount(out count) is var counted and not CudaResult.Success ? Text("cuDeviceGetCount", counted) : null;
    }

    /// <exception cref="CudaException">The call has failed.</exception>
    internal static void Check(CudaResult result, string call)
    {
        if (result == CudaResult.Success) return;
        var (name, meaning) = NameAndMeaning(result);
        throw new CudaException(call, (int)result, name, meaning);
    }

    static string Text(string call, CudaResult result)
    {
        var (name, meaning) = NameAndMeaning(result);
        return string.Create(CultureInfo.InvariantCulture, $"{call} failed: {name} ({(int)result}), {meaning}");
    }

    static (string Name, string Meaning) NameAndMeaning(CudaResult result)
    {
        string? name = cuGetErrorName(result, out byte* n) == CudaResult.Success ? Marshal.PtrToStringUTF8((nint)n) : null;
        string? meaning = cuGetErrorString(result, out byte* m) == CudaResult.Success ? Marshal.PtrToStringUTF8((nint)m) : null;
        return (name ?? "an unknown code", meaning ?? "this driver does not describe it");
    }

    static int DeviceOf(int ordinal)
    {
        Check(cuDeviceGet(out int device, ordinal), "cuDeviceGet");
        return device;
    }

    static int ArchitectureOf(int device)
    {
        Check(cuDeviceGetAttribute(out int major, CudaDeviceAttribute.ComputeCapabilityMajor, device), "cuDeviceGetAttribute");
        Check(cuDeviceGetAttribute(out int minor, CudaDeviceAttribute.ComputeCapabilityMinor, device), "cuDeviceGetAttribute");
        return 10 * major + minor;
    }

    static string DeviceNameOf(int device)
    {
        byte* name = stackalloc byte[256];
        Check(cuDeviceGetName(name, 256, device), "cuDeviceGetName");
        return Marshal.PtrToStringUTF8((nint)name) ?? "";
    }
}
