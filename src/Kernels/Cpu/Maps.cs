using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Tessera.Cpu.Pieces;

namespace Tessera.Cpu;

/// <summary>The loops of elementwise formulas over adjacent floats: vectors, then single elements; any width gives the same bits.</summary>
internal static unsafe class Maps
{
    /// <summary>y ← f(x) at the widest vectors the processor has.</summary>
    public static void Unary<TOp>(TOp op, float* x, float* y, long n) where TOp : struct, IUnary
    {
        if (Vector512.IsHardwareAccelerated) Unary<TOp, Vec16>(op, x, y, n);
        else if (Vector256.IsHardwareAccelerated) Unary<TOp, Vec8>(op, x, y, n);
        else Unary<TOp, Vec1>(op, x, y, n);
    }

    /// <summary>y ← f(a, b) at the widest vectors the processor has.</summary>
    public static void Binary<TOp>(TOp op, float* a, float* b, float* y, long n) where TOp : struct, IBinary
    {
        if (Vector512.IsHardwareAccelerated) Binary<TOp, Vec16>(op, a, b, y, n);
        else if (Vector256.IsHardwareAccelerated) Binary<TOp, Vec8>(op, a, b, y, n);
        else Binary<TOp, Vec1>(op, a, b, y, n);
    }

    // One formula a method: long ones exhaust what the compiler inlines into one (unrolled by four, gelu took ten times as long).

    /// <summary>y ← f(x); y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unary<TOp, V>(TOp op, float* x, float* y, long n) where TOp : struct, IUnary where V : struct, IVec<V>
    {
        int w = V.Lanes;
        long i = 0;
        for (; i <= n - w; i += w) Store(y + i, op.Apply(Load<V>(x + i)));
        if (i < n) Rest(op, x + i, y + i, n - i);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Rest<TOp>(TOp op, float* x, float* y, long n) where TOp : struct, IUnary
    {
        long i = 0;
        if (Vector256.IsHardwareAccelerated)
            for (; i <= n - 8; i += 8) Store(y + i, op.Apply(Load<Vec8>(x + i)));
        for (; i < n; i++) Store(y + i, op.Apply(Load<Vec1>(x + i)));
    }

    /// <summary>y ← f(a, b); y may be a or b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Binary<TOp, V>(TOp op, float* a, float* b, float* y, long n) where TOp : struct, IBinary where V : struct, IVec<V>
    {
        int w = V.Lanes;
        long i = 0;
        for (; i <= n - w; i += w) Store(y + i, op.Apply(Load<V>(a + i), Load<V>(b + i)));
        if (i < n) Rest(op, a + i, b + i, y + i, n - i);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Rest<TOp>(TOp op, float* a, float* b, float* y, long n) where TOp : struct, IBinary
    {
        long i = 0;
        if (Vector256.IsHardwareAccelerated)
            for (; i <= n - 8; i += 8) Store(y + i, op.Apply(Load<Vec8>(a + i), Load<Vec8>(b + i)));
        for (; i < n; i++) Store(y + i, op.Apply(Load<Vec1>(a + i), Load<Vec1>(b + i)));
    }
}
