namespace Tessera;

/// <summary>What a sampling position outside the plane means.</summary>
public enum GridPadding
{
    /// <summary>The value there is 0.</summary>
    Zeros,

    /// <summary>The nearest edge.</summary>
    Border,

    /// <summary>The mirror image at the edge.</summary>
    Reflection,
}

public sealed partial class Tensor
{
    /// <summary>
    /// x <c>[N, C, H, W]</c> sampled at the positions of a grid <c>[N, h, w, 2]</c> of (x, y) in [-1, 1]: <c>[N, C, h, w]</c>; bilinear, or
    /// the nearest element.
    /// </summary>
    /// <param name="grid">Positions; -1 and 1 are the outer edges of the plane, or the centres of its corner elements where <paramref name="alignCorners"/>.</param>
    /// <param name="bilinear">Interpolate between the four neighbours; else take the nearest (ties to even).</param>
    /// <param name="padding">What lies outside.</param>
    /// <param name="alignCorners">What -1 and 1 mean.</param>
    public Tensor GridSample(Tensor grid, bool bilinear = true, GridPadding padding = GridPadding.Zeros, bool alignCorners = false)
    {
        ArgumentNullException.ThrowIfNull(grid);
        if (Rank != 4 || grid.Rank != 4 || grid.Shape[3] != 2 || grid.Shape[0] != Shape[0] || Shape[2] < 1 || Shape[3] < 1)
            throw new ShapeException($"GridSample: got x {Shape} and grid {grid.Shape}, expected [N, C, H, W] and [N, h, w, 2].");
        if ((long)Shape[2] * Shape[3] > 1 << 24)
            throw new ShapeException($"GridSample: plane too large: got {Shape[2]} x {Shape[3]}, expected at most 2^24 elements, which float32 can number. Hint: sample tiles of it.");
        int h = grid.Shape[1], w = grid.Shape[2];
        var x = Position(grid.Select(3, 0).Reshape(Shape[0], h * w, 1), Shape[3], padding, alignCorners);
        var y = Position(grid.Select(3, 1).Reshape(Shape[0], h * w, 1), Shape[2], padding, alignCorners);
        var source = Rows();
        if (!bilinear) return FromRows(source.Corner(x.Round(), y.Round(), Shape[2], Shape[3]), h, w);

        var (x0, y0) = (x.Floor(), y.Floor());
        var (dx, dy) = (x - x0, y - y0);
        var sum = (source.Corner(x0, y0, Shape[2], Shape[3]) * (1 - dx) * (1 - dy))
            + (source.Corner(x0 + 1, y0, Shape[2], Shape[3]) * dx * (1 - dy))
            + (source.Corner(x0, y0 + 1, Shape[2], Shape[3]) * (1 - dx) * dy)
            + (source.Corner(x0 + 1, y0 + 1, Shape[2], Shape[3]) * dx * dy);
        return FromRows(sum, h, w);
    }

    /// <summary>
    /// The sampling grid <c>[N, H, W, 2]</c> of the affine maps θ <c>[N, 2, 3]</c> for a result of shape [N, C, H, W]: position (x, y) takes
    /// from θ·(x, y, 1).
    /// </summary>
    public static Tensor AffineGrid(Tensor theta, Shape size, bool alignCorners = false)
    {
        ArgumentNullException.ThrowIfNull(theta);
        if (theta.Rank != 3 || theta.Shape[1] != 2 || theta.Shape[2] != 3 || size.Rank != 4 || size[0] != theta.Shape[0])
            throw new ShapeException($"AffineGrid: got θ {theta.Shape} and size {size}, expected [N, 2, 3] and [N, C, H, W].");
        int h = size[2], w = size[3];
        float[] points = new float[h * w * 3];
        for (int i = 0; i < h * w; i++)
        {
            points[3 * i] = Coordinate(i % w, w, alignCorners);
            points[(3 * i) + 1] = Coordinate(i / w, h, alignCorners);
            points[(3 * i) + 2] = 1;
        }
        return From(points, [h * w, 3], theta.Device).MatMul(theta.Transpose()).Reshape(size[0], h, w, 2);
    }

    /// <summary>Element i of n in [-1, 1].</summary>
    static float Coordinate(int i, int n, bool alignCorners)
        => alignCorners ? (n > 1 ? (2f * i / (n - 1)) - 1 : 0) : ((2f * i) + 1) / n - 1;

    /// <summary>Coordinates in [-1, 1] as positions in 0..n-1, moved inside as the padding says.</summary>
    static Tensor Position(Tensor g, int n, GridPadding padding, bool alignCorners)
    {
        var x = alignCorners ? (g + 1) * ((n - 1) / 2f) : (((g + 1) * n) - 1) * 0.5f;
        if (padding == GridPadding.Reflection)
        {
            // Distance from the lower edge, folded at multiples of the span: |((d + s) mod 2s) - s| counts from the other end.
            float low = alignCorners ? 0 : -0.5f, span = alignCorners ? n - 1 : n;
            x = span == 0 ? x * 0 : (span - ((x - low).Abs().Remainder(Scalar(2 * span, g.Device)) - span).Abs()) + low;
        }
        return padding == GridPadding.Zeros ? x : x.HardTanh(0, n - 1);
    }

    /// <summary>Rows of this <c>[N, H·W, C]</c> at whole positions <c>[N, n, 1]</c>; 0 outside the plane.</summary>
    Tensor Corner(Tensor x, Tensor y, int h, int w)
    {
        var (cx, cy) = (x.Detach().Clamp(0, w - 1), y.Detach().Clamp(0, h - 1));
        var at = ((cy * w) + cx).To(DType.Int64);
        var inside = x.Equal(cx).LogicalAnd(y.Equal(cy)).To(DType.Float32);
        return Gather(1, at.Expand([at.Shape[0], at.Shape[1], Shape[2]])) * inside;
    }
}
