using System.Runtime.CompilerServices;

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
        else
            for (nint k0 = 0; k0 < K; k0 += 64) // lines of the panel stay in the cache while all columns pass
                for (nint j = 0; j < columns; j++)
                    for (nint k = k0; k < Math.Min(K, k0 + 64); k++) panel[(k * nr) + j] = b[(k * row) + (j * col)];
        if (columns < nr)
            for (nint k = 0; k < K; k++) new Span<float>(panel + (k * nr) + columns, nr - columns).Clear();
        if (alpha != 1)
            for (nint i = 0; i < (nint)K * nr; i++) panel[i] *= alpha;
    }

    /// <summary>to ← from, <paramref name="count"/> adjacent floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(float* from, float* to, int count) => new Span<float>(from, count).CopyTo(new Span<float>(to, count));

    /// <summary>to[i, j] ← from[i, j].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Move(Matrix from, Matrix to, int rows, int columns)
    {
        for (nint i = 0; i < rows; i++)
            for (nint j = 0; j < columns; j++) *to.At(i, j) = *from.At(i, j);
    }
}
