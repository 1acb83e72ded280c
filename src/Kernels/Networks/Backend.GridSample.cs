using System.Runtime.InteropServices;

namespace Tessera;

// The composed versions look at the grid on the host, and gather and scatter a table of the four neighbours of every position: [N, h·w·4, C].
public abstract partial class Backend
{
    /// <summary>y [N, C, h, w] ← x [N, C, H, W] at the positions of grid [N, h, w, 2], (x, y) in [-1, 1]. x and y dense; a NaN among the positions gives NaN.</summary>
    public virtual void GridSample(View x, View grid, View y, GridSampling how)
    {
        if (y.Count == 0) return;
        using var table = new CornerTable(this, x, grid, how);
        using var values = table.Values(this, x);
        Binary(new Ops.Mul(), values.View, table.Weights.View.BroadcastTo(values.View.Shape), values.View);
        table.Clear(this, values.View);
        Reduce(new Ops.Sum(), table.ByPosition(values.View), Rows(y, window: true));
    }

    /// <summary>
    /// The gradient of <see cref="GridSample"/>: gx (dense), summed in the order of the positions, and ggrid, where they are given. x is read for ggrid alone.
    /// </summary>
    public virtual void GridSampleBackward(View gy, View? x, View grid, View? gx, View? ggrid, GridSampling how)
    {
        if (gx is { } zero) Fill(zero, 0);
        if (ggrid is { } none) Fill(none, 0);
        if (gy.Count == 0 || (gx ?? x) is not { } plane) return;
        using var table = new CornerTable(this, plane, grid, how);
        if (gx is { } image)
        {
            using var shares = new Temporary(gy.Storage.Device, Layout.RowMajor(table.Shape));
            View each = table.ByPosition(shares.View);
            Binary(new Ops.Mul(), Rows(gy, window: true).BroadcastTo(each.Shape), table.ByPosition(table.Weights.View).BroadcastTo(each.Shape), each);
            table.Clear(this, shares.View);
            ScatterAdd(Rows(image, window: false), table.Index.View.BroadcastTo(table.Shape), shares.View, 1);
        }
        if (ggrid is { } positions && how.Bilinear)
        {
            using var values = table.Values(this, x!.Value);
            View each = table.ByPosition(values.View);
            Binary(new Ops.Mul(), each, Rows(gy, window: true).BroadcastTo(each.Shape), each);
            table.Clear(this, values.View);
            using var sums = new Temporary(gy.Storage.Device, Layout.RowMajor(table.Shape.With(2, 1)));
            Reduce(new Ops.Sum(), values.View, sums.View);
            table.Gradient(this, sums.View, positions);
        }
    }

    /// <summary>The neighbours of every position on the device: pixels, weights, and which are inside, each [N, h·w·4, 1].</summary>
    sealed class CornerTable : IDisposable
    {
        readonly GridCorners[] corners;
        readonly Temporary inside, zero;

        public CornerTable(Backend device, View x, View grid, GridSampling how)
        {
            Shape s = grid.Shape;
            int n = s[0], h = x.Shape[2], w = x.Shape[3];
            using var dense = new Temporary(x.Storage.Device, Layout.RowMajor(s));
            device.Copy(grid, dense.View);
            float[] at = new float[s.Count];
            device.Download(dense.View.Storage, MemoryMarshal.AsBytes(at.AsSpan()));
            var (axisX, axisY) = (new GridAxis(w, how), new GridAxis(h, how));
            corners = [.. Enumerable.Range(0, at.Length / 2).Select(i => new GridCorners(at[2 * i], at[(2 * i) + 1], axisX, axisY, h, w, how.Bilinear))];
            (long Pixel, float Weight)[] all = [.. corners.SelectMany(c => Enumerable.Range(0, 4).Select(k => c[k]))];
            Shape = [n, all.Length / n, x.Shape[1]];
            Index = Sent(device, x, DType.Int64, [.. all.Select(c => Math.Max(0, c.Pixel))]);
            Weights = Sent(device, x, DType.Float32, [.. all.Select(c => c.Weight)]);
            inside = Sent(device, x, DType.Bool, [.. all.Select(c => c.Pixel >= 0)]);
            zero = new Temporary(x.Storage.Device, Layout.RowMajor([1, 1, 1]));
            device.Fill(zero.View, 0);
        }

        /// <summary>[N, h·w·4, C].</summary>
        public Shape Shape { get; }

        public Temporary Index { get; }

        public Temporary Weights { get; }

        /// <summary>x at the neighbours.</summary>
        public Temporary Values(Backend device, View x)
        {
            var values = new Temporary(x.Storage.Device, Layout.RowMajor(Shape));
            device.Gather(Rows(x, window: false), Index.View.BroadcastTo(Shape), values.View, 1);
            return values;
        }

        /// <summary>0 where a neighbour is outside.</summary>
        public void Clear(Backend device, View values)
            => device.Where(inside.View.BroadcastTo(Shape), values, zero.View.BroadcastTo(Shape), values);

        /// <summary>[N, h·w·4, c] as [N, h·w, 4, c], the strides as they are.</summary>
        public View ByPosition(View v)
        {
            int n = Shape[0], positions = Shape[1] / 4, c = v.Shape[2];
            return v.As(new Layout([n, positions, 4, c], [4L * positions * c, 4 * c, c, 1], v.Layout.Offset));
        }

        /// <summary>ggrid from the sums of the products with the neighbours.</summary>
        public void Gradient(Backend device, View sums, View ggrid)
        {
            float[] d = new float[sums.Count], g = new float[ggrid.Count];
            device.Download(sums.Storage, MemoryMarshal.AsBytes(d.AsSpan()));
            for (int i = 0; i < corners.Length; i++) (g[2 * i], g[(2 * i) + 1]) = corners[i].Gradient(d[4 * i], d[(4 * i) + 1], d[(4 * i) + 2], d[(4 * i) + 3]);
            using var dense = new Temporary(ggrid.Storage.Device, Layout.RowMajor(ggrid.Shape));
            device.Upload(MemoryMarshal.AsBytes(g.AsSpan()), dense.View.Storage);
            device.Copy(dense.View, ggrid);
        }

        public void Dispose()
        {
            Index.Dispose();
            Weights.Dispose();
            inside.Dispose();
            zero.Dispose();
        }

        Temporary Sent<T>(Backend device, View x, DType type, T[] values) where T : unmanaged
        {
            var sent = new Temporary(x.Storage.Device, Layout.RowMajor(Shape.With(2, 1)), type);
            device.Upload(MemoryMarshal.AsBytes(values.AsSpan()), sent.View.Storage);
            return sent;
        }
    }
}
