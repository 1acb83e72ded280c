using System.Numerics;

namespace Tessera.Cuda;

/// <content>Matrix products with an epilogue by cuBLASLt, where it is found and asked for or faster; see <see cref="LibrariesAreFaster"/>.</content>
internal sealed unsafe partial class CudaBackend
{
    readonly Lazy<(CudaBlasLt? Library, string WhyNot)> blasLt;
    readonly bool blasLtAsked = VendorLibrary.IsAsked(CudaBlasLt.Variable);

    /// <summary>cuBLASLt, or why it is not used.</summary>
    public (CudaBlasLt? Library, string WhyNot) BlasLt => blasLt.Value;

    (CudaBlasLt?, string) OpenBlasLt()
    {
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        return (CudaBlasLt.TryOpen(stream, Driver.WhyNoLibraries, out string whyNot), whyNot);
    }

    /// <summary>True where cuBLASLt is found, and asked for or faster for y ← a · b.</summary>
    bool TakesBlasLt(View a, View y) => OnlyGemm is null && TakesLibrary(blasLtAsked || blasAsked, 2.0 * y.Count * a.Shape[-1]) && BlasLt.Library is not null;

    /// <summary>
    /// y ← relu(alpha · a · b + bias + beta · c): a and b of one type, row-major or transposed, y and c row-major float32 or without a bias of that type, batches at one
    /// regular step.
    /// </summary>
    bool TryBlasLt(View a, View b, View y, float alpha, in Epilogue epilogue, View? c, float beta)
    {
        if (!TakesBlasLt(a, y) || BlasLt.Library is not { } library) return false;
        int rank = y.Shape.Rank, m = y.Shape[rank - 2], n = y.Shape[rank - 1], k = a.Shape[rank - 1];
        if (m == 0 || n == 0 || k == 0 || epilogue.Bias is { IsDense: false }) return false;
        if (y.DType != DType.Float32 && (y.DType != a.DType || epilogue.Bias is not null)) return false;
        if (!Matrix(a, out var opA, out int ldA) || !Matrix(b, out var opB, out int ldB) || !Matrix(y, out var opY, out int ldY) || opY != Operation.NonTranspose) return false;
        if (!Batch(a, out long stepA) || !Batch(b, out long stepB) || !Batch(y, out long stepY)) return false;
        var (ldC, stepC) = (ldY, stepY);
        if (c is { } r && (!Matrix(r, out var opC, out ldC) || opC != Operation.NonTranspose || !Batch(r, out stepC))) return false;
        View added = c ?? y;
        var follows = (epilogue.Bias, epilogue.Relu) switch
        {
            (null, false) => BlasLtEpilogue.Default,
            (null, true) => BlasLtEpilogue.Relu,
            (_, false) => BlasLtEpilogue.Bias,
            _ => BlasLtEpilogue.ReluBias,
        };
        // A row-major matrix is the transpose of a column-major one: yᵀ = bᵀ aᵀ, whose rows are the channels of the bias.
        var product = new BlasLtProduct(
            opB, opA, n, m, k, BlasType(a.DType), new(ldB, stepB), new(ldA, stepA), new(ldC, stepC), new(ldY, stepY), (int)(y.Count / ((long)m * n)), follows, Precision.AllowTf32,
            Alignment(a.Address | b.Address | y.Address | added.Address), BlasType(y.DType));
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        return library.TryMatmul(product, alpha, b.Address, a.Address, c is null ? 0 : beta, added.Address, y.Address, epilogue.Bias is { } bias ? bias.Address : 0, y.Storage.Device.Memory);
    }

    static CudaDataType BlasType(DType type) => type switch
    {
        DType.Float16 => CudaDataType.R16F,
        DType.BFloat16 => CudaDataType.R16BF,
        _ => CudaDataType.R32F,
    };

    /// <summary>The largest power of two, up to 256, that divides all addresses of which these are the bits.</summary>
    static int Alignment(nint bits) => 1 << Math.Min(8, BitOperations.TrailingZeroCount((ulong)bits));
}
