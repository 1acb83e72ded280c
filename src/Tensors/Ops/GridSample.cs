namespace Tessera;

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
        RequireFloat("GridSample");
        grid.RequireFloat("GridSample");
        return new GridSampleOp(new GridSampling(padding, bilinear, alignCorners)).Apply(this, grid);
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
        if (theta.Is16Bit) theta = theta.To(DType.Float32);
        using var exact = Autocast.To(DType.Float32);
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

    sealed class GridSampleOp(GridSampling how) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("how", how));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var y = Empty([x[0].Shape[0], x[0].Shape[1], x[1].Shape[1], x[1].Shape[2]], DType.Float32, x[0].Device);
            y.Backend.GridSample(x[0].Contiguous().View, x[1].View, y.View, how);
            return y;
        }

        protected override bool Saves(int i) => i == 1 || Needs(1);

        protected override Tensor? Gradient(int i, Tensor g) => throw new NotSupportedException();

        // Each position's g goes to its neighbours by their weights, and to the position by the slope between them.
        protected override void Gradients(Tensor g, Tensor?[] grads)
        {
            for (int i = 0; i < 2; i++)
                if (Needs(i)) grads[i] = Empty(InputShape(i), DType.Float32, g.Device);
            g.Backend.GridSampleBackward(g.Contiguous().View, Needs(1) ? Input(0).Contiguous().View : null, Input(1).View, grads[0]?.View, grads[1]?.View, how);
        }
    }
}
