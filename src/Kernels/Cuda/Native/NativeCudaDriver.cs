using System.Text;
using static Tessera.Cuda.LibCuda;

namespace Tessera.Cuda;

/// <summary>An NVIDIA GPU through its driver, in the primary context, which each calling thread is given on its first call.</summary>
internal sealed unsafe partial class NativeCudaDriver : ICudaDriver
{
    const int LogBytes = 16384;
    const uint Portable = 1; // CU_MEMHOSTALLOC_PORTABLE: page-locked for every context

    /// <summary>Whose context the calling thread has.</summary>
    [ThreadStatic]
    static NativeCudaDriver? current;

    readonly int device;
    readonly PrimaryContext context;

    NativeCudaDriver(int ordinal)
    {
        Check(cuDriverGetVersion(out int version), "cuDriverGetVersion");
        device = DeviceOf(ordinal);
        Name = NameOf(ordinal);
        (DeviceName, Architecture, Version) = (DeviceNameOf(device), ArchitectureOf(device), version);
        context = new PrimaryContext(device);
    }

    public string Name { get; }

    public string DeviceName { get; }

    public int Architecture { get; }

    public int Version { get; }

    public (string Name, string Meaning) Describe(CudaResult result) => NameAndMeaning(result);

    public CudaResult CtxSetCurrent()
    {
        MakeCurrent();
        return CudaResult.Success;
    }

    public CudaResult DeviceGetAttribute(CudaDeviceAttribute attribute, out int value) => cuDeviceGetAttribute(out value, attribute, device);

    public CudaResult MemGetInfo(out long free, out long total)
    {
        MakeCurrent();
        var result = cuMemGetInfo_v2(out nuint f, out nuint t);
        (free, total) = ((long)f, (long)t);
        return result;
    }

    public CudaResult ModuleLoadData(string ptx, out nint module, out string log)
    {
        MakeCurrent();
        byte[] errors = new byte[LogBytes], notes = new byte[LogBytes];
        fixed (byte* text = Terminated(ptx), e = errors, n = notes)
        {
            // A buffer's option takes its address, every other one a number in the place of an address.
            CudaJitOption* options = stackalloc CudaJitOption[] { CudaJitOption.ErrorLogBuffer, CudaJitOption.ErrorLogBufferSizeBytes,
                CudaJitOption.InfoLogBuffer, CudaJitOption.InfoLogBufferSizeBytes, CudaJitOption.GenerateLineInfo };
            void** values = stackalloc void*[] { e, (void*)LogBytes, n, (void*)LogBytes, (void*)1 };
            var result = cuModuleLoadDataEx(out module, text, 5, options, values);
            log = JitLog.WithLines(JitLog.Read(errors) + "\n" + JitLog.Read(notes), ptx);
            return result;
        }
    }

    public CudaResult Compile(string ptx, out byte[] code)
    {
        MakeCurrent();
        code = [];
        CudaJitOption* options = stackalloc CudaJitOption[] { CudaJitOption.GenerateLineInfo };
        void** values = stackalloc void*[] { (void*)1 };
        var result = cuLinkCreate_v2(1, options, values, out nint link);
        if (result != CudaResult.Success) return result;
        byte[] terminated = Terminated(ptx);
        fixed (byte* text = terminated, name = "tessera\0"u8)
        {
            result = cuLinkAddData_v2(link, CudaJitInputType.Ptx, text, (nuint)terminated.Length, name, 0, null, null);
            void* cubin = null;
            nuint bytes = 0;
            if (result == CudaResult.Success) result = cuLinkComplete(link, out cubin, out bytes);
            // The code belongs to the link.
            if (result == CudaResult.Success) code = new ReadOnlySpan<byte>(cubin, checked((int)bytes)).ToArray();
        }
        var closed = cuLinkDestroy(link);
        return result == CudaResult.Success ? closed : result;
    }

    public CudaResult ModuleLoadCode(ReadOnlySpan<byte> code, out nint module)
    {
        MakeCurrent();
        fixed (byte* image = code) return cuModuleLoadDataEx(out module, image, 0, null, null);
    }

    public CudaResult ModuleUnload(nint module)
    {
        MakeCurrent();
        return cuModuleUnload(module);
    }

    public CudaResult ModuleGetFunction(nint module, string name, out nint function)
    {
        MakeCurrent();
        fixed (byte* text = Terminated(name)) return cuModuleGetFunction(out function, module, text);
    }

    public CudaResult ModuleGetGlobal(nint module, string name, out nint address, out long bytes)
    {
        MakeCurrent();
        fixed (byte* text = Terminated(name))
        {
            var result = cuModuleGetGlobal_v2(out address, out nuint size, module, text);
            bytes = (long)size;
            return result;
        }
    }

    public CudaResult FuncGetAttribute(nint function, CudaFunctionAttribute attribute, out int value)
    {
        MakeCurrent();
        return cuFuncGetAttribute(out value, attribute, function);
    }

    public CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value)
    {
        MakeCurrent();
        return cuFuncSetAttribute(function, attribute, value);
    }

    public CudaResult OccupancyMaxActiveBlocksPerMultiprocessor(nint function, int blockSize, long dynamicShared, out int blocks)
    {
        MakeCurrent();
        return cuOccupancyMaxActiveBlocksPerMultiprocessor(out blocks, function, blockSize, (nuint)dynamicShared);
    }

    public CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters)
    {
        MakeCurrent();
        return cuLaunchKernel(function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)block.X, (uint)block.Y, (uint)block.Z, (uint)dynamicShared, stream, parameters, null);
    }

    public CudaResult CtxSynchronize()
    {
        MakeCurrent();
        return cuCtxSynchronize();
    }

    public void Dispose() => context.Dispose();

    void MakeCurrent()
    {
        if (current == this && !context.IsClosed) return;
        context.MakeCurrent();
        current = this;
    }

    static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + "\0");
}
