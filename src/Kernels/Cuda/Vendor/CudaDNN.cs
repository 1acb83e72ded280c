using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>Which of the three convolutions: the result, or the gradient of the input or of the weight.</summary>
internal enum ConvolutionPass
{
    Forward,
    BackwardData,
    BackwardFilter,
}

/// <summary>Element types (<c>cudnnDataType_t</c>).</summary>
internal enum DnnDataType
{
    Float = 0,
}

/// <summary>Whether a convolution turns its kernel around (<c>cudnnConvolutionMode_t</c>).</summary>
internal enum DnnConvolutionMode
{
    CrossCorrelation = 1,
}

/// <summary>What a convolution may compute with (<c>cudnnMathType_t</c>): TF32, or float32 alone.</summary>
internal enum DnnMathType
{
    DefaultMath = 0,
    FmaMath = 3,
}

/// <summary>Which convolution: shapes of channels-last float32 tensors and the geometry.</summary>
internal readonly record struct ConvolutionShape(ConvolutionPass Pass, int N, int C, int H, int W, int K, int OutH, int OutW, Window2d Window, bool Tf32);

/// <summary>
/// cuDNN: convolutions of NVIDIA's, channels-last, and in <c>CudaDNN.Layers.cs</c> batch norm, pools and softmax. The fastest deterministic algorithm for a shape is found once by measuring, within a limit of
/// memory. Calls may come from any thread.
/// </summary>
internal sealed unsafe partial class CudaDNNContext : IDisposable
{
    /// <summary>The environment variable that turns it on or off, or names its file.</summary>
    public const string Variable = "TESSERA_CUDNN";

    /// <summary>Where it is looked for.</summary>
    public static readonly VendorSearch Search = new("cuDNN", Variable,
        OperatingSystem.IsWindows() ? ["cudnn64_9.dll", "cudnn64_8.dll"] : ["libcudnn.so.9", "libcudnn.so.8"], ["cudnn/lib", "cudnn/bin"], new Version(8, 9), new Version(10, 0));

    /// <summary>Most bytes an algorithm may use beside its operands.</summary>
    public const long WorkspaceLimit = 256L << 20;

    /// <summary>Most shapes that are remembered of each kind of work.</summary>
    public const int MostPlans = 1024;

    readonly Lock gate = new();
    readonly PlanCache<ConvolutionShape, DnnConvolutionPlan> plans = new(MostPlans);
    readonly Functions f;
    readonly nint handle;

    CudaDNNContext(VendorLibrary library, nint stream)
    {
        Path = library.Path;
        f = new Functions(library);
        layers = new LayerFunctions(library);
        Version = Search.Check(VendorSearch.VersionOf((long)f.cudnnGetVersion(), 90000), Path);
        nint created;
        Check(f.cudnnCreate(&created), "cudnnCreate");
        handle = created;
        try
        {
            Check(f.cudnnSetStream(handle, stream), "cudnnSetStream");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its version.</summary>
    public Version Version { get; }

    /// <summary>cuDNN for a stream of the current context, or why there is none.</summary>
    /// <exception cref="DeviceException">It was asked for, and there is none of use.</exception>
    public static CudaDNNContext? TryOpen(nint stream, string? search, out string whyNot) => Search.Open(search, l => new CudaDNNContext(l, stream), out whyNot);

    /// <summary>
    /// Runs a convolution. Forward: a = x, b = w, c = y. Gradient of the input: a = w, b = gy, c = gx. Gradient of the weight: a = x, b = gy, c = gw.
    /// </summary>
    /// <param name="shape">Which one.</param>
    /// <param name="a">Address of the first operand.</param>
    /// <param name="b">Address of the second operand.</param>
    /// <param name="c">Address of the result.</param>
    /// <param name="memory">Where work memory comes from.</param>
    /// <returns>False where cuDNN has no algorithm for it; it is not asked again then.</returns>
    public bool TryConvolution(in ConvolutionShape shape, nint a, nint b, nint c, MemoryPool memory)
    {
        lock (gate)
        {
            if (!plans.TryGet(shape, out var plan)) plan = plans.Set(shape, Measure(shape, a, b, c, memory));
            if (plan is null) return false;
            var (workspace, lease) = memory.Rent(plan.Workspace);
            using (lease)
            {
                int status = Run(plan, a, b, c, workspace.Pointer);
                if (!IsNotSupported(status))
                {
                    Check(status, $"cudnnConvolution{shape.Pass}({shape})");
                    return true;
                }
            }
            plans.Set(shape, null); // the search and the call disagree
            return false;
        }
    }

    int Run(DnnConvolutionPlan p, nint a, nint b, nint c, nint workspace)
    {
        float one = 1, zero = 0;
        return p.Pass switch
        {
            ConvolutionPass.Forward => f.cudnnConvolutionForward(handle, &one, p.X, a, p.W, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.Y, c),
            ConvolutionPass.BackwardData => f.cudnnConvolutionBackwardData(handle, &one, p.W, a, p.Y, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.X, c),
            _ => f.cudnnConvolutionBackwardFilter(handle, &one, p.X, a, p.Y, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.W, c),
        };
    }

    DnnConvolutionPlan? Measure(in ConvolutionShape shape, nint a, nint b, nint c, MemoryPool memory)
    {
        DnnConvolutionPlan plan = new() { Pass = shape.Pass };
        bool found = false;
        try
        {
            Describe(plan, shape);
            return (found = FindAlgorithm(plan, shape, a, b, c, memory)) ? plan : null;
        }
        finally
        {
            if (!found) plan.Dispose();
        }
    }

    void Describe(DnnConvolutionPlan p, in ConvolutionShape s)
    {
        var w = s.Window;
        p.X = new TensorDescriptor(this);
        p.Y = new TensorDescriptor(this);
        p.W = new FilterDescriptor(this);
        p.Convolution = new ConvolutionDescriptor(this);
        p.X.SetTensor4dDescriptor(DnnTensorFormat.Nhwc, DnnDataType.Float, s.N, s.C, s.H, s.W);
        p.Y.SetTensor4dDescriptor(DnnTensorFormat.Nhwc, DnnDataType.Float, s.N, s.K, s.OutH, s.OutW);
        p.W.SetFilter4dDescriptor(DnnDataType.Float, DnnTensorFormat.Nhwc, s.K, s.C / w.Groups, w.R, w.S);
        p.Convolution.SetConvolution2dDescriptor(w.Top, w.Left, w.StrideH, w.StrideW, w.DilationH, w.DilationW, DnnConvolutionMode.CrossCorrelation, DnnDataType.Float);
        p.Convolution.SetConvolutionGroupCount(w.Groups);
        p.Convolution.SetConvolutionMathType(s.Tf32 ? DnnMathType.DefaultMath : DnnMathType.FmaMath);
    }

    /// <summary>Measures the algorithms and takes the fastest that adds up in a fixed order; false where there is none.</summary>
    bool FindAlgorithm(DnnConvolutionPlan p, in ConvolutionShape s, nint a, nint b, nint c, MemoryPool memory)
    {
        AlgorithmPerformance* found = stackalloc AlgorithmPerformance[8];
        int count = 0;
        var (workspace, lease) = memory.Rent(WorkspaceLimit);
        using (lease)
        {
            int status = s.Pass switch
            {
                ConvolutionPass.Forward => f.cudnnFindConvolutionForwardAlgorithmEx(handle, p.X, a, p.W, b, p.Convolution, p.Y, c, 8, &count, found, workspace.Pointer, (nuint)WorkspaceLimit),
                ConvolutionPass.BackwardData => f.cudnnFindConvolutionBackwardDataAlgorithmEx(handle, p.W, a, p.Y, b, p.Convolution, p.X, c, 6, &count, found, workspace.Pointer, (nuint)WorkspaceLimit),
                _ => f.cudnnFindConvolutionBackwardFilterAlgorithmEx(handle, p.X, a, p.Y, b, p.Convolution, p.W, c, 7, &count, found, workspace.Pointer, (nuint)WorkspaceLimit),
            };
            if (IsNotSupported(status)) return false;
            Check(status, $"cudnnFindConvolution{s.Pass}AlgorithmEx({s})");
        }
        for (int i = 0; i < count; i++)
        {
            // In order of time; a sum whose order changes from run to run is of no use.
            if (found[i].Status != 0 || found[i].Determinism == 0 || (long)found[i].Memory > WorkspaceLimit) continue;
            p.Convolution.SetConvolutionMathType(found[i].MathType);
            (p.Algorithm, p.Workspace) = (found[i].Algorithm, (long)found[i].Memory);
            return true;
        }
        return false;
    }

    public void Dispose()
    {
        plans.Dispose();
        foreach (var described in (Descriptor?[])[describedX, describedY, describedChannels, describedPool]) described?.Dispose();
        _ = f.cudnnDestroy(handle);
    }

    /// <summary>Its functions.</summary>
    internal ref readonly Functions F => ref f;

    /// <summary>Its functions of layers.</summary>
    internal ref readonly LayerFunctions Layers => ref layers;

    /// <summary>What a function has made.</summary>
    internal nint Create(delegate* unmanaged<nint*, int> create, string call)
    {
        nint made;
        Check(create(&made), call);
        return made;
    }

    /// <summary>cuDNN 8 has one number for what it has no way for, cuDNN 9 a thousand.</summary>
    static bool IsNotSupported(int status) => status is 9 or (>= 3000 and < 4000);

    /// <summary>Throws where a call failed.</summary>
    internal void Check(int status, string call)
    {
        if (status == 0) return;
        string? meaning = Marshal.PtrToStringUTF8(f.cudnnGetErrorString(status));
        throw new CudaException(call, status, meaning ?? "", "reported by cuDNN");
    }

    /// <summary>What a search tells of an algorithm (<c>cudnnConvolutionFwdAlgoPerf_t</c> and its two sisters).</summary>
    internal struct AlgorithmPerformance
    {
        public int Algorithm, Status;
        public float Time;
        public nuint Memory;
        public int Determinism;
        public DnnMathType MathType;
        public int Reserved0, Reserved1, Reserved2;
    }

    /// <summary>Functions by their exported names; all have the same parameters in cuDNN 8.9 and 9.</summary>
    internal readonly struct Functions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<nint*, int> cudnnCreate = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreate");
        public readonly delegate* unmanaged<nint, int> cudnnDestroy = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroy");
        public readonly delegate* unmanaged<nint, nint, int> cudnnSetStream = (delegate* unmanaged<nint, nint, int>)l.Export("cudnnSetStream");
        public readonly delegate* unmanaged<nuint> cudnnGetVersion = (delegate* unmanaged<nuint>)l.Export("cudnnGetVersion");
        public readonly delegate* unmanaged<int, nint> cudnnGetErrorString = (delegate* unmanaged<int, nint>)l.Export("cudnnGetErrorString");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateTensorDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateTensorDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyTensorDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyTensorDescriptor");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateFilterDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateFilterDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyFilterDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyFilterDescriptor");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateConvolutionDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateConvolutionDescriptor");
        public readonly delegate* unmanaged<nint, int> cudnnDestroyConvolutionDescriptor = (delegate* unmanaged<nint, int>)l.Export("cudnnDestroyConvolutionDescriptor");
        public readonly delegate* unmanaged<nint, DnnTensorFormat, DnnDataType, int, int, int, int, int> cudnnSetTensor4dDescriptor = (delegate* unmanaged<nint, DnnTensorFormat, DnnDataType, int, int, int, int, int>)l.Export("cudnnSetTensor4dDescriptor");
        public readonly delegate* unmanaged<nint, DnnDataType, DnnTensorFormat, int, int, int, int, int> cudnnSetFilter4dDescriptor = (delegate* unmanaged<nint, DnnDataType, DnnTensorFormat, int, int, int, int, int>)l.Export("cudnnSetFilter4dDescriptor");
        public readonly delegate* unmanaged<nint, int, int, int, int, int, int, DnnConvolutionMode, DnnDataType, int> cudnnSetConvolution2dDescriptor = (delegate* unmanaged<nint, int, int, int, int, int, int, DnnConvolutionMode, DnnDataType, int>)l.Export("cudnnSetConvolution2dDescriptor");
        public readonly delegate* unmanaged<nint, int, int> cudnnSetConvolutionGroupCount = (delegate* unmanaged<nint, int, int>)l.Export("cudnnSetConvolutionGroupCount");
        public readonly delegate* unmanaged<nint, DnnMathType, int> cudnnSetConvolutionMathType = (delegate* unmanaged<nint, DnnMathType, int>)l.Export("cudnnSetConvolutionMathType");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> cudnnConvolutionForward = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionForward");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> cudnnConvolutionBackwardData = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionBackwardData");
        public readonly delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int> cudnnConvolutionBackwardFilter = (delegate* unmanaged<nint, float*, nint, nint, nint, nint, nint, int, nint, nuint, float*, nint, nint, int>)l.Export("cudnnConvolutionBackwardFilter");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int> cudnnFindConvolutionForwardAlgorithmEx = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int>)l.Export("cudnnFindConvolutionForwardAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int> cudnnFindConvolutionBackwardDataAlgorithmEx = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int>)l.Export("cudnnFindConvolutionBackwardDataAlgorithmEx");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int> cudnnFindConvolutionBackwardFilterAlgorithmEx = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, int, int*, AlgorithmPerformance*, nint, nuint, int>)l.Export("cudnnFindConvolutionBackwardFilterAlgorithmEx");
    }
}

/// <summary>How cuDNN computes one convolution: its descriptors and the algorithm that was the fastest.</summary>
internal sealed class DnnConvolutionPlan : IDisposable
{
    public ConvolutionPass Pass;
    public TensorDescriptor X = null!, Y = null!;
    public FilterDescriptor W = null!;
    public ConvolutionDescriptor Convolution = null!;
    public int Algorithm;
    public long Workspace;

    public void Dispose()
    {
        foreach (Descriptor? d in (Descriptor?[])[X, Y, W, Convolution]) d?.Dispose();
    }
}
