namespace Tessera.Cuda;

/// <summary>Which convolution: shapes of channels-last float32 tensors, the geometry, and whether float32 may be rounded to TF32.</summary>
internal readonly record struct ConvolutionShape(ConvolutionPass Pass, int N, int C, int H, int W, int K, int OutH, int OutW, Window2d Window, bool Tf32);

/// <content>Convolutions, channels-last. The fastest deterministic algorithm for a shape is found once by measuring, within a limit of memory.</content>
internal sealed partial class CudnnLayers
{
    /// <summary>Most bytes an algorithm may use beside its operands.</summary>
    public const long WorkspaceLimit = 256L << 20;

    /// <summary>Most algorithms that a search tells of; cuDNN has 8 for the pass with the most.</summary>
    const int MostAlgorithms = 8;

    readonly PlanCache<ConvolutionShape, Plan> plans = new(MostPlans);

    /// <summary>y ← conv(x, w), or of these three the gradient that the pass computes, from the other two.</summary>
    /// <param name="shape">Which one.</param>
    /// <param name="x">Address of the input or its gradient.</param>
    /// <param name="w">Address of the weight or its gradient.</param>
    /// <param name="y">Address of the result or its gradient.</param>
    /// <param name="memory">Where work memory comes from.</param>
    /// <returns>False where cuDNN has no algorithm for it; it is not asked again then.</returns>
    public bool TryConvolution(in ConvolutionShape shape, nint x, nint w, nint y, MemoryPool memory)
    {
        lock (gate)
        {
            if (!plans.TryGet(shape, out var plan)) plan = plans.Set(shape, Search(shape, x, w, y, memory));
            if (plan is null) return false;
            var (workspace, lease) = memory.Rent(plan.Workspace);
            using (lease)
                if (Run(plan, shape.Pass, x, w, y, workspace.Pointer)) return true;
            plans.Set(shape, null); // the search and the call disagree
            return false;
        }
    }

    bool Run(Plan p, ConvolutionPass pass, nint x, nint w, nint y, nint workspace) => pass switch
    {
        ConvolutionPass.Forward => dnn.ConvolutionForward(1, p.X, x, p.W, w, p.Convolution, p.Algorithm, workspace, p.Workspace, 0, p.Y, y),
        ConvolutionPass.BackwardData => dnn.ConvolutionBackwardData(1, p.W, w, p.Y, y, p.Convolution, p.Algorithm, workspace, p.Workspace, 0, p.X, x),
        _ => dnn.ConvolutionBackwardFilter(1, p.X, x, p.Y, y, p.Convolution, p.Algorithm, workspace, p.Workspace, 0, p.W, w),
    };

    CudnnConvolutionAlgoPerf[] Find(Plan p, ConvolutionPass pass, nint x, nint w, nint y, nint workspace) => pass switch
    {
        ConvolutionPass.Forward => dnn.FindConvolutionForwardAlgorithmEx(p.X, x, p.W, w, p.Convolution, p.Y, y, MostAlgorithms, workspace, WorkspaceLimit),
        ConvolutionPass.BackwardData => dnn.FindConvolutionBackwardDataAlgorithmEx(p.W, w, p.Y, y, p.Convolution, p.X, x, MostAlgorithms, workspace, WorkspaceLimit),
        _ => dnn.FindConvolutionBackwardFilterAlgorithmEx(p.X, x, p.Y, y, p.Convolution, p.W, w, MostAlgorithms, workspace, WorkspaceLimit),
    };

    /// <summary>Measures the algorithms and takes the fastest that adds up in a fixed order; null where there is none.</summary>
    Plan? Search(in ConvolutionShape shape, nint x, nint w, nint y, MemoryPool memory)
    {
        Plan plan = new(dnn);
        Plan? found = null;
        try
        {
            plan.Describe(shape);
            var (workspace, lease) = memory.Rent(WorkspaceLimit);
            using (lease)
            {
                foreach (var algorithm in Find(plan, shape.Pass, x, w, y, workspace.Pointer))
                {
                    // In order of time; a sum whose order changes from run to run is of no use.
                    if (algorithm.Status != 0 || algorithm.Determinism == 0 || (long)algorithm.Memory > WorkspaceLimit) continue;
                    plan.Convolution.SetConvolutionMathType(algorithm.MathType);
                    (plan.Algorithm, plan.Workspace) = (algorithm.Algo, (long)algorithm.Memory);
                    return found = plan;
                }
            }
            return null;
        }
        finally
        {
            if (found is null) plan.Dispose();
        }
    }

    /// <summary>How cuDNN computes one convolution: its descriptors and the algorithm that was the fastest.</summary>
    sealed class Plan(CudaDNNContext dnn) : IDisposable
    {
        public readonly TensorDescriptor X = new(dnn), Y = new(dnn);
        public readonly FilterDescriptor W = new(dnn);
        public readonly ConvolutionDescriptor Convolution = new(dnn);
        public int Algorithm;
        public long Workspace;

        public void Describe(in ConvolutionShape s)
        {
            var w = s.Window;
            X.SetTensor4dDescriptor(CudnnTensorFormat.Nhwc, CudnnDataType.Float, s.N, s.C, s.H, s.W);
            Y.SetTensor4dDescriptor(CudnnTensorFormat.Nhwc, CudnnDataType.Float, s.N, s.K, s.OutH, s.OutW);
            W.SetFilter4dDescriptor(CudnnDataType.Float, CudnnTensorFormat.Nhwc, s.K, s.C / w.Groups, w.R, w.S);
            Convolution.SetConvolution2dDescriptor(w.Top, w.Left, w.StrideH, w.StrideW, w.DilationH, w.DilationW, CudnnConvolutionMode.CrossCorrelation, CudnnDataType.Float);
            Convolution.SetConvolutionGroupCount(w.Groups);
            Convolution.SetConvolutionMathType(s.Tf32 ? CudnnMathType.DefaultMath : CudnnMathType.FmaMath);
        }

        public void Dispose()
        {
            foreach (Descriptor d in (Descriptor[])[X, Y, W, Convolution]) d.Dispose();
        }
    }
}
