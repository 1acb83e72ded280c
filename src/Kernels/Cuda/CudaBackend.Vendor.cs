namespace Tessera.Cuda;

/// <content>What cuBLAS and cuDNN do where they are found; where they are not, or have no way, Tessera's own kernels do it.</content>
internal sealed unsafe partial class CudaBackend
{
    readonly Lazy<(CudaBlas? Library, string WhyNot)> blas;
    readonly Lock blasGate = new();
    readonly Lazy<(CudnnLayers? Library, string WhyNot)> dnn;

    readonly Lazy<(Nccl? Library, string WhyNot)> nccl;

    readonly bool blasAsked = VendorLibrary.IsAsked(CudaBlas.Variable), dnnAsked = VendorLibrary.IsAsked(CudaDNNContext.Variable);

    /// <summary>
    /// True where NVIDIA's libraries beat Tessera's kernels: in float32 these run on tensor cores, which need sm_80; with TF32 the libraries know
    /// instructions that PTX for all GPUs does not have, but their calls take longer than a small product. Measured in docs/gpu.md.
    /// </summary>
    bool LibrariesAreFaster(double flops) => flops >= 1e9 && (Driver.Architecture < 80 || Precision.AllowTf32);

    /// <summary>Whether a library is to do work of so many FLOPs; under <see cref="Determinism.Exact"/> none is, whatever was asked for: their algorithms may be Winograd's.</summary>
    bool TakesLibrary(bool asked, double flops) => !Determinism.Exact && (asked || LibrariesAreFaster(flops));

    /// <summary>cuBLAS, or why it is not used.</summary>
    public (CudaBlas? Library, string WhyNot) Blas => blas.Value;

    /// <summary>cuDNN, or why it is not used.</summary>
    public (CudnnLayers? Library, string WhyNot) Dnn => dnn.Value;

    /// <summary>NCCL, or why there is none.</summary>
    public (Nccl? Library, string WhyNot) Nccl => nccl.Value;

    /// <summary>All in words.</summary>
    public IReadOnlyList<(string Name, string State)> Libraries =>
    [
        ("cuBLAS", State(() => Blas.Library is { } b ? $"{b.Version} ({b.Path})" : Blas.WhyNot)),
        ("cuBLASLt", State(() => BlasLt.Library is { } l ? $"{l.Version} ({l.Path})" : BlasLt.WhyNot)),
        ("cuDNN", State(() => Dnn.Library is { } n ? $"{n.Context.Version} ({n.Context.Path})" : Dnn.WhyNot)),
        ("NCCL", State(() => Nccl.Library is { } c ? $"{c.Version} ({c.Path}), not used yet" : Nccl.WhyNot)),
    ];

    /// <summary>The state of one, or why it cannot be what it was asked to be.</summary>
    static string State(Func<string> state)
    {
        try
        {
            return state();
        }
        catch (DeviceException e)
        {
            return e.Message;
        }
    }

    (CudaBlas?, string) OpenBlas()
    {
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        return (CudaBlas.TryOpen(stream, Driver.WhyNoLibraries, out string whyNot), whyNot);
    }

    (Nccl?, string) OpenNccl() => (Cuda.Nccl.TryOpen(Driver.WhyNoLibraries, out string whyNot), whyNot);

    (CudnnLayers?, string) OpenDnn()
    {
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        return (CudnnLayers.TryOpen(stream, Driver.WhyNoLibraries, out string whyNot), whyNot);
    }

    /// <summary>A matrix product by cuBLAS: y row-major, a and b row-major or transposed, batches at one regular step.</summary>
    bool TryBlas(View a, View b, View y, float alpha, float beta)
    {
        if (OnlyGemm is not null || !TakesLibrary(blasAsked, 2.0 * y.Count * a.Shape[-1])) return false;
        int rank = y.Shape.Rank;
        int m = y.Shape[rank - 2], n = y.Shape[rank - 1], k = a.Shape[rank - 1];
        if (m == 0 || n == 0 || k == 0 || Blas.Library is not { } library) return false;
        if (!Matrix(y, out var opY, out int ldY) || opY != Operation.NonTranspose || !Matrix(a, out var opA, out int ldA) || !Matrix(b, out var opB, out int ldB)) return false;
        if (!Batch(a, out long stepA) || !Batch(b, out long stepB) || !Batch(y, out long stepY)) return false;
        int batch = (int)(y.Count / ((long)m * n));
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        lock (blasGate)
        {
            library.MathMode = Precision.AllowTf32 ? BlasMath.Tf32TensorOpMath : BlasMath.DefaultMath;
            // A row-major matrix is the transpose of a column-major one: yᵀ = bᵀ aᵀ.
            library.GemmStridedBatched(opB, opA, n, m, k, alpha, b.Address, ldB, stepB, a.Address, ldA, stepA, beta, y.Address, ldY, stepY, batch);
        }
        return true;
    }

    /// <summary>A convolution by cuDNN.</summary>
    /// <param name="pass">Which of the three.</param>
    /// <param name="x">The input, or its gradient.</param>
    /// <param name="w">The weight, or its gradient.</param>
    /// <param name="y">The result, or its gradient.</param>
    /// <param name="window">Geometry; padding must be the same on both sides.</param>
    bool TryDnn(ConvolutionPass pass, View x, View w, View y, Window2d window)
    {
        if (OnlyConv2d is not null || !TakesLibrary(dnnAsked, 2.0 * y.Count * w.Count / Math.Max(1, w.Shape[0]))) return false;
        if (window.Top != window.Bottom || window.Left != window.Right || x.Count == 0 || y.Count == 0 || w.Count == 0 || Dnn.Library is not { } library) return false;
        Shape i = x.Shape, o = y.Shape;
        var shape = new ConvolutionShape(pass, i[0], i[1], i[2], i[3], o[1], o[2], o[3], window, Precision.AllowTf32);
        Check(Driver.CtxSetCurrent(), "cuCtxSetCurrent");
        return library.TryConvolution(shape, x.Address, w.Address, y.Address, x.Storage.Device.Memory);
    }

    /// <summary>How the last two dimensions lie for a column-major reader: the length of a row, and whether rows are columns.</summary>
    static bool Matrix(View v, out Operation op, out int ld)
    {
        var s = v.Layout.Strides;
        int rank = v.Shape.Rank, rows = v.Shape[rank - 2], columns = v.Shape[rank - 1];
        long row = s[rank - 2], column = s[rank - 1];
        (op, ld) = (Operation.NonTranspose, Math.Max(1, columns));
        if ((column == 1 || columns == 1) && (row >= columns || rows == 1) && row <= int.MaxValue)
        {
            if (rows > 1) ld = (int)row;
            return true;
        }
        if ((row != 1 && rows != 1) || column < rows || column > int.MaxValue) return false;
        (op, ld) = (Operation.Transpose, (int)column);
        return true;
    }

    /// <summary>The step from one matrix to the next, where there is one for all batch dimensions together.</summary>
    static bool Batch(View v, out long step)
    {
        step = 0;
        long expected = -1;
        for (int d = v.Shape.Rank - 3; d >= 0; d--)
        {
            if (v.Shape[d] == 1) continue;
            long own = v.Layout.Strides[d];
            if (expected < 0) step = own;
            else if (own != expected) return false;
            expected = own * v.Shape[d];
        }
        return true;
    }
}
