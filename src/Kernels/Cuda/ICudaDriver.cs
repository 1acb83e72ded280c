namespace Tessera.Cuda;

/// <summary>Blocks of a grid, or threads of a block.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>A count in x alone.</summary>
    public static implicit operator Dim3(int x) => new(x);

    /// <summary><c>(x, y, z)</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"({X}, {Y}, {Z})");
}

/// <summary>
/// One device as the CUDA driver API shows it: the only thing that differs between a GPU and the emulator. Each method is one call of the driver
/// and gives its result code; handles are opaque numbers, 0 is the null stream. Every method may be called from any thread: an implementation
/// makes its context current itself. Work of one stream runs in the order it was given. Tessera itself does without <see cref="MemAllocAsync"/>,
/// <see cref="MemFreeAsync"/>, <see cref="OccupancyMaxActiveBlocksPerMultiprocessor"/>, <see cref="ModuleGetGlobal"/>, <see cref="MemsetD32Async"/>,
/// <see cref="StreamQuery"/>, <see cref="EventQuery"/> and <see cref="CtxSynchronize"/>: they are there for completeness and held by the tests of both drivers.
/// </summary>
internal unsafe interface ICudaDriver : IDisposable
{
    /// <summary>The device's name in Tessera: <c>cuda:0</c>, <c>emulator</c>.</summary>
    string Name { get; }

    /// <summary>The device's own name, such as <c>NVIDIA H100 80GB HBM3</c>.</summary>
    string DeviceName { get; }

    /// <summary>Compute capability: 75 for 7.5, 90 for 9.0.</summary>
    int Architecture { get; }

    /// <summary>Whether float32 products in three parts on tensor cores take less time than float32 multiply-adds.</summary>
    bool PrefersTensorCores => Architecture >= 80;

    /// <summary>Why NVIDIA's libraries are not to be searched for; null where they work with this device's memory.</summary>
    string? WhyNoLibraries => null;

    /// <summary>Driver version as 1000 · major + 10 · minor: 13000 for CUDA 13.0.</summary>
    int Version { get; }

    /// <summary>Name and meaning of a result code.</summary>
    (string Name, string Meaning) Describe(CudaResult result);

    CudaResult DeviceGetAttribute(CudaDeviceAttribute attribute, out int value);

    CudaResult MemGetInfo(out long free, out long total);

    /// <summary>Compiles PTX text. <paramref name="log"/> is what the compiler said, empty where nothing.</summary>
    CudaResult ModuleLoadData(string ptx, out nint module, out string log);

    /// <summary>Compiles PTX text to code of this device and driver, which <see cref="ModuleLoadCode"/> takes.</summary>
    CudaResult Compile(string ptx, out byte[] code);

    /// <summary>Loads what <see cref="Compile"/> gave.</summary>
    CudaResult ModuleLoadCode(ReadOnlySpan<byte> code, out nint module);

    CudaResult ModuleUnload(nint module);

    CudaResult ModuleGetFunction(nint module, string name, out nint function);

    CudaResult ModuleGetGlobal(nint module, string name, out nint address, out long bytes);

    CudaResult FuncGetAttribute(nint function, CudaFunctionAttribute attribute, out int value);

    CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value);

    CudaResult OccupancyMaxActiveBlocksPerMultiprocessor(nint function, int blockSize, long dynamicShared, out int blocks);

    /// <param name="function">The kernel.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads a block.</param>
    /// <param name="dynamicShared">Bytes of dynamic shared memory.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="parameters">One address for each parameter of the kernel: where its bytes lie.</param>
    CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters);

    CudaResult MemAlloc(long bytes, out nint address);

    CudaResult MemFree(nint address);

    CudaResult MemAllocAsync(long bytes, nint stream, out nint address);

    CudaResult MemFreeAsync(nint address, nint stream);

    /// <summary>Page-locked host memory.</summary>
    CudaResult MemHostAlloc(long bytes, out nint pointer);

    CudaResult MemFreeHost(nint pointer);

    CudaResult MemcpyHtoDAsync(nint target, nint source, long bytes, nint stream);

    CudaResult MemcpyDtoHAsync(nint target, nint source, long bytes, nint stream);

    CudaResult MemcpyDtoDAsync(nint target, nint source, long bytes, nint stream);

    CudaResult MemsetD8Async(nint target, byte value, long count, nint stream);

    CudaResult MemsetD32Async(nint target, uint value, long count, nint stream);

    /// <summary>A stream that does not wait for the null stream.</summary>
    CudaResult StreamCreate(out nint stream);

    CudaResult StreamDestroy(nint stream);

    CudaResult StreamSynchronize(nint stream);

    /// <summary>Success where all work of the stream is done, NotReady where not.</summary>
    CudaResult StreamQuery(nint stream);

    CudaResult StreamWaitEvent(nint stream, nint @event);

    CudaResult StreamBeginCapture(nint stream);

    CudaResult StreamEndCapture(nint stream, out nint graph);

    CudaResult GraphInstantiate(nint graph, out nint executable);

    CudaResult GraphLaunch(nint executable, nint stream);

    CudaResult GraphExecDestroy(nint executable);

    CudaResult GraphDestroy(nint graph);

    CudaResult EventCreate(bool timing, out nint @event);

    CudaResult EventDestroy(nint @event);

    CudaResult EventRecord(nint @event, nint stream);

    CudaResult EventQuery(nint @event);

    CudaResult EventSynchronize(nint @event);

    CudaResult EventElapsedTime(nint start, nint end, out float milliseconds);

    /// <summary>Makes the context current on this thread, for libraries that need it to be.</summary>
    CudaResult CtxSetCurrent() => CudaResult.Success;

    /// <summary>Waits for all work of the context.</summary>
    CudaResult CtxSynchronize();
}
