using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Tessera.Cpu.Pieces;

namespace Tessera.Cpu;

/// <content>Columns of many rows: a processor reads four places of memory side by side faster than one.</content>
internal static unsafe partial class Reducer
{
    /// <summary>Rows from which on <see cref="Bands{TOp}"/> is worth it.</summary>
    public const int LeastBands = 1024;

    /// <summary>
    /// y[j] ← combine(y[j], map(x[i, j])) over all rows i, cut into four bands whose results are combined by pairs; the up to three rows that are left over follow. At the
    /// widest vectors the processor has.
    /// </summary>
    public static void Bands<TOp>(TOp op, float* x, long rows, nint rowStep, int columns, float* y) where TOp : struct, IReduction
    {
        long band = rows / 4;
        if (Vector512.IsHardwareAccelerated) Bands<TOp, Vec16>(op, x, band, rowStep, columns, y);
        else if (Vector256.IsHardwareAccelerated) Bands<TOp, Vec8>(op, x, band, rowStep, columns, y);
        else Bands<TOp, Vec1>(op, x, band, rowStep, columns, y);
        if (rows % 4 != 0) Columns(op, (float*)((nint)x + (nint)(4 * band) * rowStep), rows % 4, rowStep, columns, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Bands<TOp, V>(TOp op, float* x, long band, nint rowStep, int columns, float* y) where TOp : struct, IReduction where V : struct, IVec<V>
    {
        int w = V.Lanes, j = 0;
        nint next = (nint)band * rowStep;
        for (; j <= columns - (4 * w); j += 4 * w)
        {
            nint p = (nint)(x + j);
            V a0 = Load<V>(y + j), b0 = Load<V>(y + j + w), c0 = Load<V>(y + j + (2 * w)), d0 = Load<V>(y + j + (3 * w)), none = V.Create(TOp.Identity);
            V a1 = none, b1 = none, c1 = none, d1 = none, a2 = none, b2 = none, c2 = none, d2 = none, a3 = none, b3 = none, c3 = none, d3 = none;
            for (long i = 0; i < band; i++, p += rowStep)
            {
                Take(op, (float*)p, w, ref a0, ref b0, ref c0, ref d0);
                Take(op, (float*)(p + next), w, ref a1, ref b1, ref c1, ref d1);
                Take(op, (float*)(p + (2 * next)), w, ref a2, ref b2, ref c2, ref d2);
                Take(op, (float*)(p + (3 * next)), w, ref a3, ref b3, ref c3, ref d3);
            }
            Store(y + j, op.Combine(op.Combine(a0, a1), op.Combine(a2, a3)));
            Store(y + j + w, op.Combine(op.Combine(b0, b1), op.Combine(b2, b3)));
            Store(y + j + (2 * w), op.Combine(op.Combine(c0, c1), op.Combine(c2, c3)));
            Store(y + j + (3 * w), op.Combine(op.Combine(d0, d1), op.Combine(d2, d3)));
        }
        for (; j <= columns - w; j += w) BandsOfColumn<TOp, V>(op, (nint)(x + j), band, rowStep, y + j);
        for (; j < columns; j++) BandsOfColumn<TOp, Vec1>(op, (nint)(x + j), band, rowStep, y + j);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Take<TOp, V>(TOp op, float* p, int w, ref V a, ref V b, ref V c, ref V d) where TOp : struct, IReduction where V : struct, IVec<V>
    {
        a = op.Combine(a, op.Map(Load<V>(p)));
        b = op.Combine(b, op.Map(Load<V>(p + w)));
        c = op.Combine(c, op.Map(Load<V>(p + (2 * w))));
        d = op.Combine(d, op.Map(Load<V>(p + (3 * w))));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void BandsOfColumn<TOp, V>(TOp op, nint x, long band, nint rowStep, float* y) where TOp : struct, IReduction where V : struct, IVec<V>
    {
        V a = Load<V>(y), b = V.Create(TOp.Identity), c = b, d = b;
        nint next = (nint)band * rowStep;
        for (long i = 0; i < band; i++, x += rowStep)
        {
            a = op.Combine(a, op.Map(Load<V>((float*)x)));
            b = op.Combine(b, op.Map(Load<V>((float*)(x + next))));
            c = op.Combine(c, op.Map(Load<V>((float*)(x + (2 * next)))));
            d = op.Combine(d, op.Map(Load<V>((float*)(x + (3 * next)))));
        }
        Store(y, op.Combine(op.Combine(a, b), op.Combine(c, d)));
    }
}
