using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>
/// Sampling at the positions of a grid. One kernel finds every position's neighbours; y and gx are the CPU's bits, since their sums run in the same order.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    const string GridFile = "gridsample.ptx", GridBackwardFile = "gridsample_backward.ptx";

    public override void GridSample(View x, View grid, View y, GridSampling how)
    {
        if (y.Count == 0) return;
        ExpectFloat("grid_sample", x, grid, y);
        using var corners = new GridTable(this, x, grid, how, slopes: false);
        var rows = RowsOf(y.Shape[1], y, x);
        var sizes = new GridSizes(x.Shape, grid.Shape, how);
        Launch(GridFile, rows.Entry("grid_sample"), rows.Grid, rows.Block, [y, x, corners.First.View, corners.Fraction.View, KernelArgument.Struct(ref sizes)]);
    }

    public override void GridSampleBackward(View gy, View? x, View grid, View? gx, View? ggrid, GridSampling how)
    {
        if (gx is { } zero) Fill(zero, 0);
        bool slopes = how.Bilinear && ggrid is not null;
        if (ggrid is { } none && (!how.Bilinear || gy.Count == 0)) Fill(none, 0);
        if (gy.Count == 0 || (gx ?? x) is not { } plane) return;
        ExpectFloat("grid_sample_backward", gy, plane, grid);
        using var corners = new GridTable(this, plane, grid, how, slopes);
        var sizes = new GridSizes(plane.Shape, grid.Shape, how);
        if (gx is { } image) Spread(gy, image, corners, sizes);
        if (!slopes) return;
        ExpectFloat("grid_sample_backward", ggrid!.Value, x!.Value);
        using var dense = new Temporary(gy.Storage.Device, Layout.RowMajor(grid.Shape));
        Launch(GridBackwardFile, "grid_slopes", Blocks(gy.Count / gy.Shape[1] * 32, BlockSize), BlockSize,
            [dense.View, gy, x.Value, corners.First.View, corners.Fraction.View, corners.Slope.View, KernelArgument.Struct(ref sizes)]);
        Copy(dense.View, ggrid.Value);
    }

    /// <summary>gx += each position's shares of gy, in the order of the positions.</summary>
    void Spread(View gy, View gx, GridTable corners, GridSizes sizes)
    {
        Shape s = gy.Shape, shares = [s[0], s[2] * s[3] * 4, s[1]];
        using var share = new Temporary(gy.Storage.Device, Layout.RowMajor(shares));
        using var index = new Temporary(gy.Storage.Device, Layout.RowMajor(shares.With(2, 1)), DType.Int64);
        var rows = new ChannelGrid(s[1], gy.Count / s[1], vectors: false);
        Launch(GridBackwardFile, "grid_spread", rows.Grid, rows.Block, [share.View, index.View, gy, corners.First.View, corners.Fraction.View, KernelArgument.Struct(ref sizes)]);
        ScatterAdd(Rows(gx, window: false), index.View.BroadcastTo(shares), share.View, 1);
    }

    /// <summary>Numbers of every position: first neighbour, fraction, and where they are wanted, the slopes.</summary>
    sealed class GridTable : IDisposable
    {
        public readonly Temporary First, Fraction, Slope;

        public GridTable(CudaBackend device, View x, View grid, GridSampling how, bool slopes)
        {
            var layout = Layout.RowMajor([checked((int)grid.Count)]);
            First = new Temporary(x.Storage.Device, layout, DType.Int32);
            Fraction = new Temporary(x.Storage.Device, layout);
            Slope = new Temporary(x.Storage.Device, slopes ? layout : Layout.RowMajor([1]));
            var axes = new GridAxes(grid, x.Shape, how);
            View? slope = slopes ? Slope.View : null;
            device.Launch(GridFile, "grid_corners", device.BlocksFor(grid.Count), BlockSize, [grid, First.View, Fraction.View, slope, KernelArgument.Struct(ref axes)]);
        }

        public void Dispose()
        {
            First.Dispose();
            Fraction.Dispose();
            Slope.Dispose();
        }
    }

    /// <summary>The grid and both axes as <c>grid_corners</c> sees them, described there.</summary>
    [StructLayout(LayoutKind.Sequential)]
    readonly struct GridAxes
    {
        readonly long stepN, stepI, stepJ, stepXY;
        readonly Axis x, y;
        readonly int coordinates, h, w, flags;

        public GridAxes(View grid, Shape plane, GridSampling how)
        {
            var steps = grid.Layout.Strides;
            (stepN, stepI, stepJ, stepXY) = (steps[0] * sizeof(float), steps[1] * sizeof(float), steps[2] * sizeof(float), steps[3] * sizeof(float));
            (x, y) = (new Axis(new GridAxis(plane[3], how)), new Axis(new GridAxis(plane[2], how)));
            (coordinates, h, w) = (checked((int)grid.Count), grid.Shape[1], grid.Shape[2]);
            flags = (how.Padding == GridPadding.Reflection ? 1 : 0) | (how.Bilinear ? 0 : 2) | (how.Padding == GridPadding.Zeros ? 0 : 4);
        }

        [StructLayout(LayoutKind.Sequential)]
        readonly struct Axis(GridAxis a)
        {
            readonly double scale = a.Scale, shift = a.Shift, low = a.Low, span = a.Span, min = a.Min, max = a.Max;
        }
    }

    /// <summary>Sizes as the other kernels see them: 6 numbers, described in <c>gridsample.ptx</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    readonly struct GridSizes
    {
        readonly int positions, channels, height, width, image, nearest;

        public GridSizes(Shape x, Shape grid, GridSampling how)
        {
            checked
            {
                _ = x[0] * x[2] * x[3]; // kernels count pixels in 32 bits
                image = grid[1] * grid[2];
                positions = grid[0] * image;
            }
            (channels, height, width, nearest) = (x[1], x[2], x[3], how.Bilinear ? 0 : 1);
        }
    }
}
