using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tessera.Benchmarks;

/// <summary>Independent multiply-adds in registers: what the processor computes at most.</summary>
static class Peak
{
    const int Accumulators = 12;

    static float sink;

    /// <summary>Floating-point operations of one loop of <see cref="Fma"/>.</summary>
    public static int FlopsALoop => 2 * Accumulators * (Vector512.IsHardwareAccelerated ? 16 : 8);

    /// <summary>Twelve chains of multiply-adds on the widest vectors: more than latency times units on any processor so far.</summary>
    public static void Fma(int loops) => sink = Vector512.IsHardwareAccelerated ? Fma512(loops) : Fma256(loops);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Fma512(int loops)
    {
        var (m, a) = (Vector512.Create(0.999f), Vector512.Create(1e-3f));
        Vector512<float> s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
        for (int i = 0; i < loops; i++)
        {
            s0 = Vector512.FusedMultiplyAdd(s0, m, a);
            s1 = Vector512.FusedMultiplyAdd(s1, m, a);
            s2 = Vector512.FusedMultiplyAdd(s2, m, a);
            s3 = Vector512.FusedMultiplyAdd(s3, m, a);
            s4 = Vector512.FusedMultiplyAdd(s4, m, a);
            s5 = Vector512.FusedMultiplyAdd(s5, m, a);
            s6 = Vector512.FusedMultiplyAdd(s6, m, a);
            s7 = Vector512.FusedMultiplyAdd(s7, m, a);
            s8 = Vector512.FusedMultiplyAdd(s8, m, a);
            s9 = Vector512.FusedMultiplyAdd(s9, m, a);
            s10 = Vector512.FusedMultiplyAdd(s10, m, a);
            s11 = Vector512.FusedMultiplyAdd(s11, m, a);
        }
        return Vector512.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Fma256(int loops)
    {
        var (m, a) = (Vector256.Create(0.999f), Vector256.Create(1e-3f));
        Vector256<float> s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
        for (int i = 0; i < loops; i++)
        {
            s0 = Vector256.FusedMultiplyAdd(s0, m, a);
            s1 = Vector256.FusedMultiplyAdd(s1, m, a);
            s2 = Vector256.FusedMultiplyAdd(s2, m, a);
            s3 = Vector256.FusedMultiplyAdd(s3, m, a);
            s4 = Vector256.FusedMultiplyAdd(s4, m, a);
            s5 = Vector256.FusedMultiplyAdd(s5, m, a);
            s6 = Vector256.FusedMultiplyAdd(s6, m, a);
            s7 = Vector256.FusedMultiplyAdd(s7, m, a);
            s8 = Vector256.FusedMultiplyAdd(s8, m, a);
            s9 = Vector256.FusedMultiplyAdd(s9, m, a);
            s10 = Vector256.FusedMultiplyAdd(s10, m, a);
            s11 = Vector256.FusedMultiplyAdd(s11, m, a);
        }
        return Vector256.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11);
    }
}
