using System.Runtime.InteropServices;
using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Matrix products: <c>y ← relu(alpha · a · b + bias + beta · r)</c>, where r is a residual, or y itself where a product is added to what is there.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>The version all products use, for tests and benchmarks; the shape decides where it is null.</summary>
    public GemmVersion? OnlyGemm { get; set; }

    public override void Gemm(View a, View b, View y, float alpha = 1, float beta = 0)
    {
        ExpectFloat("Gemm", a, b, y);
        if (blasLtAsked && TryBlasLt(a, b, y, alpha, default, beta == 0 ? null : y, beta)) return;
        if (!TryBlas(a, b, y, alpha, beta)) Gemm(a, b, y, alpha, default, beta == 0 ? null : y, beta);
    }

    public override void Gemm(View a, View b, View y, in Epilogue epilogue)
    {
        ExpectFloat("Gemm", a, b, y);
        if (TryBlasLt(a, b, y, 1, epilogue, epilogue.Residual, 1))
        {
            if (epilogue.Moments is { } known) Moments(y, known, y.Shape.Rank - 1);
            return;
        }
        if (TryBlas(a, b, y, 1, 0))
        {
            Finish(y, epilogue, y.Shape.Rank - 1);
            return;
        }
        Gemm(a, b, y, 1, epilogue, epilogue.Residual, 1);
        if (epilogue.Moments is { } moments) Moments(y, moments, y.Shape.Rank - 1);
    }

    public override void Linear(View a, View b, View bias, View y)
    {
        if (bias.DType == DType.Float32) Gemm(a, b, y, new Epilogue(bias));
        else base.Linear(a, b, bias, y);
    }

    // On tensor cores where 8 neighbours lie in 16 aligned bytes.
    public override void Gemm16(View a, View b, View y, float alpha = 1, float beta = 0)
    {
        ExpectFloat("Gemm16", y);
        Expect16("Gemm16", a, b);
        if (TryBlasLt(a, b, y, alpha, default, beta == 0 ? null : y, beta)) return;
        if (ReadsHalves(a, b)) Gemm(a, b, y, alpha, default, beta == 0 ? null : y, beta);
        else base.Gemm16(a, b, y, alpha, beta);
    }

    public override void Gemm16(View a, View b, View y, in Epilogue epilogue)
    {
        Expect16("Gemm16", a, b);
        bool library = TakesBlasLt(a, y), reads = ReadsHalves(a, b);
        if (epilogue.Moments is null && (epilogue.Residual?.DType ?? y.DType) == y.DType)
        {
            if (library && TryBlasLt(a, b, y, 1, epilogue, epilogue.Residual, 1)) return;
            if (reads && !library)
            {
                Gemm(a, b, y, 1, epilogue, epilogue.Residual, 1);
                return;
            }
        }
        using var added = WidenedOrNone(epilogue.Residual, out var residual);
        using var rounded = ToRound(y, out var result);
        var wide = epilogue with { Residual = residual, Moments = null };
        if (!library || !TryBlasLt(a, b, result, 1, wide, residual, 1))
        {
            if (reads) Gemm(a, b, result, 1, wide, residual, 1);
            else base.Gemm16(a, b, result, wide);
        }
        if (epilogue.Moments is { } moments) Moments(result, moments, y.Shape.Rank - 1);
        Round(result, y);
    }

    bool ReadsHalves(View a, View b) => Driver.Architecture >= 80 && (ReadingA(a) & ReadingB(b) & 2) != 0;

    void Gemm(View a, View b, View y, float alpha, in Epilogue epilogue, View? r, float beta)
    {
        if (y.Count == 0) return;
        if (epilogue.Bias is null && IsBetterTransposed(y)) (a, b, y, r) = (Transposed(b), Transposed(a), Transposed(y), r is { } t ? Transposed(t) : null);
        int M = y.Shape[-2], N = y.Shape[-1], K = alpha == 0 ? 0 : a.Shape[-1];
        var batch = BatchOf(y, a, b, r);
        var kernel = a.DType != DType.Float32 ? GemmKernel.Half(a.DType, y.DType) : GemmKernel.For(OnlyGemm ?? GemmKernel.Choose(M, N, K, Driver.Architecture, Precision.AllowTf32), N);
        var (pieces, length) = kernel.Pieces(M, N, K, batch.Count);
        var g = new GemmArguments
        {
            Batch = batch,
            A = new(a),
            B = new(b),
            Y = new(y),
            R = r is { } residual ? new(residual) : default,
            M = M,
            N = N,
            K = K,
            Length = length,
            Pieces = 1,
            Alpha = alpha,
            Beta = beta,
            Relu = epilogue.Relu ? 1 : 0,
            ReadA = ReadingA(a),
            ReadB = ReadingB(b),
            Wide = IsWide(y, r),
        };
        if (epilogue.Bias is { } bias) (g.Bias, g.BiasStep) = (bias.Address, bias.Layout.Strides[0] * sizeof(float));
        if (pieces == 1) Launch(kernel, ref g, batch.Count);
        else InPieces(y.DType == DType.Float32 ? kernel : GemmKernel.Half(a.DType, DType.Float32), g, a, b, y, r, pieces);
    }

    /// <summary>The products of all pieces of K, then their sum in a fixed order.</summary>
    void InPieces(GemmKernel kernel, GemmArguments g, View a, View b, View y, View? r, int pieces)
    {
        using var parts = new Temporary(y.Storage.Device, Layout.RowMajor([pieces, .. y.Shape.Dims]));
        var strides = parts.View.Layout.Strides;
        var first = parts.View.As(new Layout(y.Shape, strides[1..]));
        g.PieceStep = strides[0] * sizeof(float);
        var part = g with { Batch = BatchOf(first, a, b, null), Y = new(first), R = default, Bias = 0, Relu = 0, Alpha = 1, Pieces = pieces, Wide = IsWide(first, null) };
        Launch(kernel, ref part, g.Batch.Count * pieces);
        var sum = g with { Batch = BatchOf(y, first, first, r), A = new(first), B = default, K = pieces, Length = pieces };
        Launch(GemmKernel.Combine(y.DType), ref sum, g.Batch.Count);
    }

    void Launch(GemmKernel kernel, ref GemmArguments g, long products)
    {
        (g.TilesM, g.TilesN) = (Tiles(g.M, kernel.TileM), Tiles(g.N, kernel.TileN));
        long blocks = products * g.TilesM * g.TilesN;
        if (blocks > int.MaxValue)
            throw new ShapeException($"Gemm: too many tiles for one kernel: got {products} products of [{g.M}, {g.N}], expected at most 2^31 - 1 tiles of {kernel.TileM} x {kernel.TileN}. "
                + "Hint: work in slices of the batch.");
        var compiled = kernel.On(Kernels);
        if (kernel.SharedBytes > 0) Check(Driver.FuncSetAttribute(compiled.Function, CudaFunctionAttribute.MaxDynamicSharedSizeBytes, kernel.SharedBytes), "cuFuncSetAttribute");
        Launch(compiled, (int)blocks, kernel.Threads, [KernelArgument.Struct(ref g)], kernel.SharedBytes);

        static int Tiles(int length, int tile) => (length + tile - 1) / tile;
    }

    /// <summary>The loop nest over the products of a batch: addresses and steps of y, a, b and r.</summary>
    static Nest BatchOf(View y, View a, View b, View? r)
    {
        Span<int> sizes = stackalloc int[y.Shape.Rank];
        y.Shape.Dims.CopyTo(sizes);
        sizes[^2..].Fill(1);
        return r is { } v ? Nest.Over(sizes, y, a, b, v) : Nest.Over(sizes, y, a, b);
    }

    static int ReadingA(View a) => Reading(a, a.Shape[-2], a.Layout.Strides[^2], a.Shape[-1], a.Layout.Strides[^1]);

    static int ReadingB(View b) => Reading(b, b.Shape[-1], b.Layout.Strides[^1], b.Shape[-2], b.Layout.Strides[^2]);

    /// <summary>
    /// How a kernel reads a factor of so many rows (a) or columns (b): bit 0 along K, where neighbours lie closer than across it; bit 1 by 16 bytes, where
    /// that is possible everywhere. Strides in elements.
    /// </summary>
    static int Reading(View x, int rows, long rowStride, int K, long kStride)
    {
        bool along = rows == 1 || (K > 1 && Math.Abs(kStride) <= Math.Abs(rowStride));
        int group = 16 / x.DType.Size();
        bool wide = along ? IsWide(x, group, K, kStride, rows, rowStride) : IsWide(x, group, rows, rowStride, K, kStride);
        return (along ? 1 : 0) + (wide ? 2 : 0);
    }

    /// <summary>1 where rows of y, and of r, may be accessed by four elements.</summary>
    static int IsWide(View y, View? r) => IsWide(y) && (r is not { } v || IsWide(v)) ? 1 : 0;

    static bool IsWide(View y) => IsWide(y, 4, y.Shape[-1], y.Layout.Strides[^1], y.Shape[-2], y.Layout.Strides[^2]);

    /// <summary>True where the elements of the inner dimension come in aligned groups of so many in every line of every matrix.</summary>
    static bool IsWide(View x, int group, int inner, long innerStride, int outer, long outerStride)
    {
        if (inner % group != 0 || innerStride != 1 || (outer > 1 && outerStride % group != 0) || x.Address % (group * x.DType.Size()) != 0) return false;
        for (int d = 0; d < x.Shape.Rank - 2; d++)
            if (x.Shape[d] > 1 && x.Layout.Strides[d] % group != 0) return false;
        return true;
    }

    /// <summary>True where the transposed product is the faster one: stores go along rows, and tiles have few columns rather than few rows.</summary>
    static bool IsBetterTransposed(View y)
    {
        int M = y.Shape[-2], N = y.Shape[-1];
        bool columnMajor = y.Layout.Strides[^2] == 1 && y.Layout.Strides[^1] != 1;
        return columnMajor ? !IsFew(N, M) : IsFew(M, N);

        static bool IsFew(int rows, int columns) => rows is > 32 and <= 64 && columns is > 64 and <= 4096;
    }

    static View Transposed(View x)
    {
        int[] shape = [.. x.Shape.Dims];
        long[] strides = [.. x.Layout.Strides];
        (shape[^2], shape[^1]) = (shape[^1], shape[^2]);
        (strides[^2], strides[^1]) = (strides[^1], strides[^2]);
        return x.As(new Layout(shape, strides, x.Layout.Offset));
    }
}

/// <summary>The parameter of the kernels in <c>gemm.ptx</c>, which say the offsets they read.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GemmArguments
{
    public Nest Batch;
    public MatrixSteps A, B, Y, R;
    public nint Bias;
    public long BiasStep;
    public int M, N, K;

    /// <summary>Elements of K in a piece.</summary>
    public int Length;

    public float Alpha, Beta;
    public int Relu;
    public int Pieces, TilesM, TilesN;

    /// <summary>How a and b are read: 1 along K, plus 2 by 16 bytes.</summary>
    public int ReadA, ReadB;

    /// <summary>Bytes from the y of one piece to that of the next.</summary>
    public long PieceStep;

    /// <summary>1 where y and r may be accessed by four elements.</summary>
    public int Wide;
}

/// <summary>Bytes from a row to the next, and from a column to the next.</summary>
internal readonly record struct MatrixSteps(long Row, long Column)
{
    public MatrixSteps(View x) : this(x.Layout.Strides[^2] * x.DType.Size(), x.Layout.Strides[^1] * x.DType.Size()) { }
}
