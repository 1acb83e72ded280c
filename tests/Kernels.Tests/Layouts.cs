namespace Tessera.Tests;

/// <summary>Layouts of a shape that kernels must take.</summary>
internal static class Layouts
{
    /// <summary>Names for <see cref="Named"/>.</summary>
    public static readonly string[] Names = ["dense", "rows", "padded", "reversed", "transposed"];

    /// <summary>
    /// dense: the canonical layout; rows: row-major at every rank; padded: gaps between and within rows; reversed: every step negative;
    /// transposed: the first dimension is the adjacent one.
    /// </summary>
    public static Layout Named(string name, Shape shape)
    {
        int[] axes = [.. Enumerable.Range(0, shape.Rank)];
        return name switch
        {
            "dense" => Layout.Dense(shape),
            "rows" => Layout.RowMajor(shape),
            "padded" => Strided(shape, axes, 3, 2),
            "reversed" => axes.Aggregate(Strided(shape, axes, 1, 0), (l, d) => l.Slice(d, Math.Max(0, shape[d] - 1), shape[d], -1)),
            "transposed" => Strided(shape, [.. axes.Reverse()], 1, 0),
            _ => throw new ArgumentException(name, nameof(name)),
        };
    }

    static Layout Strided(Shape shape, int[] order, long step, int gap)
    {
        long[] strides = new long[shape.Rank];
        foreach (int d in order.Reverse())
        {
            strides[d] = step;
            step *= Math.Max(1, shape[d]) + gap;
        }
        return new Layout(shape, strides, offset: 5);
    }
}
