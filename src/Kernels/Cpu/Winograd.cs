using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>One matrix of a Winograd algorithm, applied to <c>From</c> vectors.</summary>
internal unsafe interface ITileTransform
{
    /// <summary>Columns of the matrix.</summary>
    static abstract int From { get; }

    /// <summary>Rows of the matrix.</summary>
    static abstract int To { get; }

    /// <summary>The vectors at o, o + os, ... ← matrix · (those at d, d + ds, ...).</summary>
    static abstract void Apply<V>(float* d, nint ds, float* o, nint os) where V : unmanaged, IVec<V>;
}

/// <summary>
/// Winograd's F(m x m, 3x3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
/// for a tile d of m + 2 by m + 2 pixels, a 3x3 kernel g and a tile y of m x m results, with m of 4 (<see cref="Four"/>) or 2 (<see cref="Two"/>). The gradients
/// use the transposed matrices.
/// </summary>
internal static unsafe partial class Winograd
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Get<V>(float* p) where V : unmanaged, IVec<V> => Lanes.Load<V>(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put<V>(float* p, V x) where V : unmanaged, IVec<V> => Lanes.Store(p, x);

    /// <summary>Bᵀ d B for tiles of <paramref name="tile"/> x <paramref name="tile"/> results; see <see cref="Transform{T}"/>.</summary>
    public static void Input(int tile, int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol)
    {
        if (tile == 4) Transform<Four.Input>(channels, from, row, col, to, toRow, toCol);
        else Transform<Two.Input>(channels, from, row, col, to, toRow, toCol);
    }

    /// <summary>G g Gᵀ.</summary>
    public static void Weight(int tile, int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol)
    {
        if (tile == 4) Transform<Four.Weight>(channels, from, row, col, to, toRow, toCol);
        else Transform<Two.Weight>(channels, from, row, col, to, toRow, toCol);
    }

    /// <summary>Aᵀ m A.</summary>
    public static void Output(int tile, int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol)
    {
        if (tile == 4) Transform<Four.Output>(channels, from, row, col, to, toRow, toCol);
        else Transform<Two.Output>(channels, from, row, col, to, toRow, toCol);
    }

    /// <summary>
    /// The two-dimensional transform of <paramref name="channels"/> adjacent channels: the matrix on every column, then on every row. Element (i, j)
    /// begins <c>i·row + j·col</c> floats from the first.
    /// </summary>
    public static void Transform<T>(int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol) where T : struct, ITileTransform
    {
        if (channels >= 16 && GemmKernel.Lanes == 16) Transform<T, Vec16>(channels, from, row, col, to, toRow, toCol);
        else if (channels >= 8 && GemmKernel.Lanes == 8) Transform<T, Vec8>(channels, from, row, col, to, toRow, toCol);
        else Transform<T, Vec1>(channels, from, row, col, to, toRow, toCol);
    }

    // The last vector may overlap the one before it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    static void Transform<T, V>(int channels, float* from, nint row, nint col, float* to, nint toRow, nint toCol) where T : struct, ITileTransform where V : unmanaged, IVec<V>
    {
        float* room = stackalloc float[(36 * V.Lanes) + 16], work = (float*)(((nint)room + 63) & ~63);
        for (int c = 0; c < channels; c += V.Lanes)
        {
            int at = Math.Min(c, channels - V.Lanes);
            float* p = from + at, q = work, o = to + at;
            for (int j = 0; j < T.From; j++, p += col, q += V.Lanes) T.Apply<V>(p, row, q, T.From * V.Lanes);
            q = work;
            for (int i = 0; i < T.To; i++, q += T.From * V.Lanes, o += toRow) T.Apply<V>(q, V.Lanes, o, toCol);
        }
    }
}
