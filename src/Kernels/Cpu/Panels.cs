using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cpu;

/// <summary>Copies between matrices and the kernels' own arrangement.</summary>
internal static unsafe class Panels
{
    /// <summary>panel[k, 0..Panel) ← alpha · b[k, j], zero from <paramref name="columns"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(float* b, nint row, nint col, int K, int columns, float alpha, float* panel)
    {
        int nr = GemmKernel.Panel;
        if (col == 1)
            for (nint k = 0; k < K; k++) Copy(b + (k * row), panel + (k * nr), columns);
        else if (Sse.IsSupported && row == 1 && columns % 4 == 0)
            Transpose(b, col, K, columns, panel, nr);
        else
            for (nint k0 = 0; k0 < K; k0 += 64) // lines of the panel stay in the cache while all columns pass
                for (nint j = 0; j < columns; j++)
                    for (nint k = k0; k < Math.Min(K, k0 + 64); k++) panel[(k * nr) + j] = b[(k * row) + (j * col)];
        if (columns < nr)
            for (nint k = 0; k < K; k++) new Span<float>(panel + (k * nr) + columns, nr - columns).Clear();
        if (alpha != 1)
            for (nint i = 0; i < (nint)K * nr; i++) panel[i] *= alpha;
    }

    // panel[k, j] ← b[j, k] in squares of 4x4.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose(float* b, nint col, nint K, nint columns, float* panel, nint nr)
    {
        nint whole = K & ~3;
        for (nint j = 0; j < columns; j += 4)
        {
            float* p = b + (j * col), q = panel + j;
            for (nint k = 0; k < whole; k += 4, p += 4, q += 4 * nr)
            {
                Vector128<float> r0 = Vector128.Load(p), r1 = Vector128.Load(p + col), r2 = Vector128.Load(p + (2 * col)), r3 = Vector128.Load(p + (3 * col));
                Vector128<float> a = Sse.UnpackLow(r0, r1), c = Sse.UnpackHigh(r0, r1), d = Sse.UnpackLow(r2, r3), e = Sse.UnpackHigh(r2, r3);
                Sse.MoveLowToHigh(a, d).Store(q);
                Sse.MoveHighToLow(d, a).Store(q + nr);
                Sse.MoveLowToHigh(c, e).Store(q + (2 * nr));
                Sse.MoveHighToLow(e, c).Store(q + (3 * nr));
            }
        }
        for (nint k = whole; k < K; k++)
            for (nint j = 0; j < columns; j++) panel[(k * nr) + j] = b[(j * col) + k];
    }

    /// <summary>to ← from, <paramref name="count"/> adjacent floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(float* from, float* to, int count)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i <= count - 16; i += 16) Vector512.Load(from + i).Store(to + i);
        else if (Vector256.IsHardwareAccelerated)
            for (; i <= count - 8; i += 8) Vector256.Load(from + i).Store(to + i);
        for (; i < count; i++) to[i] = from[i];
    }

    /// <summary>to[i, j] ← from[i, j].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Move(Matrix from, Matrix to, int rows, int columns)
    {
        for (nint i = 0; i < rows; i++)
            if (from.Col == 1 && to.Col == 1) Copy(from.At(i, 0), to.At(i, 0), columns);
            else
                for (nint j = 0; j < columns; j++) *to.At(i, j) = *from.At(i, j);
    }
}
