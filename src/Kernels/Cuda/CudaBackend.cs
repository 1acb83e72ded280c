using System.Runtime.CompilerServices;

namespace Tessera.Cuda;

/// <summary>
/// An NVIDIA GPU, or its emulator, as a device: launch geometry and arguments for the kernels in <c>src/Kernels/Ptx</c>. Which kernels it takes follows from
/// what the driver says of itself; only NVIDIA's libraries are never asked of the emulator. All work goes to one stream, so it runs in the order it was given,
/// and memory may be reused as soon as its last use was given.
/// </summary>
internal sealed unsafe partial class CudaBackend : Backend, IDisposable
{
    /// <summary>Threads of a block where nothing speaks for another number.</summary>
    const int BlockSize = 256;

    readonly nint stream;
    readonly int gridLimit;

    /// <param name="driver">The device.</param>
    /// <param name="files">Where its compiled kernels are kept, if anywhere.</param>
    public CudaBackend(ICudaDriver driver, KernelFiles? files = null)
    {
        Driver = driver;
        Kernels = new KernelCache(driver, files);
        (blas, blasLt, dnn, nccl) = (new(OpenBlas), new(OpenBlasLt), new(OpenDnn), new(OpenNccl));
        Check(driver.StreamCreate(out stream), "cuStreamCreate");
        Check(driver.DeviceGetAttribute(CudaDeviceAttribute.MultiprocessorCount, out int multiprocessors), "cuDeviceGetAttribute");
        Multiprocessors = multiprocessors;
        gridLimit = multiprocessors * 32;
        (uploads, checks) = (new UploadRing(this, stream), new IndexChecks(this, stream));
    }

    /// <summary>The device.</summary>
    public ICudaDriver Driver { get; }

    /// <summary>Its kernels.</summary>
    public KernelCache Kernels { get; }

    /// <summary>Waits for each kernel, so that an error names the launch that caused it: <c>TESSERA_SYNC=1</c>.</summary>
    public bool Synchronous { get; init; } = Environment.GetEnvironmentVariable("TESSERA_SYNC") == "1";

    /// <summary>Its number of multiprocessors.</summary>
    public int Multiprocessors { get; }

    protected internal override nint Allocate(long bytes)
    {
        var result = Driver.MemAlloc(bytes, out nint address);
        if (result == CudaResult.ErrorOutOfMemory) return 0;
        Check(result, "cuMemAlloc");
        return address;
    }

    protected internal override void Free(nint pointer, long bytes)
    {
        // What still runs may use it. An error of an index waits for a call that its user makes.
        Check(Driver.StreamSynchronize(stream), "cuStreamSynchronize before memory is freed");
        Check(Driver.MemFree(pointer), "cuMemFree");
    }

    /// <summary>Enough blocks of <see cref="BlockSize"/> threads for <paramref name="items"/> items, but no more than keep the device busy: kernels loop over the rest.</summary>
    int BlocksFor(long items) => (int)Math.Clamp((items + BlockSize - 1) / BlockSize, 1, gridLimit);

    /// <summary>Launches an entry of an embedded PTX file; the arguments are its parameters in their order.</summary>
    void Launch(string file, string entry, Dim3 grid, Dim3 block, ReadOnlySpan<KernelArgument> arguments, int shared = 0)
        => Launch(Kernels.Get(file, entry), grid, block, arguments, shared);

    /// <summary>Launches a kernel; the arguments are its parameters in their order.</summary>
    [SkipLocalsInit]
    void Launch(Kernel kernel, Dim3 grid, Dim3 block, ReadOnlySpan<KernelArgument> arguments, int shared = 0)
    {
        void** parameters = stackalloc void*[arguments.Length];
        fixed (KernelArgument* p = arguments)
        {
            for (int i = 0; i < arguments.Length; i++) parameters[i] = KernelArgument.AddressOf(p + i);
            var timed = recording ? null : clock;
            timed?.Start();
            var result = Driver.LaunchKernel(kernel.Function, grid, block, shared, stream, parameters);
            if (result == CudaResult.Success && timed != null) result = timed.Stop(kernel.Name);
            if (result == CudaResult.Success && Synchronous && !recording) result = Driver.StreamSynchronize(stream);
            if (result != CudaResult.Success) throw Failed($"cuLaunchKernel('{kernel.Name}', grid {grid}, block {block}, {shared} bytes shared)", result);
        }
    }

    /// <summary>Throws where a call of the driver failed.</summary>
    public void Check(CudaResult result, string call)
    {
        if (result != CudaResult.Success) throw Failed(call, result);
    }

    CudaException Failed(string call, CudaResult result)
    {
        // A kernel's error shows in whatever call comes next.
        bool late = !Synchronous && result is CudaResult.ErrorIllegalAddress or CudaResult.ErrorMisalignedAddress or CudaResult.ErrorLaunchFailed
            or CudaResult.ErrorLaunchTimeout or CudaResult.ErrorIllegalInstruction or CudaResult.ErrorAssert;
        if (result is CudaResult.ErrorStreamCaptureUnsupported or CudaResult.ErrorStreamCaptureInvalidated or CudaResult.ErrorStreamCaptureImplicit)
            return Driver.Failed(call, result, ". Hint: while a graph is recorded nothing can be read, uploaded or waited for.");
        return Driver.Failed(call, result, late ? ". Hint: an earlier launch may be the cause; set TESSERA_SYNC=1 to see which." : "");
    }

    public void Dispose()
    {
        if (blas.IsValueCreated) Blas.Library?.Dispose();
        if (blasLt.IsValueCreated) BlasLt.Library?.Dispose();
        if (dnn.IsValueCreated) Dnn.Library?.Dispose();
        uploads.Dispose();
        checks.Dispose();
        Kernels.Dispose();
        Driver.StreamDestroy(stream);
        Driver.Dispose();
    }
}
