using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>A matrix in memory: element (i, j) is at <c>P + i·Row + j·Col</c>. A transpose is an exchange of the steps.</summary>
internal readonly unsafe struct Matrix(float* p, nint row, nint col)
{
    public readonly float* P = p;
    public readonly nint Row = row, Col = col;

    public Matrix T => new(P, Col, Row);

    public float* At(nint i, nint j) => P + (i * Row) + (j * Col);
}

internal sealed unsafe partial class CpuBackend
{
    public override void Gemm(View a, View b, View y, float alpha = 1, float beta = 0) => Gemm(a, b, y, alpha, beta, default);

    public override void Gemm(View a, View b, View y, in Epilogue epilogue) => Gemm(a, b, y, epilogue, null);

    void Gemm(View a, View b, View y, in Epilogue epilogue, Storage? weights)
    {
        if (y.Count == 0 || a.Shape[-1] == 0 || epilogue.Residual is { } r && !r.Layout.SameStrides(y.Layout)) base.Gemm(a, b, y, epilogue);
        else
        {
            Gemm(a, b, y, 1, 0, new TileEpilogue(epilogue, y.Float()), weights);
            if (epilogue.Moments is { } moments) Moments(y, moments, y.Shape.Rank - 1);
        }
    }

    static void Gemm(View a, View b, View y, float alpha, float beta, TileEpilogue epilogue, Storage? weights = null)
    {
        int rank = y.Shape.Rank, M = y.Shape[-2], N = y.Shape[-1], K = alpha == 0 ? 0 : a.Shape[-1];
        if (y.Count == 0) return;
        long batch = y.Count / ((long)M * N);
        Matrix A = MatrixOf(a), B = MatrixOf(b), C = MatrixOf(y);
        var job = new GemmJob { M = M, N = N, K = K, A = A, B = B, C = C, Alpha = alpha, Beta = beta, Residual = epilogue.Residual, Bias = new Matrix(epilogue.Bias, 0, epilogue.BiasStep), Relu = epilogue.Relu, Weights = weights };
        if (batch == 1)
        {
            job.Run(1, null, null, null);
            return;
        }
        var offsets = new nint[3 * batch];
        for (long i = 0; i < batch; i++)
        {
            long rest = i;
            for (int d = rank - 3; d >= 0; d--)
            {
                long at = rest % y.Shape[d];
                rest /= y.Shape[d];
                offsets[i] += (nint)(at * a.Layout.Strides[d]);
                offsets[batch + i] += (nint)(at * b.Layout.Strides[d]);
                offsets[(2 * batch) + i] += (nint)(at * y.Layout.Strides[d]);
            }
        }
        fixed (nint* p = offsets) job.Run(checked((int)batch), p, p + batch, p + (2 * batch));
    }

    static Matrix MatrixOf(View x) => new(x.Float("Gemm"), (nint)x.Layout.Strides[^2], (nint)x.Layout.Strides[^1]);
}
