using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>Which of the three convolutions: the result, or the gradient of the input or of the weight.</summary>
internal enum ConvolutionPass
{
    Forward,
    BackwardData,
    BackwardFilter,
}

/// <summary>Which convolution: shapes of channels-last float32 tensors and the geometry.</summary>
internal readonly record struct ConvolutionShape(ConvolutionPass Pass, int N, int C, int H, int W, int K, int OutH, int OutW, Window2d Window, bool Tf32);

/// <summary>
/// cuDNN: convolutions of NVIDIA's, channels-last. The fastest deterministic algorithm for a shape is found once by measuring, within a limit of
/// memory. Calls may come from any thread.
/// </summary>
internal sealed unsafe class CudaDNNContext : IDisposable
{
    /// <summary>The environment variable that turns it on or off, or names its file.</summary>
    public const string Variable = "TESSERA_CUDNN";

    const int Float = 0, Nhwc = 1, CrossCorrelation = 1, DefaultMath = 0, FmaMath = 3, NotSupported = 3000;

    /// <summary>Most bytes an algorithm may use beside its operands.</summary>
    public const long WorkspaceLimit = 256L << 20;

    readonly Lock gate = new();
    readonly Dictionary<ConvolutionShape, ConvolutionPlanDNN?> plans = [];
    readonly Functions f;
    readonly nint handle;

    CudaDNNContext(VendorLibrary library, nint stream)
    {
        Path = library.Path;
        f = new Functions(library);
        nint created;
        Check(f.Create(&created), "cudnnCreate");
        handle = created;
        Check(f.SetStream(handle, stream), "cudnnSetStream");
        long version = (long)f.GetVersion();
        Version = version >= 90000 ? new Version((int)(version / 10000), (int)(version / 100 % 100), (int)(version % 100)) : new Version((int)(version / 1000), (int)(version / 100 % 10), (int)(version % 100));
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its version.</summary>
    public Version Version { get; }

    /// <summary>cuDNN for a stream of the current context, or why there is none.</summary>
    public static CudaDNNContext? TryOpen(nint stream, string? search, out string whyNot)
    {
        string[] names = OperatingSystem.IsWindows() ? ["cudnn64_9.dll", "cudnn64_8.dll"] : ["libcudnn.so.9", "libcudnn.so.8"];
        if (VendorLibrary.Find(Variable, names, ["cudnn/lib", "cudnn/bin"], search, out whyNot) is not { } library) return null;
        try
        {
            return new CudaDNNContext(library, stream);
        }
        catch (Exception e) when (e is CudaException or EntryPointNotFoundException)
        {
            whyNot = e.Message;
            return null;
        }
    }

    /// <summary>
    /// Runs a convolution. Forward: a = x, b = w, c = y. Gradient of the input: a = w, b = gy, c = gx. Gradient of the weight: a = x, b = gy, c = gw.
    /// </summary>
    /// <param name="shape">Which one.</param>
    /// <param name="a">Address of the first operand.</param>
    /// <param name="b">Address of the second operand.</param>
    /// <param name="c">Address of the result.</param>
    /// <param name="memory">Where work memory comes from.</param>
    /// <returns>False where cuDNN has no algorithm for it.</returns>
    public bool TryConvolution(in ConvolutionShape shape, nint a, nint b, nint c, MemoryPool memory)
    {
        lock (gate)
        {
            if (!plans.TryGetValue(shape, out var plan)) plans[shape] = plan = Search(shape, a, b, c, memory);
            if (plan is null) return false;
            var (workspace, lease) = memory.Rent(plan.Workspace);
            using (lease) Check(Run(plan, a, b, c, workspace.Pointer), $"cudnnConvolution{shape.Pass}({shape})");
            return true;
        }
    }

    int Run(ConvolutionPlanDNN p, nint a, nint b, nint c, nint workspace)
    {
        float one = 1, zero = 0;
        return p.Pass switch
        {
            ConvolutionPass.Forward => f.ConvolutionForward(handle, &one, p.X, a, p.W, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.Y, c),
            ConvolutionPass.BackwardData => f.ConvolutionBackwardData(handle, &one, p.W, a, p.Y, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.X, c),
            _ => f.ConvolutionBackwardFilter(handle, &one, p.X, a, p.Y, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.W, c),
        };
    }

    ConvolutionPlanDNN? Search(in ConvolutionShape s, nint a, nint b, nint c, MemoryPool memory)
    {
        var p = new ConvolutionPlanDNN { Pass = s.Pass };
        var w = s.Window;
        nint x, y, filter, convolution;
        Check(f.CreateTensorDescriptor(&x), "cudnnCreateTensorDescriptor");
        Check(f.CreateTensorDescriptor(&y), "cudnnCreateTensorDescriptor");
        Check(f.CreateFilterDescriptor(&filter), "cudnnCreateFilterDescriptor");
        Check(f.CreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor");
        (p.X, p.Y, p.W, p.Convolution) = (x, y, filter, convolution);
        Check(f.SetTensor4dDescriptor(p.X, Nhwc, Float, s.N, s.C, s.H, s.W), "cudnnSetTensor4dDescriptor");
        Check(f.SetTensor4dDescriptor(p.Y, Nhwc, Float, s.N, s.K, s.OutH, s.OutW), "cudnnSetTensor4dDescriptor");
        Check(f.SetFilter4dDescriptor(p.W, Float, Nhwc, s.K, s.C / w.Groups, w.R, w.S), "cudnnSetFilter4dDescriptor");
        Check(f.SetConvolution2dDescriptor(p.Convolution, w.Top, w.Left, w.StrideH, w.StrideW, w.DilationH, w.DilationW, CrossCorrelation, Float), "cudnnSetConvolution2dDescriptor");
        Check(f.SetConvolutionGroupCount(p.Convolution, w.Groups), "cudnnSetConvolutionGroupCount");
        Check(f.SetConvolutionMathType(p.Convolution, s.Tf32 ? DefaultMath : FmaMath), "cudnnSetConvolutionMathType");

        AlgorithmPerformance* found = stackalloc AlgorithmPerformance[8];
        int count = 0;
        var (workspace, lease) = memory.Rent(WorkspaceLimit);
        using (lease)
        {
            int status = s.Pass switch
            {
                ConvolutionPass.Forward => f.FindForward(handle, p.X, a, p.W, b, p.Convolution, p.Y, c, 8, &count, found, workspace.Pointer, (nuint)WorkspaceLimit),
                ConvolutionPass.BackwardData => f.FindBackwardData(handle, p.W, a, p.Y, b, p.Convolution, p.X, c, 6, &count, found, workspace.Pointer, (nuint)WorkspaceLimit),
                _ => f.FindBackwardFilter(handle, p.X, a, p.Y, b, p.Convolution, p.W, c, 7, &count, found, workspace.Pointer, (nuint)WorkspaceLimit),
            };
            if (status >= NotSupported && status < NotSupported + 1000) return null;
            Check(status, $"cudnnFindConvolution{s.Pass}AlgorithmEx({s})");
        }
        for (int i = 0; i < count; i++)
        {
            // In order of time; a sum whose order changes from run to run is of no use.
            if (found[i].Status != 0 || found[i].Determinism == 0 || (long)found[i].Memory > WorkspaceLimit) continue;
            Check(f.SetConvolutionMathType(p.Convolution, found[i].MathType), "cudnnSetConvolutionMathType");
            (p.Algorithm, p.Workspace) = (found[i].Algorithm, (long)found[i].Memory);
            return p;
        }
        return null;
    }

    public void Dispose() => _ = f.Destroy(handle);

    void Check(int status, string call)
    {
        if (status == 0) return;
        string? meaning = Marshal.PtrToStringUTF8(f.GetErrorString(status));
        throw new CudaException(call, status, meaning ?? "", "reported by cuDNN");
    }

    /// <summary>What a search tells of an algorithm (<c>cudnnConvolutionFwdAlgoPerf_t</c> and its two sisters).</summary>
    internal struct AlgorithmPerformance
    {
        public int Algorithm, Status;
        public float Time;
        public nuint Memory;
        public int Determinism, MathType;
        public int Reserved0, Reserved1, Reserved2;
    }

    /// <summary>The functions that are used; all have the same parameters in cuDNN 8.9 and 9.</summary>
    readonly struct Functions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<nint*, int> Create = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreate");
        public readonly delegate* unmanaged<nint, int> Destroy = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroy");
        public readonly delegate* unmanaged<nint, nint, int> SetStream = (delegate* unmanaged<nint, nint, int>)l.Export("cudnnSetStream");
        public readonly delegate* unmanaged<nuint> GetVersion = (delegate* unmanaged<nuint>)l.Export("cudnnGetVersion");
        public readonly delegate* unmanaged<int, nint> GetErrorString = (delegate* unmanaged<int, nint>)l.Export("cudnnGetErrorString");
        public readonly delegate* unmanaged<nint*, int> CreateTensorDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateTensorDescriptor");
        public readonly delegate* unmanaged<nint*, int> CreateFilterDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateFilterDescriptor");
        public readonly delegate* unmanaged<nint*, int> CreateConvolutionDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateConvolutionDescriptor");
        public readonly delegate* unmanaged<nint, int, int, int, int, int, int, int> SetTensor4dDescriptor = (delegate* unmanaged<nint, int, int, int, int, int, int, int>)l.Export("cudnnSetTensor4dDescriptor");
        public readonly delegate* unmanaged<nint, int, int, int, int, int, int, int> SetFilter4dDescriptor = (delegate* unmanaged<nint, int, int, int, int, int, int, int>)l.Export("cudnnSetFilter4dDescriptor");
        public readonly delegate* unmanaged<nint, int, int, int, int, int, int, int, int, int> SetConvolution2dDescriptor = (delegate* unmanaged<nint, int, int, int, int, int, int, int, int, int>)l.Export("cudnnSetConvolution2dDescriptor");
        public readonly delegate* unmanaged<nint, int, int> SetConvolutionGroupCount = (delegate* unmanaged<nint, int, int>)l.Export("cudnnSetConvolutionGroupCount");
        public readonly delegate* unmanaged<nint, int, int> SetConvolutionMathType = (delegate* unmanaged<nint, int, int>)l.Export("cudnnSetConvolutionMathType");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> ConvolutionForward = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionForward");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> ConvolutionBackwardData = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionBackwardData");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> ConvolutionBackwardFilter = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionBackwardFilter");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int> FindForward = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int>)l.Export("cudnnFindConvolutionForwardAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int> FindBackwardData = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int>)l.Export("cudnnFindConvolutionBackwardDataAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int> FindBackwardFilter = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int>)l.Export("cudnnFindConvolutionBackwardFilterAlgorithmEx");
    }
}

/// <summary>How cuDNN computes one convolution: its descriptors and the algorithm that was the fastest.</summary>
internal sealed class ConvolutionPlanDNN
{
    public ConvolutionPass Pass;
    public nint X, Y, W, Convolution;
    public int Algorithm;
    public long Workspace;
}
