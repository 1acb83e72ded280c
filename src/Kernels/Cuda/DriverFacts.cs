using System.Globalization;

namespace Tessera.Cuda;

/// <summary>What a driver says about its device, in words.</summary>
internal static class DriverFacts
{
    /// <summary>Compute capability: 9.0 for 90.</summary>
    public static string Capability(int architecture) => string.Create(CultureInfo.InvariantCulture, $"{architecture / 10}.{architecture % 10}");

    /// <summary>Driver version: 13.0 for 13000.</summary>
    public static string Version(int version) => string.Create(CultureInfo.InvariantCulture, $"{version / 1000}.{version % 1000 / 10}");

    /// <summary>Bytes free on the device.</summary>
    /// <exception cref="CudaException">The driver does not say.</exception>
    public static long FreeMemory(this ICudaDriver driver) => driver.Memory().Free;

    /// <summary>The device's own name, compute capability, memory and driver.</summary>
    /// <exception cref="CudaException">The driver does not say.</exception>
    public static string Description(this ICudaDriver driver)
    {
        var (free, total) = driver.Memory();
        return string.Create(CultureInfo.InvariantCulture,
            $"{driver.DeviceName}, compute capability {Capability(driver.Architecture)}, {total / 1073741824.0:0.0} GiB ({free / 1073741824.0:0.0} free), driver for CUDA {Version(driver.Version)}");
    }

    /// <summary>The exception for a call that failed: the code's name and meaning in the driver's words, and what else is known.</summary>
    public static CudaException Failed(this ICudaDriver driver, string call, CudaResult result, string more = "")
    {
        var (name, meaning) = driver.Describe(result);
        return new CudaException($"{driver.Name}: {call}", (int)result, name, meaning + more);
    }

    static (long Free, long Total) Memory(this ICudaDriver driver)
    {
        var result = driver.MemGetInfo(out long free, out long total);
        return result == CudaResult.Success ? (free, total) : throw driver.Failed("cuMemGetInfo", result);
    }
}
