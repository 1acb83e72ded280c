namespace Tessera.Cuda;

/// <summary>Element types of matrices (<c>cudaDataType_t</c>).</summary>
internal enum CudaDataType
{
    R32F = 0,
    R16F = 2,
    R16BF = 14,
}

/// <summary>How products are added up (<c>cublasComputeType_t</c>): in float32, with float32 factors rounded to TF32 or not.</summary>
internal enum BlasComputeType
{
    Compute32F = 68,
    Compute32FFastTf32 = 77,
}

/// <summary>What becomes of a product before it is written (<c>cublasLtEpilogue_t</c>).</summary>
internal enum BlasLtEpilogue
{
    Default = 1,
    Relu = 2,
    Bias = 4,
    ReluBias = 6,
}

/// <summary>Attributes of a product (<c>cublasLtMatmulDescAttributes_t</c>).</summary>
internal enum BlasLtMatmulAttribute
{
    TransA = 3,
    TransB = 4,
    Epilogue = 7,
    BiasPointer = 8,
}

/// <summary>Attributes of a matrix (<c>cublasLtMatrixLayoutAttribute_t</c>).</summary>
internal enum BlasLtLayoutAttribute
{
    BatchCount = 5,
    StridedBatchOffset = 6,
}

/// <summary>What an algorithm must keep to (<c>cublasLtMatmulPreferenceAttributes_t</c>).</summary>
internal enum BlasLtPreference
{
    MaxWorkspaceBytes = 1,
    ReductionSchemeMask = 3,
    MinAlignmentABytes = 5,
    MinAlignmentBBytes = 6,
    MinAlignmentCBytes = 7,
    MinAlignmentDBytes = 8,
}

/// <summary>How the pieces of a product are added up (<c>cublasLtReductionScheme_t</c>); in place, the order is nobody's.</summary>
[Flags]
internal enum BlasLtReductionScheme
{
    None = 0,
    ComputeType = 2,
    OutputType = 4,
}

/// <summary>
/// D ← epilogue(alpha · op(A) · op(B) + beta · C) for batches of column-major matrices; op(A) is m × k. Strides in elements.
/// </summary>
/// <param name="TransA">op of A.</param>
/// <param name="TransB">op of B.</param>
/// <param name="M">Rows of D.</param>
/// <param name="N">Columns of D.</param>
/// <param name="K">Columns of op(A).</param>
/// <param name="Factors">Element type of A and B.</param>
/// <param name="A">Leading dimension and step of A.</param>
/// <param name="B">Of B.</param>
/// <param name="C">Of C.</param>
/// <param name="D">Of D.</param>
/// <param name="Batch">Number of products.</param>
/// <param name="Epilogue">What follows; a bias has M numbers.</param>
/// <param name="Tf32">Whether float32 factors may be rounded.</param>
/// <param name="Alignment">Bytes that divide the addresses of all four, at most 256.</param>
/// <param name="Result">Element type of C and D: float32, or without a bias that of A and B, rounded once.</param>
internal readonly record struct BlasLtProduct(
    Operation TransA, Operation TransB, int M, int N, int K, CudaDataType Factors, BlasLtMatrix A, BlasLtMatrix B, BlasLtMatrix C, BlasLtMatrix D, int Batch,
    BlasLtEpilogue Epilogue, bool Tf32, int Alignment, CudaDataType Result = CudaDataType.R32F);

/// <summary>Elements from one column to the next, and from one matrix to the next.</summary>
internal readonly record struct BlasLtMatrix(long Leading, long Step);

/// <summary>
/// cuBLASLt: matrix products with a bias and a ReLU before the result is written, of float32, float16 and bfloat16 factors. The first algorithm that it proposes
/// for a shape, and that adds up in a fixed order, is kept. Calls may come from any thread.
/// </summary>
internal sealed unsafe partial class CudaBlasLt : IDisposable
{
    /// <summary>The environment variable that turns it on or off, or names its file; <see cref="CudaBlas.Variable"/>=off turns it off too.</summary>
    public const string Variable = "TESSERA_CUBLASLT";

    /// <summary>Where it is looked for.</summary>
    public static VendorSearch Search => new("cuBLASLt", VendorLibrary.IsTurnedOff(CudaBlas.Variable) ? CudaBlas.Variable : Variable,
        OperatingSystem.IsWindows() ? ["cublasLt64_13.dll", "cublasLt64_12.dll", "cublasLt64_11.dll"] : ["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"],
        CudaBlas.Search.Folders, CudaBlas.Search.Oldest, CudaBlas.Search.Unknown);

    /// <summary>Most bytes an algorithm may use beside its operands.</summary>
    public const long WorkspaceLimit = 32L << 20;

    const int Requested = 8;

    readonly Lock gate = new();
    readonly PlanCache<BlasLtProduct, Plan> plans = new(CudnnLayers.MostPlans);
    readonly LtFunctions f;
    readonly nint handle, stream;

    CudaBlasLt(VendorLibrary library, nint stream)
    {
        (Path, this.stream) = (library.Path, stream);
        f = new LtFunctions(library);
        Version = Search.Check(VendorSearch.VersionOf((long)f.cublasLtGetVersion(), 100000), Path);
        nint created;
        Check(f.cublasLtCreate(&created), "cublasLtCreate");
        handle = created;
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its own version, which is not that of the toolkit.</summary>
    public Version Version { get; }

    /// <summary>cuBLASLt for a stream of the current context, or why there is none.</summary>
    /// <exception cref="DeviceException">It was asked for, and there is none of use.</exception>
    public static CudaBlasLt? TryOpen(nint stream, string? search, out string whyNot) => Search.Open(search, l => new CudaBlasLt(l, stream), out whyNot);

    /// <summary>Runs a product.</summary>
    /// <returns>False where cuBLASLt has no algorithm for it.</returns>
    public bool TryMatmul(in BlasLtProduct product, float alpha, nint a, nint b, float beta, nint c, nint d, nint bias, MemoryPool memory)
    {
        lock (gate)
        {
            if (!plans.TryGet(product, out var plan)) plan = plans.Set(product, Propose(product));
            if (plan is null) return false;
            if (bias != 0) Set(plan.Product, BlasLtMatmulAttribute.BiasPointer, bias);
            var (workspace, lease) = memory.Rent(Math.Max(1, plan.Workspace));
            using (lease)
                fixed (BlasLtAlgorithm* algorithm = &plan.Algorithm)
                    Check(f.cublasLtMatmul(handle, plan.Product, &alpha, a, plan.A, b, plan.B, &beta, c, plan.C, d, plan.D, algorithm, workspace.Pointer,
                        (nuint)plan.Workspace, stream), $"cublasLtMatmul({product})");
            return true;
        }
    }

    Plan? Propose(in BlasLtProduct product)
    {
        Plan plan = new();
        bool found = false;
        try
        {
            Describe(plan, product);
            return (found = FindAlgorithm(plan, product)) ? plan : null;
        }
        finally
        {
            if (!found) plan.Dispose();
        }
    }

    void Describe(Plan plan, in BlasLtProduct p)
    {
        nint created;
        Check(f.cublasLtMatmulDescCreate(&created, p.Tf32 && p.Factors == CudaDataType.R32F ? BlasComputeType.Compute32FFastTf32 : BlasComputeType.Compute32F,
            CudaDataType.R32F), "cublasLtMatmulDescCreate");
        plan.Product = new Descriptor(created, (nint)f.cublasLtMatmulDescDestroy);
        Set(plan.Product, BlasLtMatmulAttribute.TransA, (int)p.TransA);
        Set(plan.Product, BlasLtMatmulAttribute.TransB, (int)p.TransB);
        Set(plan.Product, BlasLtMatmulAttribute.Epilogue, (int)p.Epilogue);
        var (a, b) = (p.TransA == Operation.NonTranspose, p.TransB == Operation.NonTranspose);
        Describe(plan.A = Matrix(p.Factors, a ? p.M : p.K, a ? p.K : p.M, p.A), p.A, p.Batch);
        Describe(plan.B = Matrix(p.Factors, b ? p.K : p.N, b ? p.N : p.K, p.B), p.B, p.Batch);
        Describe(plan.C = Matrix(p.Result, p.M, p.N, p.C), p.C, p.Batch);
        Describe(plan.D = Matrix(p.Result, p.M, p.N, p.D), p.D, p.Batch);
    }

    /// <summary>Takes the first algorithm that cuBLASLt proposes within the limits; false where there is none.</summary>
    bool FindAlgorithm(Plan plan, in BlasLtProduct p)
    {
        nint created;
        Check(f.cublasLtMatmulPreferenceCreate(&created), "cublasLtMatmulPreferenceCreate");
        using Descriptor preference = new(created, (nint)f.cublasLtMatmulPreferenceDestroy);
        Set(preference, BlasLtPreference.MaxWorkspaceBytes, (ulong)WorkspaceLimit);
        Set(preference, BlasLtPreference.ReductionSchemeMask, (uint)(BlasLtReductionScheme.ComputeType | BlasLtReductionScheme.OutputType));
        foreach (var operand in (BlasLtPreference[])[BlasLtPreference.MinAlignmentABytes, BlasLtPreference.MinAlignmentBBytes,
            BlasLtPreference.MinAlignmentCBytes, BlasLtPreference.MinAlignmentDBytes])
            Set(preference, operand, (uint)p.Alignment);
        BlasLtFound* found = stackalloc BlasLtFound[Requested];
        int count = 0;
        int status = f.cublasLtMatmulAlgoGetHeuristic(handle, plan.Product, plan.A, plan.B, plan.C, plan.D, preference, Requested, found, &count);
        if (status == CudaBlas.NotSupported) return false;
        Check(status, $"cublasLtMatmulAlgoGetHeuristic({p})");
        for (int i = 0; i < count; i++)
        {
            if (found[i].State != 0 || found[i].Workspace > WorkspaceLimit) continue;
            (plan.Algorithm, plan.Workspace) = (found[i].Algorithm, (long)found[i].Workspace);
            return true;
        }
        return false;
    }

    Descriptor Matrix(CudaDataType type, int rows, int columns, BlasLtMatrix matrix)
    {
        nint layout;
        Check(f.cublasLtMatrixLayoutCreate(&layout, type, (nuint)rows, (nuint)columns, (nint)matrix.Leading), "cublasLtMatrixLayoutCreate");
        return new Descriptor(layout, (nint)f.cublasLtMatrixLayoutDestroy);
    }

    void Describe(Descriptor layout, BlasLtMatrix matrix, int batch)
    {
        if (batch == 1) return;
        long step = matrix.Step;
        Check(f.cublasLtMatrixLayoutSetAttribute(layout, BlasLtLayoutAttribute.BatchCount, &batch, sizeof(int)), "cublasLtMatrixLayoutSetAttribute");
        Check(f.cublasLtMatrixLayoutSetAttribute(layout, BlasLtLayoutAttribute.StridedBatchOffset, &step, sizeof(long)), "cublasLtMatrixLayoutSetAttribute");
    }

    void Set<T>(nint product, BlasLtMatmulAttribute attribute, T value) where T : unmanaged
        => Check(f.cublasLtMatmulDescSetAttribute(product, attribute, &value, (nuint)sizeof(T)), $"cublasLtMatmulDescSetAttribute({attribute})");

    void Set<T>(nint preference, BlasLtPreference attribute, T value) where T : unmanaged
        => Check(f.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, (nuint)sizeof(T)), $"cublasLtMatmulPreferenceSetAttribute({attribute})");

    public void Dispose()
    {
        plans.Dispose();
        _ = f.cublasLtDestroy(handle);
    }

    static void Check(int status, string call) => CudaBlas.Check(status, call);

    /// <summary>How one product is computed: its descriptors and algorithm.</summary>
    sealed class Plan : IDisposable
    {
        public Descriptor Product = null!, A = null!, B = null!, C = null!, D = null!;
        public BlasLtAlgorithm Algorithm;
        public long Workspace;

        public void Dispose()
        {
            foreach (Descriptor? d in (Descriptor?[])[Product, A, B, C, D]) d?.Dispose();
        }
    }
}
