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
        if (!TryBlas(a, b, y, alpha, beta)) Gemm(a, b, y, alpha, default, beta == 0 ? null : y, beta);
    }

    public override void Gemm(View a, View b, View y, in Epilogue epilogue)
    {
        if (TryBlas(a, b, y, 1, 0))
        {
            Finish(y, epilogue, y.Shape.Rank - 1);
            return;
        }
        Gemm(a, b, y, 1, epilogue, epilogue.Residual, 1);
        if (epilogue.Moments is { } moments) Moments(y, moments, y.Shape.Rank - 1);
    }

    void Gemm(View a, View b, View y, float alpha, in Epilogue epilogue, View? r, float beta)
    {
        ExpectFloat("Gemm", a, b, y);
        if (y.Count == 0) return;
        int M = y.Shape[-2], N = y.Shape[-1], K = alpha == 0 ? 0 : a.Shape[-1];
        var batch = BatchOf(y, a, b, r);
        var kernel = GemmKernel.For(OnlyGemm ?? GemmKernel.Choose(M, N, K, Driver.Architecture, Precision.AllowTf32));
        var (pieces, length) = kernel.Pieces(M, N, K, batch.Count);
        var g = new GemmArguments
        {
            Batch = batch, M = M, N = N, K = K, Length = length, Alpha = alpha, Beta = beta, Pieces = 1,
            A = new(a), B = new(b), Y = new(y), R = r is { } residual ? new(residual) : default, Relu = epilogue.Relu ? 1 : 0,
        };
        if (epilogue.Bias is { } bias) (g.Bias, g.BiasStep) = (AddressOf(bias), bias.Layout.Strides[0] * sizeof(float));
        (g.ReadA, g.ReadB, g.Wide) = (Reading(a, M, K, g.A.Row, g.A.Column), Reading(b, N, K, g.B.Column, g.B.Row), IsWide(y, r));
        if (pieces == 1) Launch(kernel, ref g, batch.Count);
        else InPieces(kernel, g, a, b, y, r, pieces);
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
        Launch(GemmKernel.Combine, ref sum, g.Batch.Count);
    }

    void Launch(GemmKernel kernel, ref GemmArguments g, long products)
    {
        (g.TilesM, g.TilesN) = (Tiles(g.M, kernel.TileM), Tiles(g.N, kernel.TileN));
        long blocks = products * g.TilesM * g.TilesN;
        if (blocks > int.MaxValue)
            throw new ShapeException($"Gemm: too many tiles for one kernel: got {products} products of [{g.M}, {g.N}], expected at most 2^31 - 1 tiles of {kernel.TileM} x {kernel.TileN}. Hint: work in slices of the batch.");
        var compiled = PtxFormula.Kernel(Kernels, default(Ops.Relu), "relu", kernel.File, kernel.Entry, static o => [new("relu", v => ((IUnary)o).Apply(v[0]))]);
        Launch(compiled, (int)blocks, kernel.Threads, [KernelArgument.Struct(ref g)]);

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

    /// <summary>
    /// How a kernel reads a factor of so many rows (a) or columns (b): bit 0 along K, where neighbours lie closer than across it; bit 1 by 16 bytes, where
    /// four neighbours do so everywhere.
    /// </summary>
    static int Reading(View x, int rows, int K, long rowStep, long kStep)
    {
        bool along = rows == 1 || (K > 1 && Math.Abs(kStep) <= Math.Abs(rowStep));
        bool wide = along ? IsWide(x, K, kStep, rows, rowStep) : IsWide(x, rows, rowStep, K, kStep);
        return (along ? 1 : 0) + (wide ? 2 : 0);
    }

    /// <summary>1 where rows of y, and of r, may be accessed by 16 bytes.</summary>
    static int IsWide(View y, View? r) => IsWide(y) && (r is not { } v || IsWide(v)) ? 1 : 0;

    static bool IsWide(View y) => IsWide(y, y.Shape[-1], y.Layout.Strides[^1] * sizeof(float), y.Shape[-2], y.Layout.Strides[^2] * sizeof(float));

    /// <summary>True where elements 4i..4i + 3 of the inner dimension are 16 aligned bytes in every line of every matrix.</summary>
    static bool IsWide(View x, int inner, long innerStep, int outer, long outerStep)
    {
        if (inner % 4 != 0 || innerStep != sizeof(float) || (outer > 1 && outerStep % 16 != 0) || AddressOf(x) % 16 != 0) return false;
        for (int d = 0; d < x.Shape.Rank - 2; d++)
            if (x.Shape[d] > 1 && x.Layout.Strides[d] % 4 != 0) return false;
        return true;
    }

    static nint AddressOf(View view) => view.Storage.Pointer + (nint)(view.Layout.Offset * view.DType.Size());
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

    /// <summary>1 where y and r may be accessed by 16 bytes.</summary>
    public int Wide;
}

/// <summary>Bytes from a row to the next, and from a column to the next.</summary>
internal readonly record struct MatrixSteps(long Row, long Column)
{
    public MatrixSteps(View x) : this(x.Layout.Strides[^2] * x.DType.Size(), x.Layout.Strides[^1] * x.DType.Size()) { }
}
