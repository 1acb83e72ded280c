using System.Globalization;
using Tessera.Cuda;

namespace Tessera;

/// <summary>A place where tensors live and are computed on: its memory pool and its backend.</summary>
public sealed class Device
{
    static readonly Lazy<Device> cpu = new(() => new Device("cpu", new Cpu.CpuBackend()));
    static readonly Lazy<Device> emulator = new(() => new Device("emulator", new CudaBackend(new EmulatedCudaDriver())));
    static readonly Lock gate = new();
    static readonly Dictionary<int, Device> gpus = [];

    /// <summary>The memory that the calling thread takes from instead.</summary>
    [ThreadStatic]
    static MemoryPool? borrowed;

    readonly MemoryPool memory;

    /// <param name="name">Its name.</param>
    /// <param name="backend">Its operations.</param>
    /// <param name="available">Bytes that can be had of its memory; null for what the machine has.</param>
    /// <param name="exact">Whether each storage is an allocation of exactly its bytes, for tests: see <see cref="MemoryPool"/>.</param>
    internal Device(string name, Backend backend, long? available = null, bool exact = false)
    {
        Name = name;
        Backend = backend;
        memory = new MemoryPool(this, available ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, exact);
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

    /// <summary>The memory of this device, with its counters; for a thread that records a graph, the graph's.</summary>
    public MemoryPool Memory => borrowed is { } other && other.Device == this ? other : memory;

    /// <summary>The device of a name: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>, <c>emulator</c>.</summary>
    /// <exception cref="DeviceException">No such device here; the message says why.</exception>
    public static Device Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string kind = name.Trim().ToLowerInvariant();
        if (kind == "cpu") return Cpu;
        if (kind == "emulator") return Emulator;
        if (kind == "cuda") return Gpu(0);
        if (kind.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(kind[5..], NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal)) return Gpu(ordinal);
        throw new DeviceException($"Device: unknown device: got '{name}', expected cpu, cuda:0 or emulator.");
    }

    /// <summary>The devices of this machine that can be used now, and for the others the reason why not.</summary>
    public static IReadOnlyList<(string Name, string? WhyNot)> All()
    {
        NativeCudaDriver.Count(out int count);
        return [("cpu", null), .. Enumerable.Range(0, Math.Max(1, count)).Select(i => (NativeCudaDriver.NameOf(i), NativeCudaDriver.WhyNot(i))), ("emulator", null)];
    }

    /// <summary>Of a GPU its own name, compute capability, memory and driver; empty for the processor.</summary>
    /// <exception cref="CudaException">The driver does not say.</exception>
    public string Description => (Backend as CudaBackend)?.Driver.Description() ?? "";

    /// <summary>NVIDIA's libraries that this device may use, with version and file, or why there is none; empty for the processor.</summary>
    public IReadOnlyList<(string Name, string State)> Libraries => (Backend as CudaBackend)?.Libraries ?? [];

    /// <summary>The file of NVIDIA's driver, or why it cannot be used.</summary>
    public static string GpuDriver => LibCuda.Load() is { } reason ? $"none: {reason}" : LibCuda.Path;

    /// <summary>The files of NVIDIA's libraries that a GPU of this machine would use, or why there is none. They are loaded; nothing is asked of them.</summary>
    public static IReadOnlyList<(string Name, string State)> InstalledLibraries =>
        [.. new[] { CudaBlas.Search, CudaBlasLt.Search, CudaDNNContext.Search, Nccl.Search }.Select(s => (s.Name, s.Probe("not used: there is no GPU")))];

    /// <summary>The folder in which compiled kernels of GPUs are kept between processes (<c>TESSERA_KERNEL_CACHE</c>), and how many there are.</summary>
    public static string KernelCache => KernelFiles.Description;

    /// <summary>The GPU of an ordinal, opened once.</summary>
    static Device Gpu(int ordinal)
    {
        lock (gate)
        {
            if (gpus.TryGetValue(ordinal, out var known)) return known;
            var (driver, whyNot) = NativeCudaDriver.TryOpen(ordinal);
            if (driver is null) throw new DeviceException($"Device: '{NativeCudaDriver.NameOf(ordinal)}' cannot be used: {whyNot}. Hint: use --device cpu.");
            return gpus[ordinal] = OnGpu(driver, KernelFiles.For(driver));
        }
    }

    /// <summary>A device on a driver, with its free memory as the budget.</summary>
    internal static Device OnGpu(ICudaDriver driver, KernelFiles? kernels = null)
    {
        var backend = new CudaBackend(driver, kernels);
        return new Device(driver.Name, backend, driver.FreeMemory());
    }

    /// <summary>Lets the calling thread take its memory from another pool of this device until the result is disposed.</summary>
    internal Borrowing Use(MemoryPool pool) => new(pool);

    internal readonly ref struct Borrowing
    {
        readonly MemoryPool? before;

        public Borrowing(MemoryPool pool) => (before, borrowed) = (borrowed, pool);

        public void Dispose() => borrowed = before;
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
