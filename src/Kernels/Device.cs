using System.Globalization;

namespace Tessera;

/// <summary>A place where tensors live and are computed on: its memory pool and its backend.</summary>
public sealed class Device
{
    static readonly Lazy<Device> cpu = new(() => new Device("cpu", new Cpu.CpuBackend()));
    static readonly Lazy<Device> emulator = new(() => new Device("emulator", new Cuda.CudaBackend(new Cuda.EmulatedCudaDriver())));

    internal Device(string name, Backend backend)
    {
        Name = name;
        Backend = backend;
        Memory = new MemoryPool(this);
    }

    /// <summary>The processor, with one thread a core (see <c>TESSERA_THREADS</c>).</summary>
    public static Device Cpu => cpu.Value;

    /// <summary>A GPU that is not there: the GPU's kernels, run by the PTX emulator. For tests and for looking into kernels; slow.</summary>
    public static Device Emulator => emulator.Value;

    /// <summary>What new tensors use where no device is named.</summary>
    public static Device Default { get; set; } = Cpu;

    /// <summary><c>cpu</c>, <c>cuda:0</c>, ...</summary>
    public string Name { get; }

    /// <summary>The operations of this device.</summary>
    public Backend Backend { get; }

    /// <summary>The memory of this device, with its counters.</summary>
    public MemoryPool Memory { get; }

    /// <summary>The device of a name: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>, <c>emulator</c>.</summary>
    /// <exception cref="DeviceException">No such device here; the message says why.</exception>
    public static Device Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string kind = name.Trim().ToLowerInvariant();
        if (kind == "cpu") return Cpu;
        if (kind == "emulator") return Emulator;
        if (kind == "cuda" || (kind.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(kind[5..], NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            throw new DeviceException($"Device: '{name}' cannot be used: {WhyNoCuda()}. Hint: use --device cpu.");
        throw new DeviceException($"Device: unknown device: got '{name}', expected cpu, cuda:0 or emulator.");
    }

    /// <summary>The devices of this machine that can be used now, and for the others the reason why not.</summary>
    public static IReadOnlyList<(string Name, string? WhyNot)> All() =>
        [("cpu", null), ("cuda:0", WhyNoCuda()), ("emulator", null)];

    static string WhyNoCuda()
    {
        string library = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!System.Runtime.InteropServices.NativeLibrary.TryLoad(library, out nint handle))
            return $"the NVIDIA driver ({library}) was not found";
        System.Runtime.InteropServices.NativeLibrary.Free(handle);
        return "the NVIDIA driver is present, but this version has no CUDA backend yet";
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
