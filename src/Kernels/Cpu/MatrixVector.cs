using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>A matrix whose rows are adjacent in memory times an adjacent vector: y ← alpha · A · x, each element a dot product of whole vectors. Memory sets the pace.</summary>
internal unsafe struct MatrixVector : ICpuTask
{
    const int Rows = 16;

    /// <summary>A [M, K] and x [K].</summary>
    public Matrix A;

    public float* X;
    public int M, K;
    public float Alpha;

    /// <summary>Result i is at <c>Y + i·Step</c>; it is added to what lies there, or to what lies <see cref="Start"/> floats from there, where asked.</summary>
    public float* Y;

    public nint Step, Start;
    public bool Accumulate, Relu;

    /// <summary>Bias i is at <c>Bias + i·BiasStep</c>; none where null.</summary>
    public float* Bias;

    public nint BiasStep;

    public readonly void Run() => CpuThreads.For((M + Rows - 1) / Rows, this);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int task)
    {
        for (int i = task * Rows; i < Math.Min(M, (task + 1) * Rows); i++)
        {
            float* a = A.At(i, 0), y = Y + (i * Step);
            float sum = Alpha * (GemmKernel.Lanes == 16 ? Dot<Vec16>(a) : GemmKernel.Lanes == 8 ? Dot<Vec8>(a) : Dot<Vec1>(a));
            if (Accumulate) sum += y[Start];
            if (Bias != null) sum += Bias[i * BiasStep];
            *y = Relu && sum < 0 ? 0 : sum;
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly float Dot<V>(float* a) where V : unmanaged, IVec<V>
    {
        V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
        float* x = X;
        int L = V.Lanes, k = 0;
        for (; k <= K - (4 * L); k += 4 * L)
        {
            s0 = V.Fma(Lanes.Load<V>(a + k), Lanes.Load<V>(x + k), s0);
            s1 = V.Fma(Lanes.Load<V>(a + k + L), Lanes.Load<V>(x + k + L), s1);
            s2 = V.Fma(Lanes.Load<V>(a + k + (2 * L)), Lanes.Load<V>(x + k + (2 * L)), s2);
            s3 = V.Fma(Lanes.Load<V>(a + k + (3 * L)), Lanes.Load<V>(x + k + (3 * L)), s3);
        }
        float* lanes = stackalloc float[16];
        Lanes.Store(lanes, (s0 + s1) + (s2 + s3));
        float sum = 0;
        for (int l = 0; l < L; l++) sum += lanes[l];
        for (; k < K; k++) sum = MathF.FusedMultiplyAdd(a[k], x[k], sum);
        return sum;
    }
}
