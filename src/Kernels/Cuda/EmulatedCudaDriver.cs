using System.Runtime.InteropServices;
using System.Text;
using Tessera.Emulator;

namespace Tessera.Cuda;

/// <summary>
/// A GPU that is not there: the same calls as the driver's, with kernels run by the PTX emulator on the calling thread and its compute threads. Every
/// call has finished its work when it returns unless <see cref="Deferred"/> is set. Kernels are verified when they are loaded.
/// </summary>
internal sealed unsafe partial class EmulatedCudaDriver : ICudaDriver
{
    const int architecture = 80;

    readonly Lock gate = new();
    readonly DeviceMemory memory = new();
    readonly Dictionary<nint, Allocation> allocations = [];
    readonly Dictionary<nint, object> handles = [];
    nint last;

    /// <summary>What a kernel did wrong, for the next message.</summary>
    PtxException? failure;

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

    public int Architecture => architecture;

    public int Version => 13000;

    sealed record Function(Image Image, string Entry, int[] Sizes);

    public (string Name, string Meaning) Describe(CudaResult result)
        => ("CUDA_" + string.Concat(result.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString())), failure?.Message ?? "as reported by the emulator");

    public CudaResult DeviceGetAttribute(CudaDeviceAttribute attribute, out int value)
    {
        value = attribute switch
        {
            CudaDeviceAttribute.MaxThreadsPerBlock => 1024,
            CudaDeviceAttribute.MaxGridDimX => int.MaxValue,
            CudaDeviceAttribute.WarpSize => 32,
            CudaDeviceAttribute.MaxSharedMemoryPerBlock => 49152,
            CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin => 101376,
            CudaDeviceAttribute.MaxSharedMemoryPerMultiprocessor => 102400,
            CudaDeviceAttribute.MaxRegistersPerBlock => 65536,
            CudaDeviceAttribute.MultiprocessorCount => CpuThreads.Count,
            CudaDeviceAttribute.MaxThreadsPerMultiprocessor => 2048,
            CudaDeviceAttribute.ComputeCapabilityMajor => architecture / 10,
            CudaDeviceAttribute.ComputeCapabilityMinor => architecture % 10,
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

    public CudaResult ModuleLoadData(string ptx, out nint module, out string log)
    {
        (module, log) = (0, "");
        try
        {
            PtxModule parsed = PtxModule.Parse(ptx).Verify(FormattableString.Invariant($"sm_{architecture}"));
            lock (gate) module = Keep(new Image(parsed.Syntax, "ptx", memory));
            return CudaResult.Success;
        }
        catch (PtxException e)
        {
            log = e.Message;
            return CudaResult.ErrorInvalidPtx;
        }
    }

    /// <summary>The emulator's code is the text.</summary>
    public CudaResult Compile(string ptx, out byte[] code)
    {
        code = Encoding.UTF8.GetBytes(ptx);
        var result = ModuleLoadData(ptx, out nint module, out _);
        return result == CudaResult.Success ? ModuleUnload(module) : result;
    }

    public CudaResult ModuleLoadCode(ReadOnlySpan<byte> code, out nint module)
        => ModuleLoadData(Encoding.UTF8.GetString(code), out module, out _) == CudaResult.Success ? CudaResult.Success : CudaResult.ErrorInvalidImage;

    public CudaResult ModuleUnload(nint module) => Drop(module);

    public CudaResult ModuleGetFunction(nint module, string name, out nint function)
    {
        function = 0;
        lock (gate)
        {
            if (handles.GetValueOrDefault(module) is not Image image) return CudaResult.ErrorInvalidHandle;
            if (image.Module.Functions.Find(f => f.IsEntry && f.Body != null && f.Name == name) is not { } found) return CudaResult.ErrorNotFound;
            function = Keep(new Function(image, name, [.. found.Parameters.Select(p => (int)p.Bytes)]));
            return CudaResult.Success;
        }
    }

    public CudaResult ModuleGetGlobal(nint module, string name, out nint address, out long bytes)
    {
        (address, bytes) = (0, 0);
        lock (gate)
        {
            if (handles.GetValueOrDefault(module) is not Image image) return CudaResult.ErrorInvalidHandle;
            if (image.Global.Find(name) is not Variable variable) return CudaResult.ErrorNotFound;
            (address, bytes) = ((nint)image.AddressOf(variable), variable.Bytes);
            return CudaResult.Success;
        }
    }

    public CudaResult FuncGetAttribute(nint function, CudaFunctionAttribute attribute, out int value)
    {
        value = attribute switch
        {
            CudaFunctionAttribute.MaxThreadsPerBlock => 1024,
            CudaFunctionAttribute.BinaryVersion => architecture,
            CudaFunctionAttribute.MaxDynamicSharedSizeBytes => 101376,
            _ => 0,
        };
        return Find<Function>(function) is null ? CudaResult.ErrorInvalidHandle : CudaResult.Success;
    }

    public CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value) => Find<Function>(function) is null ? CudaResult.ErrorInvalidHandle : CudaResult.Success;

    public CudaResult OccupancyMaxActiveBlocksPerMultiprocessor(nint function, int blockSize, long dynamicShared, out int blocks)
    {
        blocks = Math.Max(1, 2048 / Math.Max(32, blockSize));
        return Find<Function>(function) is null ? CudaResult.ErrorInvalidHandle : CudaResult.Success;
    }

    public CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters)
    {
        if (Find<Function>(function) is not { } kernel) return CudaResult.ErrorInvalidHandle;
        byte[][] bytes = new byte[kernel.Sizes.Length][];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = new Span<byte>(parameters[i], kernel.Sizes[i]).ToArray();
        return Order(stream, () => Run(kernel, grid, block, dynamicShared, bytes));
    }

    CudaResult Run(Function kernel, Dim3 grid, Dim3 block, int dynamicShared, byte[][] parameters)
    {
        try
        {
            PtxReport report = kernel.Image.Run(kernel.Entry, new PtxLaunch((grid.X, grid.Y, grid.Z), (block.X, block.Y, block.Z)) { SharedBytes = dynamicShared, StepLimit = long.MaxValue, Checks = Checks, Approximation = Approximation, Contraction = Contraction, Count = Counts }, parameters);
            if (Checks != PtxChecks.None || Counts) Reported?.Invoke(kernel.Entry, report);
            return report.Failure is not { } f ? CudaResult.Success : Failed(new(f.File, f.Line, f.Column, f.Rule, f.ToString()));
        }
        catch (PtxException e)
        {
            return Failed(e);
        }
    }

    CudaResult Failed(PtxException e)
    {
        failure = e;
        return e.Rule switch
        {
            "memory" => CudaResult.ErrorIllegalAddress,
            "alignment" => CudaResult.ErrorMisalignedAddress,
            "launch" => CudaResult.ErrorInvalidValue,
            _ => CudaResult.ErrorLaunchFailed,
        };
    }

    public CudaResult MemAlloc(long bytes, out nint address)
    {
        address = 0;
        if (bytes <= 0) return CudaResult.ErrorInvalidValue;
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
            if (!allocations.Remove(address, out var allocation)) return CudaResult.ErrorInvalidValue;
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
        => Holds(target, bytes) ? Order(stream, () => Write(target, source, bytes)) : CudaResult.ErrorInvalidValue;

    public CudaResult MemcpyDtoHAsync(nint target, nint source, long bytes, nint stream)
        => Holds(source, bytes) ? Order(stream, () => Buffer.MemoryCopy((void*)source, (void*)target, bytes, bytes)) : CudaResult.ErrorInvalidValue;

    public CudaResult MemcpyDtoDAsync(nint target, nint source, long bytes, nint stream)
        => Holds(source, bytes) && Holds(target, bytes) ? Order(stream, () => Write(target, source, bytes)) : CudaResult.ErrorInvalidValue;

    public CudaResult MemsetD8Async(nint target, byte value, long count, nint stream)
        => Holds(target, count) ? Order(stream, () =>
        {
            NativeMemory.Fill((void*)target, (nuint)count, value);
            memory.Define((ulong)target, count);
        }) : CudaResult.ErrorInvalidValue;

    public CudaResult MemsetD32Async(nint target, uint value, long count, nint stream) => !Holds(target, 4 * count) ? CudaResult.ErrorInvalidValue : Order(stream, () =>
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
