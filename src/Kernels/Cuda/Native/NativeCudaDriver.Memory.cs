using static Tessera.Cuda.LibCuda;

namespace Tessera.Cuda;

/// <summary>Memory of the GPU, page-locked memory of the host, and copies.</summary>
internal sealed unsafe partial class NativeCudaDriver
{
    public CudaResult MemAlloc(long bytes, out nint address)
    {
        MakeCurrent();
        return cuMemAlloc_v2(out address, (nuint)bytes);
    }

    public CudaResult MemFree(nint address)
    {
        MakeCurrent();
        return cuMemFree_v2(address);
    }

    public CudaResult MemAllocAsync(long bytes, nint stream, out nint address)
    {
        MakeCurrent();
        return cuMemAllocAsync(out address, (nuint)bytes, stream);
    }

    public CudaResult MemFreeAsync(nint address, nint stream)
    {
        MakeCurrent();
        return cuMemFreeAsync(address, stream);
    }

    public CudaResult MemHostAlloc(long bytes, out nint pointer)
    {
        MakeCurrent();
        var result = cuMemHostAlloc(out void* p, (nuint)bytes, Portable);
        pointer = (nint)p;
        return result;
    }

    public CudaResult MemFreeHost(nint pointer)
    {
        MakeCurrent();
        return cuMemFreeHost((void*)pointer);
    }

    public CudaResult MemcpyHtoDAsync(nint target, nint source, long bytes, nint stream)
    {
        MakeCurrent();
        return cuMemcpyHtoDAsync_v2(target, (void*)source, (nuint)bytes, stream);
    }

    public CudaResult MemcpyDtoHAsync(nint target, nint source, long bytes, nint stream)
    {
        MakeCurrent();
        return cuMemcpyDtoHAsync_v2((void*)target, source, (nuint)bytes, stream);
    }

    public CudaResult MemcpyDtoDAsync(nint target, nint source, long bytes, nint stream)
    {
        MakeCurrent();
        return cuMemcpyDtoDAsync_v2(target, source, (nuint)bytes, stream);
    }

    public CudaResult MemsetD8Async(nint target, byte value, long count, nint stream)
    {
        MakeCurrent();
        return cuMemsetD8Async(target, value, (nuint)count, stream);
    }

    public CudaResult MemsetD32Async(nint target, uint value, long count, nint stream)
    {
        MakeCurrent();
        return cuMemsetD32Async(target, value, (nuint)count, stream);
    }
}
