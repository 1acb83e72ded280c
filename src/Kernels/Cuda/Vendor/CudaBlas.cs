using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>Whether cuBLAS reads a matrix as it lies or transposed (<c>cublasOperation_t</c>).</summary>
internal enum Operation
{
    NonTranspose = 0,
    Transpose = 1,
}

/// <summary>What cuBLAS may compute with (<c>cublasMath_t</c>).</summary>
internal enum BlasMath
{
    DefaultMath = 0,
    Tf32TensorOpMath = 3,
}

/// <summary>
/// cuBLAS's handle, and its functions under the names that users of ManagedCuda know. Matrices are column-major, as in its own documentation. Two calls must not overlap, and a product takes the math
/// mode of the moment.
/// </summary>
internal sealed unsafe class CudaBlas : IDisposable
{
    /// <summary>The environment variable that turns it on or off, or names its file.</summary>
    public const string Variable = "TESSERA_CUBLAS";

    /// <summary>Where it is looked for.</summary>
    public static readonly VendorSearch Search = new("cuBLAS", Variable,
        OperatingSystem.IsWindows() ? ["cublas64_13.dll", "cublas64_12.dll", "cublas64_11.dll"] : ["libcublas.so.13", "libcublas.so.12", "libcublas.so.11"],
        ["cu13/lib", "cublas/lib", "cu13/bin/x86_64", "cublas/bin"], new Version(11, 0), new Version(14, 0));

    /// <summary><c>CUBLAS_STATUS_NOT_SUPPORTED</c>, of cuBLASLt too.</summary>
    internal const int NotSupported = 15;

    readonly BlasFunctions f;
    readonly nint handle;
    BlasMath mathMode;

    CudaBlas(VendorLibrary library, nint stream)
    {
        Path = library.Path;
        f = new BlasFunctions(library);
        nint created;
        Check(f.cublasCreate_v2(&created), "cublasCreate");
        handle = created;
        try
        {
            SetStream(stream);
            int version;
            Check(f.cublasGetVersion_v2(handle, &version), "cublasGetVersion");
            Version = Search.Check(VendorSearch.VersionOf(version, 100000), Path);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its own version, which is not that of the toolkit.</summary>
    public Version Version { get; }

    /// <summary>cuBLAS for a stream of the current context, or why there is none.</summary>
    /// <exception cref="DeviceException">It was asked for, and there is none of use.</exception>
    public static CudaBlas? TryOpen(nint stream, string? search, out string whyNot) => Search.Open(search, l => new CudaBlas(l, stream), out whyNot);

    /// <summary>The stream that all further calls go to.</summary>
    public void SetStream(nint stream) => Check(f.cublasSetStream_v2(handle, stream), "cublasSetStream");

    /// <summary>What further products may compute with.</summary>
    public BlasMath MathMode
    {
        get => mathMode;
        set
        {
            if (value == mathMode) return;
            Check(f.cublasSetMathMode(handle, value), "cublasSetMathMode");
            mathMode = value;
        }
    }

    /// <summary>C ← alpha · op(A) · op(B) + beta · C for <paramref name="batchCount"/> matrices at regular steps; op(A) is m × k, op(B) k × n; float32.</summary>
    public void GemmStridedBatched(Operation transa, Operation transb, int m, int n, int k, float alpha, nint a, int lda, long strideA, nint b, int ldb,
        long strideB, float beta, nint c, int ldc, long strideC, int batchCount)
    {
        int status = f.cublasSgemmStridedBatched(handle, (int)transa, (int)transb, m, n, k, &alpha, a, lda, strideA, b, ldb, strideB, &beta, c, ldc, strideC, batchCount);
        if (status != 0) Check(status, $"cublasSgemmStridedBatched({transa}, {transb}, {m} x {n} x {k}, {batchCount} matrices)");
    }

    public void Dispose() => _ = f.cublasDestroy_v2(handle);

    /// <summary>Throws where a call of cuBLAS or cuBLASLt failed.</summary>
    internal static void Check(int status, string call)
    {
        if (status != 0) throw new CudaException(call, status, Name(status), "reported by cuBLAS");
    }

    static string Name(int status) => "CUBLAS_STATUS_" + status switch
    {
        1 => "NOT_INITIALIZED",
        3 => "ALLOC_FAILED",
        7 => "INVALID_VALUE",
        8 => "ARCH_MISMATCH",
        11 => "MAPPING_ERROR",
        13 => "EXECUTION_FAILED",
        14 => "INTERNAL_ERROR",
        15 => "NOT_SUPPORTED",
        16 => "LICENSE_ERROR",
        _ => status.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>Functions by their exported names; all have the same parameters in CUDA 11, 12 and 13.</summary>
    internal readonly struct BlasFunctions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<nint*, int> cublasCreate_v2 = (delegate* unmanaged<nint*, int>)l.Export("cublasCreate_v2");
        public readonly delegate* unmanaged<nint, int> cublasDestroy_v2 = (delegate* unmanaged<nint, int>)l.Export("cublasDestroy_v2");
        public readonly delegate* unmanaged<nint, nint, int> cublasSetStream_v2 = (delegate* unmanaged<nint, nint, int>)l.Export("cublasSetStream_v2");
        public readonly delegate* unmanaged<nint, int*, int> cublasGetVersion_v2 = (delegate* unmanaged<nint, int*, int>)l.Export("cublasGetVersion_v2");
        public readonly delegate* unmanaged<nint, BlasMath, int> cublasSetMathMode = (delegate* unmanaged<nint, BlasMath, int>)l.Export("cublasSetMathMode");
        public readonly delegate* unmanaged<nint, int, int, int, int, int, float*, nint, int, long, nint, int, long, float*, nint, int, long, int, int>
            cublasSgemmStridedBatched = (delegate* unmanaged<nint, int, int, int, int, int, float*, nint, int, long, nint, int, long, float*, nint, int, long,
                int, int>)l.Export("cublasSgemmStridedBatched");
    }
}
