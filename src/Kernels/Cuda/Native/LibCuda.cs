using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>
/// The entry points of the CUDA driver that Tessera uses, by the names the library exports: a suffix is part of the name, since the plain one is an
/// older call with other parameters. Handles and addresses are <c>nint</c>, <c>size_t</c> is <c>nuint</c>. What each call does is written in <see cref="ICudaDriver"/>.
/// </summary>
internal static unsafe partial class LibCuda
{
    const string Library = "cuda";

    [LibraryImport(Library)] public static partial CudaResult cuInit(uint flags);
    [LibraryImport(Library)] public static partial CudaResult cuDriverGetVersion(out int version);
    [LibraryImport(Library)] public static partial CudaResult cuGetErrorName(CudaResult error, out byte* text);
    [LibraryImport(Library)] public static partial CudaResult cuGetErrorString(CudaResult error, out byte* text);

    [LibraryImport(Library)] public static partial CudaResult cuDeviceGetCount(out int count);
    [LibraryImport(Library)] public static partial CudaResult cuDeviceGet(out int device, int ordinal);
    [LibraryImport(Library)] public static partial CudaResult cuDeviceGetName(byte* name, int length, int device);
    [LibraryImport(Library)] public static partial CudaResult cuDeviceGetAttribute(out int value, CudaDeviceAttribute attribute, int device);

    [LibraryImport(Library)] public static partial CudaResult cuDevicePrimaryCtxRetain(out nint context, int device);
    [LibraryImport(Library)] public static partial CudaResult cuDevicePrimaryCtxRelease_v2(int device);
    [LibraryImport(Library)] public static partial CudaResult cuCtxSetCurrent(nint context);
    [LibraryImport(Library)] public static partial CudaResult cuCtxSynchronize();

    [LibraryImport(Library)] public static partial CudaResult cuModuleLoadDataEx(out nint module, void* image, uint count, CudaJitOption* options, void** values);
    [LibraryImport(Library)] public static partial CudaResult cuLinkCreate_v2(uint count, CudaJitOption* options, void** values, out nint link);
    [LibraryImport(Library)]
    public static partial CudaResult cuLinkAddData_v2(
        nint link, CudaJitInputType type, void* data, nuint bytes, byte* name, uint count, CudaJitOption* options, void** values);
    [LibraryImport(Library)] public static partial CudaResult cuLinkComplete(nint link, out void* code, out nuint bytes);
    [LibraryImport(Library)] public static partial CudaResult cuLinkDestroy(nint link);
    [LibraryImport(Library)] public static partial CudaResult cuModuleUnload(nint module);
    [LibraryImport(Library)] public static partial CudaResult cuModuleGetFunction(out nint function, nint module, byte* name);
    [LibraryImport(Library)] public static partial CudaResult cuModuleGetGlobal_v2(out nint address, out nuint bytes, nint module, byte* name);

    [LibraryImport(Library)] public static partial CudaResult cuFuncGetAttribute(out int value, CudaFunctionAttribute attribute, nint function);
    [LibraryImport(Library)] public static partial CudaResult cuFuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value);
    [LibraryImport(Library)] public static partial CudaResult cuOccupancyMaxActiveBlocksPerMultiprocessor(out int blocks, nint function, int blockSize, nuint dynamicShared);
    [LibraryImport(Library)]
    public static partial CudaResult cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ,
        uint dynamicShared, nint stream, void** parameters, void** extra);

    [LibraryImport(Library)] public static partial CudaResult cuMemGetInfo_v2(out nuint free, out nuint total);
    [LibraryImport(Library)] public static partial CudaResult cuMemAlloc_v2(out nint address, nuint bytes);
    [LibraryImport(Library)] public static partial CudaResult cuMemFree_v2(nint address);
    [LibraryImport(Library)] public static partial CudaResult cuMemAllocAsync(out nint address, nuint bytes, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuMemFreeAsync(nint address, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuMemHostAlloc(out void* pointer, nuint bytes, uint flags);
    [LibraryImport(Library)] public static partial CudaResult cuMemFreeHost(void* pointer);
    [LibraryImport(Library)] public static partial CudaResult cuMemcpyHtoDAsync_v2(nint target, void* source, nuint bytes, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuMemcpyDtoHAsync_v2(void* target, nint source, nuint bytes, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuMemcpyDtoDAsync_v2(nint target, nint source, nuint bytes, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuMemsetD8Async(nint target, byte value, nuint count, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuMemsetD32Async(nint target, uint value, nuint count, nint stream);

    [LibraryImport(Library)] public static partial CudaResult cuStreamCreate(out nint stream, CudaStreamFlags flags);
    [LibraryImport(Library)] public static partial CudaResult cuStreamDestroy_v2(nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuStreamSynchronize(nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuStreamQuery(nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuStreamWaitEvent(nint stream, nint @event, uint flags);
    [LibraryImport(Library)] public static partial CudaResult cuStreamBeginCapture_v2(nint stream, CudaCaptureMode mode);
    [LibraryImport(Library)] public static partial CudaResult cuStreamEndCapture(nint stream, out nint graph);

    [LibraryImport(Library)] public static partial CudaResult cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags);
    [LibraryImport(Library)] public static partial CudaResult cuGraphLaunch(nint executable, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuGraphExecDestroy(nint executable);
    [LibraryImport(Library)] public static partial CudaResult cuGraphDestroy(nint graph);

    [LibraryImport(Library)] public static partial CudaResult cuEventCreate(out nint @event, CudaEventFlags flags);
    [LibraryImport(Library)] public static partial CudaResult cuEventDestroy_v2(nint @event);
    [LibraryImport(Library)] public static partial CudaResult cuEventRecord(nint @event, nint stream);
    [LibraryImport(Library)] public static partial CudaResult cuEventQuery(nint @event);
    [LibraryImport(Library)] public static partial CudaResult cuEventSynchronize(nint @event);
    [LibraryImport(Library)] public static partial CudaResult cuEventElapsedTime(out float milliseconds, nint start, nint end);
}

/// <summary>Options of the PTX compiler (<c>CUjit_option</c>).</summary>
internal enum CudaJitOption
{
    InfoLogBuffer = 3,
    InfoLogBufferSizeBytes = 4,
    ErrorLogBuffer = 5,
    ErrorLogBufferSizeBytes = 6,
    GenerateLineInfo = 13,
}

/// <summary>What the linker is given (<c>CUjitInputType</c>).</summary>
internal enum CudaJitInputType
{
    Ptx = 1,
}

/// <summary>How a stream is made (<c>CUstream_flags</c>).</summary>
internal enum CudaStreamFlags
{
    NonBlocking = 1,
}

/// <summary>How an event is made (<c>CUevent_flags</c>).</summary>
internal enum CudaEventFlags
{
    Default = 0,
    DisableTiming = 2,
}

/// <summary>Which calls a capture forbids (<c>CUstreamCaptureMode</c>): of those that take memory or load kernels, none.</summary>
internal enum CudaCaptureMode
{
    Relaxed = 2,
}
