using System.Runtime.InteropServices;
using Tessera.Emulator;

namespace Tessera.Cuda;

/// <summary>
/// A GPU that is not there: the same calls as the driver's, with kernels run by the PTX emulator on the calling thread and its compute threads. Every
/// call has finished its work when it returns unless <see cref="Deferred"/> is set. Kernels are verified when they are loaded.
/// </summary>
internal sealed unsafe partial class EmulatedCudaDriver : ICudaDriver
{
    // Every GPU gives a block so much shared memory without being asked.
    const int sharedForAll = 49152;

    readonly Lock gate = new();
    readonly DeviceMemory memory;
    readonly Dictionary<nint, Allocation> allocations = [];
    readonly Dictionary<nint, object> handles = [];
    nint last;

    /// <summary>The code of the thread's last call that was refused or failed with a reason, and the reason, for the next message.</summary>
    [ThreadStatic]
    static (CudaResult Code, string Reason) refusal;

    /// <summary>A device whose kernels can take so many bytes with <c>malloc</c>.</summary>
    public EmulatedCudaDriver(long heapBytes = DeviceHeap.DefaultBytes) => memory = new() { HeapBytes = heapBytes };

    /// <summary>Gets what kernels print; by default it is written to the process's output, as a GPU's driver does.</summary>
    public Action<string>? Printed { get; set; } = Console.Write;

    /// <summary>Gets what the launches of this thread print instead; null for none.</summary>
    [field: ThreadStatic]
    public static Action<string>? Listener { get; set; }

    /// <summary>What every kernel is checked for; what is found goes to <see cref="Reported"/>.</summary>
    public PtxChecks Checks { get; set; }

    /// <summary>
    /// Whether memory has no content until it is copied or set by calls of the driver, for <see cref="PtxChecks.Uninitialized"/>; not where
    /// the host writes device memory through its addresses.
    /// </summary>
    public bool ChecksContent { get; set; }

    /// <summary>Whether launches are counted, for <see cref="Reported"/>.</summary>
    public bool Counts { get; set; }

    /// <summary>What approximate instructions give.</summary>
    public PtxApproximation Approximation { get; set; }

    /// <summary>Whether products and sums without a rounding are fused.</summary>
    public PtxContraction Contraction { get; set; }

    /// <summary>Gets the entry and the report of each launch while there are checks, or counts.</summary>
    public Action<string, PtxReport>? Reported { get; set; }

    public string Name => "emulator";

    public string DeviceName => "PTX emulator";

    /// <summary>75 or more: today's assembler, whose rules hold here, does not write code for less.</summary>
    public int Architecture { get; init; } = 80;

    /// <summary>The emulator computes their products one by one: a multiple of the time of multiply-adds.</summary>
    public bool PrefersTensorCores { get; init; }

    public string? WhyNoLibraries => "not searched for: the device is not a GPU";

    /// <summary>The most warp instructions of a launch, so that nothing hangs.</summary>
    public long StepLimit { get; init; } = PtxLaunch.DefaultStepLimit;

    public int Version => 13000;

    public (string Name, string Meaning) Describe(CudaResult result)
        => ("CUDA_" + string.Concat(result.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString())),
            refusal is var (code, reason) && code == result && reason != null ? reason : "as reported by the emulator");

    /// <summary>Gives the code, and keeps the reason for whoever asks what it means.</summary>
    static CudaResult Refused(CudaResult code, string reason)
    {
        refusal = (code, reason);
        return code;
    }

    public CudaResult DeviceGetAttribute(CudaDeviceAttribute attribute, out int value)
    {
        value = attribute switch
        {
            CudaDeviceAttribute.MaxThreadsPerBlock => 1024,
            CudaDeviceAttribute.MaxGridDimX => int.MaxValue,
            CudaDeviceAttribute.WarpSize => 32,
            CudaDeviceAttribute.MaxSharedMemoryPerBlock => sharedForAll,
            CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin => MostShared,
            CudaDeviceAttribute.MaxSharedMemoryPerMultiprocessor => SharedOfMultiprocessor,
            CudaDeviceAttribute.MaxRegistersPerBlock => 65536,
            CudaDeviceAttribute.MultiprocessorCount => CpuThreads.Count,
            CudaDeviceAttribute.MaxThreadsPerMultiprocessor => ThreadsOfMultiprocessor,
            CudaDeviceAttribute.ComputeCapabilityMajor => Architecture / 10,
            CudaDeviceAttribute.ComputeCapabilityMinor => Architecture % 10,
            _ => 0,
        };
        return CudaResult.Success;
    }

    public CudaResult MemGetInfo(out long free, out long total)
    {
        total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        lock (gate) free = total - allocations.Values.Sum(a => a.Bytes);
        return CudaResult.Success;
    }

    public CudaResult MemAlloc(long bytes, out nint address)
    {
        address = 0;
        if (bytes <= 0) return Refused(CudaResult.ErrorInvalidValue, $"device memory has at least one byte: got {bytes}");
        lock (gate)
        {
            if (memory.TryAllocate(bytes, "device memory", map: ChecksContent) is not { } allocation) return CudaResult.ErrorOutOfMemory;
            address = (nint)allocation.Start;
            allocations.Add(address, allocation);
            return CudaResult.Success;
        }
    }

    public CudaResult MemFree(nint address)
    {
        if (address == 0) return CudaResult.Success;
        if (CtxSynchronize() is var result and not CudaResult.Success) return result;
        lock (gate)
        {
            if (!allocations.Remove(address, out var allocation)) return Refused(CudaResult.ErrorInvalidValue, $"no device memory begins at 0x{address:x}");
            memory.Free(allocation);
            return CudaResult.Success;
        }
    }

    public CudaResult MemAllocAsync(long bytes, nint stream, out nint address) => MemAlloc(bytes, out address);

    public CudaResult MemFreeAsync(nint address, nint stream) => MemFree(address);

    public CudaResult MemHostAlloc(long bytes, out nint pointer)
    {
        pointer = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 4096);
        return CudaResult.Success;
    }

    public CudaResult MemFreeHost(nint pointer)
    {
        NativeMemory.AlignedFree((void*)pointer);
        return CudaResult.Success;
    }

    public CudaResult MemcpyHtoDAsync(nint target, nint source, long bytes, nint stream)
        => Holds(target, bytes) ? Order(stream, () => Write(target, source, bytes)) : Outside(target, bytes);

    public CudaResult MemcpyDtoHAsync(nint target, nint source, long bytes, nint stream)
        => Holds(source, bytes) ? Order(stream, () => Buffer.MemoryCopy((void*)source, (void*)target, bytes, bytes)) : Outside(source, bytes);

    public CudaResult MemcpyDtoDAsync(nint target, nint source, long bytes, nint stream)
        => !Holds(source, bytes) ? Outside(source, bytes) : !Holds(target, bytes) ? Outside(target, bytes) : Order(stream, () => Write(target, source, bytes));

    public CudaResult MemsetD8Async(nint target, byte value, long count, nint stream)
        => Holds(target, count) ? Order(stream, () =>
        {
            NativeMemory.Fill((void*)target, (nuint)count, value);
            memory.Define((ulong)target, count);
        }) : Outside(target, count);

    public CudaResult MemsetD32Async(nint target, uint value, long count, nint stream) => !Holds(target, 4 * count) ? Outside(target, 4 * count) : Order(stream, () =>
    {
        for (long i = 0; i < count; i++) ((uint*)target)[i] = value;
        memory.Define((ulong)target, 4 * count);
    });

    public void Dispose() => memory.Dispose();

    void Write(nint target, nint source, long bytes)
    {
        Buffer.MemoryCopy((void*)source, (void*)target, bytes, bytes);
        memory.Define((ulong)target, bytes);
    }

    bool Holds(nint address, long bytes)
    {
        lock (gate) return bytes >= 0 && memory.Find((ulong)address, 1) is { } a && (ulong)address - a.Start + (ulong)bytes <= (ulong)a.Bytes;
    }

    static CudaResult Outside(nint address, long bytes) => Refused(CudaResult.ErrorInvalidValue, $"{bytes} bytes at 0x{address:x} do not lie in device memory");

    nint Keep(object handle)
    {
        handles.Add(++last, handle);
        return last;
    }

    T? Find<T>(nint handle) where T : class
    {
        lock (gate) return handles.GetValueOrDefault(handle) as T;
    }

    CudaResult Drop(nint handle)
    {
        lock (gate) return handles.Remove(handle) ? CudaResult.Success : CudaResult.ErrorInvalidHandle;
    }
}
