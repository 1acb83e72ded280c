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

    public override void Gemm(View a, View b, View y, float alpha = 1, float beta = 0) => Gemm(a, b, y, alpha, default, beta == 0 ? null : y, beta);

    public override void Gemm(View a, View b, View y, in Epilogue epilogue)
    {
        Gemm(a, b, y, 1, epilogue, epilogue.Residual, 1);
        if (epilogue.Moments is { } moments) Moments(y, moments, y.Shape.Rank - 1);
    }

    void Gemm(View a, View b, View y, float alpha, in Epilogue epilogue, View? r, float beta)
    {
        ExpectFloat("Gemm", a, b, y);
        if (y.Count == 0) return;
        int M = y.Shape[-2], N = y.Shape[-1], K = alpha == 0 ? 0 : a.Shape[-1];
        var batch = BatchOf(y, a, b, r);
        var kernel = GemmKernel.For(OnlyGemm ?? GemmKernel.Choose(M, N, K, Driver.Architecture));
        var (pieces, length) = kernel.Pieces(M, N, K, batch.Count);
        var g = new GemmArguments
        {
            Batch = batch, M = M, N = N, K = K, Length = length, Alpha = alpha, Beta = beta, Pieces = 1,
            A = new(a), B = new(b), Y = new(y), R = r is { } residual ? new(residual) : default, Relu = epilogue.Relu ? 1 : 0,
        };
        if (epilogue.Bias is { } bias) (g.Bias, g.BiasStep) = (AddressOf(bias), bias.Layout.Strides[0] * sizeof(float));
        if (pieces == 1) Launch(kernel, ref g, batch.Count);
        else InPieces(kernel, g, a, b, y, r, pieces);
    }

    /// <summary>The products of all pieces of K, then their sum in a fixed order.</summary>
    void InPieces(GemmKernel kernel, GemmArguments g, View a, View b, View y, View? r, int pieces)
    {
        using var parts = new Temporary(y.Storage.Device, Layout.RowMajor([pieces, .. y.Shape.Dims]));
        var strides = parts.View.Layout.Strides;
        var first = parts.View.As(new Layout(y.Shape, strides[1..]));
        var part = g with { Batch = BatchOf(first, a, b, null), Y = new(first), R = default, Bias = 0, Relu = 0, Alpha = 1, Pieces = pieces, PieceStep = strides[0] * sizeof(float) };
        Launch(kernel, ref part, g.Batch.Count * pieces);
        var sum = g with { Batch = BatchOf(y, first, first, r), A = new(first), B = new(first), K = pieces, Length = pieces, PieceStep = strides[0] * sizeof(float) };
        sum.B = default;
        Launch(GemmKernel.Combine, ref sum, g.Batch.Count);
    }

    void Launch(GemmKernel kernel, ref GemmArguments g, long products)
    {
        (g.TilesM, g.TilesN) = (Dims(g.M, kernel.TileM), Dims(g.N, kernel.TileN));
        long blocks = products * g.TilesM * g.TilesN;
        if (blocks > int.MaxValue)
            throw new ShapeException($"Gemm: too many tiles for one kernel: got {products} products of [{g.M}, {g.N}], expected at most 2^31 - 1 tiles of {kernel.TileM} x {kernel.TileN}. Hint: work in slices of the batch.");
        var compiled = PtxFormula.Kernel(Kernels, default(Ops.Relu), "relu", kernel.File, kernel.Entry, static o => [new("relu", v => ((IUnary)o).Apply(v[0]))]);
        Launch(compiled, (int)blocks, kernel.Threads, [KernelArgument.Struct(ref g)]);

        static int Dims(int length, int tile) => (length + tile - 1) / tile;
    }

    /// <summary>The loop nest over the products of a batch: addresses and steps of y, a, b and r.</summary>
    static Nest BatchOf(View y, View a, View b, View? r)
    {
        Span<int> sizes = stackalloc int[y.Shape.Rank];
        y.Shape.Dims.CopyTo(sizes);
        sizes[^2..].Fill(1);
        return r is { } v ? Nest.Over(sizes, y, a, b, v) : Nest.Over(sizes, y, a, b);
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
    public int ReadA, ReadB;

    /// <summary>Bytes from the y of one piece to that of the next.</summary>
    public long PieceStep;
}

/// <summary>Bytes from a row to the next, and from a column to the next.</summary>
internal readonly record struct MatrixSteps(long Row, long Column)
{
    public MatrixSteps(View x) : this(x.Layout.Strides[^2] * x.DType.Size(), x.Layout.Strides[^1] * x.DType.Size()) { }
}
