using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Tessera.Cpu.Pieces;

namespace Tessera.Cpu;

/// <summary>
/// The loops of reductions. A row of adjacent elements is reduced in 64 partial results (element i goes to partial i mod 64), which are then
/// folded by halves: the same bits at every vector width, and an error that grows with n/64 instead of n.
/// </summary>
internal static unsafe partial class Reducer
{
    /// <summary>Partial results of one row.</summary>
    public const int Partials = 64;

    /// <summary>Shorter reductions go element by element.</summary>
    public const int Short = 64;

    /// <summary>partial[i mod 64] ← combine(partial[i mod 64], map(x[i])) at the widest vectors the processor has.</summary>
    public static void Row<TOp>(TOp op, float* x, long n, float* partial) where TOp : struct, IReduction
    {
        if (Vector512.IsHardwareAccelerated) Row<TOp, Vec16>(op, x, n, partial);
        else if (Vector256.IsHardwareAccelerated) Row<TOp, Vec8>(op, x, n, partial);
        else Row<TOp, Vec1>(op, x, n, partial);
    }

    /// <summary>y[j] ← combine(y[j], map(x[i, j])) over all rows i, column by column, at the widest vectors the processor has.</summary>
    public static void Columns<TOp>(TOp op, float* x, long rows, nint rowStep, int columns, float* y) where TOp : struct, IReduction
    {
        if (Vector512.IsHardwareAccelerated) Columns<TOp, Vec16>(op, x, rows, rowStep, columns, y);
        else if (Vector256.IsHardwareAccelerated) Columns<TOp, Vec8>(op, x, rows, rowStep, columns, y);
        else Columns<TOp, Vec1>(op, x, rows, rowStep, columns, y);
    }

    /// <inheritdoc cref="Row{TOp}"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row<TOp, V>(TOp op, float* x, long n, float* partial) where TOp : struct, IReduction where V : struct, IVec<V>
    {
        int w = V.Lanes;
        long blocks = n / Partials;
        for (int j = 0; j < Partials && blocks > 0; j += 4 * w)
        {
            float* p = x + j;
            V a = Load<V>(partial + j), b = Load<V>(partial + j + w), c = Load<V>(partial + j + (2 * w)), d = Load<V>(partial + j + (3 * w));
            for (long i = 0; i < blocks; i++, p += Partials)
            {
                a = op.Combine(a, op.Map(Load<V>(p)));
                b = op.Combine(b, op.Map(Load<V>(p + w)));
                c = op.Combine(c, op.Map(Load<V>(p + (2 * w))));
                d = op.Combine(d, op.Map(Load<V>(p + (3 * w))));
            }
            Store(partial + j, a);
            Store(partial + j + w, b);
            Store(partial + j + (2 * w), c);
            Store(partial + j + (3 * w), d);
        }
        if (n % Partials != 0) Rest(op, x + (blocks * Partials), (int)(n % Partials), partial);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void Rest<TOp>(TOp op, float* x, int n, float* partial) where TOp : struct, IReduction
    {
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
            for (; i <= n - 8; i += 8) Store(partial + i, op.Combine(Load<Vec8>(partial + i), op.Map(Load<Vec8>(x + i))));
        for (; i < n; i++) Store(partial + i, op.Combine(Load<Vec1>(partial + i), op.Map(Load<Vec1>(x + i))));
    }

    /// <summary>The 64 partial results into one, by halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Fold<TOp>(TOp op, float* partial) where TOp : struct, IReduction
    {
        int half = Partials / 2;
        if (Vector256.IsHardwareAccelerated)
        {
            // In registers: what goes through memory takes four times as long.
            Store(partial, op.Combine(Quarter<TOp, Vec8>(op, partial, half / 2), Quarter<TOp, Vec8>(op, partial + 8, half / 2)));
            return (float)op.Combine(Quarter<TOp, Vec1>(op, partial, 2), Quarter<TOp, Vec1>(op, partial + 1, 2));
        }
        for (; half > 0; half /= 2)
            for (int i = 0; i < half; i++) Store(partial + i, op.Combine(Load<Vec1>(partial + i), Load<Vec1>(partial + i + half)));
        return partial[0];
    }

    /// <summary>Two halvings: elements 0 and 2, 1 and 3 in steps of <paramref name="step"/>, then both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Quarter<TOp, V>(TOp op, float* p, int step) where TOp : struct, IReduction where V : struct, IVec<V>
        => op.Combine(op.Combine(Load<V>(p), Load<V>(p + (2 * step))), op.Combine(Load<V>(p + step), Load<V>(p + (3 * step))));

    /// <summary>A short reduction, element by element.</summary>
    public static float Sequential<TOp>(TOp op, nint x, nint step, long n) where TOp : struct, IReduction
    {
        var sum = Vec1.Create(TOp.Identity);
        for (long i = 0; i < n; i++, x += step) sum = op.Combine(sum, op.Map(Load<Vec1>((float*)x)));
        return (float)sum;
    }

    /// <inheritdoc cref="Columns{TOp}"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Columns<TOp, V>(TOp op, float* x, long rows, nint rowStep, int columns, float* y) where TOp : struct, IReduction where V : struct, IVec<V>
    {
        int w = V.Lanes, j = 0;
        for (; j <= columns - (4 * w); j += 4 * w)
        {
            nint p = (nint)(x + j);
            V a = Load<V>(y + j), b = Load<V>(y + j + w), c = Load<V>(y + j + (2 * w)), d = Load<V>(y + j + (3 * w));
            for (long i = 0; i < rows; i++, p += rowStep)
            {
                a = op.Combine(a, op.Map(Load<V>((float*)p)));
                b = op.Combine(b, op.Map(Load<V>((float*)p + w)));
                c = op.Combine(c, op.Map(Load<V>((float*)p + (2 * w))));
                d = op.Combine(d, op.Map(Load<V>((float*)p + (3 * w))));
            }
            Store(y + j, a);
            Store(y + j + w, b);
            Store(y + j + (2 * w), c);
            Store(y + j + (3 * w), d);
        }
        for (; j <= columns - w; j += w) Column<TOp, V>(op, (nint)(x + j), rows, rowStep, y + j);
        for (; j < columns; j++) Column<TOp, Vec1>(op, (nint)(x + j), rows, rowStep, y + j);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Column<TOp, V>(TOp op, nint x, long rows, nint rowStep, float* y) where TOp : struct, IReduction where V : struct, IVec<V>
    {
        V sum = Load<V>(y);
        for (long i = 0; i < rows; i++, x += rowStep) sum = op.Combine(sum, op.Map(Load<V>((float*)x)));
        Store(y, sum);
    }

    /// <summary>rows[0, j] ← the combination of rows[i, j] over i, by pairs.</summary>
    public static void FoldRows<TOp>(TOp op, float* rows, long count, long columns) where TOp : struct, IReduction
    {
        for (long gap = 1; gap < count; gap *= 2)
            for (long i = 0; i + gap < count; i += 2 * gap)
            {
                float* a = rows + (i * columns), b = rows + ((i + gap) * columns);
                for (long j = 0; j < columns; j++) Store(a + j, op.Combine(Load<Vec1>(a + j), Load<Vec1>(b + j)));
            }
    }
}
