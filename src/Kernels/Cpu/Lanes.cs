using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cpu;

/// <summary>A body of a loop over adjacent numbers, written once for every vector width.</summary>
internal interface ILane
{
    /// <summary>Handles the numbers <paramref name="i"/> .. i + V.Lanes - 1.</summary>
    void At<V>(nint i) where V : unmanaged, IVec<V>;
}

/// <summary>Loops over adjacent numbers: whole vectors, then one by one. All widths give the same bits.</summary>
internal static unsafe class Lanes
{
    /// <summary>Runs <paramref name="body"/> over <paramref name="begin"/> .. <paramref name="end"/> - 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T>(nint begin, nint end, ref T body) where T : struct, ILane
    {
        nint i = begin;
        if (GemmKernel.Lanes == 16)
            for (; i <= end - 16; i += 16) body.At<Vec16>(i);
        else if (GemmKernel.Lanes == 8)
            for (; i <= end - 8; i += 8) body.At<Vec8>(i);
        for (; i < end; i++) body.At<Vec1>(i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(float* p) where V : struct, IVec<V> => Unsafe.ReadUnaligned<V>(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(float* p, V x) where V : struct, IVec<V> => Unsafe.WriteUnaligned(p, x);

    /// <summary>An elementwise formula inside of another kernel: f(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map<TOp, V>(V x) where TOp : struct, IUnary where V : struct, IVec<V> => default(TOp).Apply(x);

    /// <summary>An elementwise formula inside of another kernel: f(a, b).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map<TOp, V>(V a, V b) where TOp : struct, IBinary where V : struct, IVec<V> => default(TOp).Apply(a, b);

    /// <summary>Asks for the cache line of an address that will be needed soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* p)
    {
        if (Sse.IsSupported) Sse.Prefetch0(p);
    }

    /// <summary>The same for <paramref name="count"/> adjacent numbers; at most 2048 of them, which need not exist.</summary>
    public static void Prefetch(float* p, int count)
    {
        for (int i = 0; i < Math.Min(count, 2048); i += 16) Prefetch(p + i);
    }
}
