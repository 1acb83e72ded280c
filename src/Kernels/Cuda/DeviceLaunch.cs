using System.Runtime.InteropServices;
using Tessera.Emulator;

namespace Tessera.Cuda;

/// <summary>One launch of a kernel of anybody's PTX: buffers go up, the kernel runs, buffers come back.</summary>
sealed unsafe class DeviceLaunch(ICudaDriver driver, string text, string file, Module syntax)
{
    const int sharedForAll = 49152;

    readonly List<(BufferArgument Buffer, nint Address)> buffers = [];

    public void Run(string entry, PtxLaunch launch, PtxArgument[] arguments)
    {
        nint module = 0;
        EmulatedCudaDriver.Listener = launch.Print;
        try
        {
            byte[][] parameters = PtxArgument.Write(arguments, Upload);
            Function f = LaunchRules.Check(syntax, file, entry, launch, parameters);
            CudaResult compiled = driver.ModuleLoadData(text, out module, out string log);
            if (compiled != CudaResult.Success) throw Failed($"cuModuleLoadDataEx('{file}')", compiled, log.Trim());
            Check(driver.ModuleGetFunction(module, entry, out nint function), $"cuModuleGetFunction('{entry}')");
            AllowShared(f, function, launch.SharedBytes);
            Start(function, entry, launch, parameters);
            foreach (var (buffer, address) in buffers) Download(buffer, address);
        }
        finally
        {
            EmulatedCudaDriver.Listener = null;
            foreach (var (_, address) in buffers) driver.MemFree(address);
            if (module != 0) driver.ModuleUnload(module);
        }
    }

    ulong Upload(BufferArgument buffer, string name)
    {
        int bytes = buffer.Content.Length;
        Check(driver.MemAlloc(Math.Max(bytes, 1), out nint address), $"cuMemAlloc({bytes} bytes for {name})");
        buffers.Add((buffer, address));
        fixed (byte* p = buffer.Content)
        {
            if (bytes > 0) Check(driver.MemcpyHtoDAsync(address, (nint)p, bytes, 0), $"cuMemcpyHtoDAsync({name})");
            Check(driver.StreamSynchronize(0), "cuStreamSynchronize after an upload");
        }
        return (ulong)address;
    }

    void Download(BufferArgument buffer, nint address)
    {
        if (buffer.Content.IsEmpty) return;
        fixed (byte* p = buffer.Content)
        {
            Check(driver.MemcpyDtoHAsync((nint)p, address, buffer.Content.Length, 0), "cuMemcpyDtoHAsync");
            Check(driver.StreamSynchronize(0), "cuStreamSynchronize after a download");
        }
    }

    /// <summary>What a block may have beyond 48 KB must be asked for.</summary>
    void AllowShared(Function f, nint function, int dynamicShared)
    {
        Check(driver.DeviceGetAttribute(CudaDeviceAttribute.MaxSharedMemoryPerBlockOptin, out int most), "cuDeviceGetAttribute");
        Check(driver.FuncGetAttribute(function, CudaFunctionAttribute.SharedSizeBytes, out int own), "cuFuncGetAttribute");
        if (dynamicShared < 0 || own + (long)dynamicShared > most) throw LaunchRules.Broken(file, f, $"{own} + {dynamicShared} bytes of shared memory, {most} are the most on {driver.Name}");
        if (own + dynamicShared > sharedForAll) Check(driver.FuncSetAttribute(function, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, dynamicShared), "cuFuncSetAttribute");
    }

    void Start(nint function, string entry, PtxLaunch launch, byte[][] parameters)
    {
        var (grid, block) = (launch.Grid, launch.Block);
        GCHandle[] pins = [.. parameters.Select(p => GCHandle.Alloc(p, GCHandleType.Pinned))];
        try
        {
            void** addresses = stackalloc void*[pins.Length];
            for (int i = 0; i < pins.Length; i++) addresses[i] = (void*)pins[i].AddrOfPinnedObject();
            string call = $"kernel '{entry}' of {file}, grid {grid}, block {block}";
            Check(driver.LaunchKernel(function, new(grid.X, grid.Y, grid.Z), new(block.X, block.Y, block.Z), launch.SharedBytes, 0, addresses), $"cuLaunchKernel({call})");
            Check(driver.StreamSynchronize(0), $"cuStreamSynchronize after {call}");
        }
        finally
        {
            foreach (GCHandle pin in pins) pin.Free();
        }
    }

    void Check(CudaResult result, string call)
    {
        if (result != CudaResult.Success) throw Failed(call, result, "");
    }

    CudaException Failed(string call, CudaResult result, string log)
    {
        string cure = result is CudaResult.ErrorIllegalAddress or CudaResult.ErrorMisalignedAddress or CudaResult.ErrorLaunchFailed ? ". Hint: the emulator names the line: tessera kernels check" : "";
        return driver.Failed(call, result, (log.Length > 0 ? $"; the compiler says: {log}" : "") + cure);
    }
}
