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
        layers = new LayerFunctions(library);
        nint created;
        Check(f.cudnnCreate(&created), "cudnnCreate");
        handle = created;
        Check(f.cudnnSetStream(handle, stream), "cudnnSetStream");
        long version = (long)f.cudnnGetVersion();
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
    /// <returns>False where cuDNN has no algorithm for it; it is not asked again then.</returns>
    public bool TryConvolution(in ConvolutionShape shape, nint a, nint b, nint c, MemoryPool memory)
    {
        lock (gate)
        {
            if (!plans.TryGetValue(shape, out var plan)) plans[shape] = plan = Search(shape, a, b, c, memory);
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
            plans[shape] = null; // the search and the call disagree
            return false;
        }
    }

    int Run(ConvolutionPlanDNN p, nint a, nint b, nint c, nint workspace)
    {
        float one = 1, zero = 0;
        return p.Pass switch
        {
            ConvolutionPass.Forward => f.cudnnConvolutionForward(handle, &one, p.X, a, p.W, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.Y, c),
            ConvolutionPass.BackwardData => f.cudnnConvolutionBackwardData(handle, &one, p.W, a, p.Y, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.X, c),
            _ => f.cudnnConvolutionBackwardFilter(handle, &one, p.X, a, p.Y, b, p.Convolution, p.Algorithm, workspace, (nuint)p.Workspace, &zero, p.W, c),
        };
    }

    ConvolutionPlanDNN? Search(in ConvolutionShape s, nint a, nint b, nint c, MemoryPool memory)
    {
        var p = new ConvolutionPlanDNN { Pass = s.Pass };
        var w = s.Window;
        nint x, y, filter, convolution;
        Check(f.cudnnCreateTensorDescriptor(&x), "cudnnCreateTensorDescriptor");
        Check(f.cudnnCreateTensorDescriptor(&y), "cudnnCreateTensorDescriptor");
        Check(f.cudnnCreateFilterDescriptor(&filter), "cudnnCreateFilterDescriptor");
        Check(f.cudnnCreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor");
        (p.X, p.Y, p.W, p.Convolution) = (x, y, filter, convolution);
        Check(f.cudnnSetTensor4dDescriptor(p.X, DnnTensorFormat.Nhwc, DnnDataType.Float, s.N, s.C, s.H, s.W), "cudnnSetTensor4dDescriptor");
        Check(f.cudnnSetTensor4dDescriptor(p.Y, DnnTensorFormat.Nhwc, DnnDataType.Float, s.N, s.K, s.OutH, s.OutW), "cudnnSetTensor4dDescriptor");
        Check(f.cudnnSetFilter4dDescriptor(p.W, DnnDataType.Float, DnnTensorFormat.Nhwc, s.K, s.C / w.Groups, w.R, w.S), "cudnnSetFilter4dDescriptor");
        Check(f.cudnnSetConvolution2dDescriptor(p.Convolution, w.Top, w.Left, w.StrideH, w.StrideW, w.DilationH, w.DilationW, DnnConvolutionMode.CrossCorrelation, DnnDataType.Float), "cudnnSetConvolution2dDescriptor");
        Check(f.cudnnSetConvolutionGroupCount(p.Convolution, w.Groups), "cudnnSetConvolutionGroupCount");
        Check(f.cudnnSetConvolutionMathType(p.Convolution, s.Tf32 ? DnnMathType.DefaultMath : DnnMathType.FmaMath), "cudnnSetConvolutionMathType");

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
            if (IsNotSupported(status)) return null;
            Check(status, $"cudnnFindConvolution{s.Pass}AlgorithmEx({s})");
        }
        for (int i = 0; i < count; i++)
        {
            // In order of time; a sum whose order changes from run to run is of no use.
            if (found[i].Status != 0 || found[i].Determinism == 0 || (long)found[i].Memory > WorkspaceLimit) continue;
            Check(f.cudnnSetConvolutionMathType(p.Convolution, found[i].MathType), "cudnnSetConvolutionMathType");
            (p.Algorithm, p.Workspace) = (found[i].Algorithm, (long)found[i].Memory);
            return p;
        }
        return null;
    }

    public void Dispose() => _ = f.cudnnDestroy(handle);

    /// <summary>cuDNN 8 has one number for what it has no way for, cuDNN 9 a thousand.</summary>
    static bool IsNotSupported(int status) => status is 9 or (>= 3000 and < 4000);

    void Check(int status, string call)
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
        public readonly delegate* unmanaged<nint*, int> cudnnCreateFilterDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateFilterDescriptor");
        public readonly delegate* unmanaged<nint*, int> cudnnCreateConvolutionDescriptor = (delegate* unmanaged<nint*, int>)l.Export("cudnnCreateConvolutionDescriptor");
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
internal sealed class ConvolutionPlanDNN
{
    public ConvolutionPass Pass;
    public nint X, Y, W, Convolution;
    public int Algorithm;
    public long Workspace;
}
