using System.Text;
using Tessera.Emulator;

namespace Tessera.Cuda;

/// <content>
/// Modules, kernels and launches. A launch is held to what a GPU holds it to: the threads its kernel allows, and shared memory beyond 48 KB only where it
/// was asked for. Registers are not known here: the assembler gives them out.
/// </content>
internal sealed unsafe partial class EmulatedCudaDriver
{
    /// <summary>The shared memory of a block that the smallest GPUs of the architecture can be asked for.</summary>
    int MostShared => Architecture < 80 ? 65536 : 101376;

    // From 8.0 on every block costs 1 KB of the system's own.
    int SharedOfSystem => Architecture < 80 ? 0 : 1024;

    int SharedOfMultiprocessor => MostShared + SharedOfSystem;

    int ThreadsOfMultiprocessor => Architecture < 80 ? 1024 : 2048;

    int BlocksOfMultiprocessor => Architecture < 80 ? 16 : 32;

    /// <summary>A kernel of a loaded module.</summary>
    sealed class Loaded(Image image, Function kernel)
    {
        public Image Image => image;

        public Function Kernel => kernel;

        /// <summary>Bytes of each parameter.</summary>
        public int[] Sizes { get; } = [.. kernel.Parameters.Select(p => (int)p.Bytes)];

        /// <summary>Bytes of static shared memory.</summary>
        public int Shared { get; } = new SharedLayout(image, kernel).Bytes;

        public int MostThreads { get; } = LaunchRules.MostThreads(kernel);

        /// <summary>Bytes of dynamic shared memory that were asked for.</summary>
        public int Asked { get; set; }

        /// <summary>Bytes of dynamic shared memory that a launch may have.</summary>
        public int MostDynamic => Math.Max(sharedForAll - Shared, Asked);
    }

    public CudaResult ModuleLoadData(string ptx, out nint module, out string log)
    {
        (module, log) = (0, "");
        try
        {
            PtxModule parsed = PtxModule.Parse(ptx).Verify(FormattableString.Invariant($"sm_{Architecture}"));
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
            function = Keep(new Loaded(image, found));
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
        value = 0;
        if (Find<Loaded>(function) is not { } kernel) return CudaResult.ErrorInvalidHandle;
        value = attribute switch
        {
            CudaFunctionAttribute.MaxThreadsPerBlock => kernel.MostThreads,
            CudaFunctionAttribute.SharedSizeBytes => kernel.Shared,
            CudaFunctionAttribute.BinaryVersion => Architecture,
            CudaFunctionAttribute.MaxDynamicSharedSizeBytes => kernel.MostDynamic,
            _ => 0,
        };
        return CudaResult.Success;
    }

    public CudaResult FuncSetAttribute(nint function, CudaFunctionAttribute attribute, int value)
    {
        if (Find<Loaded>(function) is not { } kernel) return CudaResult.ErrorInvalidHandle;
        if (attribute != CudaFunctionAttribute.MaxDynamicSharedSizeBytes) return Refused(CudaResult.ErrorInvalidValue, $"{attribute} of a kernel cannot be set");
        if (value < 0 || value > MostShared - kernel.Shared) return Refused(CudaResult.ErrorInvalidValue,
            $"kernel '{kernel.Kernel.Name}' may have 0 to {MostShared - kernel.Shared} bytes of dynamic shared memory: got {value}");
        kernel.Asked = value;
        return CudaResult.Success;
    }

    /// <summary>What threads and shared memory leave room for.</summary>
    public CudaResult OccupancyMaxActiveBlocksPerMultiprocessor(nint function, int blockSize, long dynamicShared, out int blocks)
    {
        blocks = 0;
        if (Find<Loaded>(function) is not { } kernel) return CudaResult.ErrorInvalidHandle;
        if (blockSize < 1 || dynamicShared < 0) return Refused(CudaResult.ErrorInvalidValue,
            $"a block has at least one thread and no less than 0 bytes of shared memory: got {blockSize} and {dynamicShared}");
        long shared = kernel.Shared + dynamicShared;
        if (blockSize > kernel.MostThreads || shared > MostShared) return CudaResult.Success;
        int byThreads = ThreadsOfMultiprocessor / ((blockSize + 31) / 32 * 32);
        long byShared = shared + SharedOfSystem == 0 ? byThreads : SharedOfMultiprocessor / (shared + SharedOfSystem);
        blocks = (int)Math.Min(BlocksOfMultiprocessor, Math.Min(byThreads, byShared));
        return CudaResult.Success;
    }

    public CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, int dynamicShared, nint stream, void** parameters)
    {
        if (Find<Loaded>(function) is not { } kernel) return CudaResult.ErrorInvalidHandle;
        byte[][] bytes = new byte[kernel.Sizes.Length][];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = new Span<byte>(parameters[i], kernel.Sizes[i]).ToArray();
        PtxLaunch launch = new((grid.X, grid.Y, grid.Z), (block.X, block.Y, block.Z)) { SharedBytes = dynamicShared, StepLimit = StepLimit };
        try
        {
            LaunchRules.Check(kernel.Image.Module, kernel.Image.File, kernel.Kernel.Name, launch, bytes);
            if (dynamicShared < 0 || dynamicShared > kernel.MostDynamic)
                throw LaunchRules.Broken(kernel.Image.File, kernel.Kernel,
                    $"{dynamicShared} bytes of dynamic shared memory, {kernel.MostDynamic} are the most, and {MostShared - kernel.Shared} where cuFuncSetAttribute asks for them");
        }
        catch (PtxException e)
        {
            return Failed(e);
        }
        return Order(stream, () => Run(kernel, launch, bytes));
    }

    CudaResult Run(Loaded kernel, PtxLaunch launch, byte[][] parameters)
    {
        try
        {
            string entry = kernel.Kernel.Name;
            launch = launch with { Checks = Checks, Approximation = Approximation, Contraction = Contraction, Count = Counts, Print = Listener ?? Printed };
            PtxReport report = kernel.Image.Run(entry, launch, parameters);
            if (Checks != PtxChecks.None || Counts) Reported?.Invoke(entry, report);
            if (report.Failure is { } f) return Failed(new(f.File, f.Line, f.Column, f.Rule, f.ToString()));
            refusal = default;
            return CudaResult.Success;
        }
        catch (PtxException e)
        {
            return Failed(e);
        }
    }

    static CudaResult Failed(PtxException e) => Refused(e.Rule switch
    {
        "memory" => CudaResult.ErrorIllegalAddress,
        "alignment" => CudaResult.ErrorMisalignedAddress,
        "launch" => CudaResult.ErrorInvalidValue,
        "steps" => CudaResult.ErrorLaunchTimeout,
        _ => CudaResult.ErrorLaunchFailed,
    }, e.Message);
}
