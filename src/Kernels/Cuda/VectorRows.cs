using System.Runtime.InteropServices;
using Tessera.Cpu;

namespace Tessera.Cuda;

/// <summary>
/// A loop nest of up to three dimensions whose rows are accessed a few elements at a time: what a kernel needs to know of it, with the divisions prepared.
/// Passed to the kernels as it lies here.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct VectorRows
{
    const int Width = 16;

    readonly nint y, a, b;
    readonly int count, inner, middle;
    readonly FastDivision byInner, byMiddle;
    readonly int yQuad, aQuad, bQuad, yRow, aRow, bRow, yPlane, aPlane, bPlane; // bytes

    VectorRows(in Nest nest, int views, int elements)
    {
        (y, a, b) = (nest.Start(0), nest.Start(1), views > 2 ? nest.Start(2) : 0);
        (count, inner, middle) = ((int)(nest.Count / elements), (int)(nest.Inner / elements), nest.Rank > 1 ? (int)nest.Size(1) : 1);
        (byInner, byMiddle) = (new(inner), new(middle));
        (yQuad, aQuad, bQuad) = ((int)nest.Step(0, 0) * elements, (int)nest.Step(1, 0) * elements, (int)nest.Step(2, 0) * elements);
        if (nest.Rank > 1) (yRow, aRow, bRow) = ((int)nest.Step(0, 1), (int)nest.Step(1, 1), (int)nest.Step(2, 1));
        if (nest.Rank > 2) (yPlane, aPlane, bPlane) = ((int)nest.Step(0, 2), (int)nest.Step(1, 2), (int)nest.Step(2, 2));
    }

    /// <summary>Number of accesses of each operand.</summary>
    public long Count => count;

    /// <summary>
    /// The rows of a nest over elements of <paramref name="size"/> bytes, accessed by 16, where it has such rows: dense and aligned, or, of what is only read,
    /// one element that is repeated.
    /// </summary>
    public static bool TryOf(in Nest nest, int views, int size, bool repeats, out VectorRows rows)
    {
        Span<int> sizes = stackalloc int[views];
        sizes.Fill(size);
        return TryOf(nest, sizes, Width / size, repeats, out rows);
    }

    /// <summary>The same for views with elements of different <paramref name="sizes"/>, accessed <paramref name="elements"/> at a time.</summary>
    public static bool TryOf(in Nest nest, ReadOnlySpan<int> sizes, int elements, bool repeats, out VectorRows rows)
    {
        rows = default;
        if (nest.Rank > 3 || nest.Inner % elements != 0) return false;
        for (int k = 0; k < sizes.Length; k++)
            if (!IsVector(nest, k, sizes[k], elements) && !(repeats && k > 0 && nest.Step(k, 0) == 0 && AreSteps(nest, k, 1))) return false;
        rows = new VectorRows(nest, sizes.Length, elements);
        return true;
    }

    static bool IsVector(in Nest nest, int view, int size, int elements)
        => nest.Step(view, 0) == size && nest.Start(view) % (size * elements) == 0 && AreSteps(nest, view, size * elements);

    /// <summary>True where the steps from row to row and plane to plane are multiples of <paramref name="unit"/> that 32 bits hold.</summary>
    static bool AreSteps(in Nest nest, int view, int unit)
    {
        for (int d = 1; d < nest.Rank; d++)
            if (nest.Step(view, d) % unit != 0 || nest.Step(view, d) != (int)nest.Step(view, d)) return false;
        return true;
    }
}
