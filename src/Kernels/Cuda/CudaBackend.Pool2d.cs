using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>Pools of images that lie N, H, W, C. Sums and shares are added up in the CPU's order, so the results are the CPU's bits.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void MaxPool2d(View x, View y, View? indices, Window2d window)
    {
        if (y.Count == 0) return;
        ExpectFloat("max_pool2d", x, y);
        if (indices is null && TryDnnPool(CudnnPoolingMode.Max, x, y, window)) return;
        LargestOf(x, y, indices, window);
    }

    public override void MaxPool2d16(View x, View y, View? indices, Window2d window)
    {
        if (y.Count == 0) return;
        if (KnowsHalves(x, y)) LargestOf(x, y, indices, window);
        else base.MaxPool2d16(x, y, indices, window);
    }

    public override void MaxPool2dBackward(View gy, View indices, View gx, Window2d window)
    {
        if (gx.Count == 0) return;
        ExpectFloat("max_pool2d_backward", gy, gx);
        ToLargest(gy, indices, gx, window);
    }

    public override void MaxPool2d16Backward(View gy, View indices, View gx, Window2d window)
    {
        if (gx.Count == 0) return;
        if (KnowsHalves(gy, gx)) ToLargest(gy, indices, gx, window);
        else base.MaxPool2d16Backward(gy, indices, gx, window);
    }

    public override void AvgPool2d(View x, View y, Window2d window, bool countPadding)
    {
        if (y.Count == 0) return;
        ExpectFloat("avg_pool2d", x, y);
        if (!TryDnnPool(AverageOf(countPadding), x, y, window)) MeansOf(x, y, window, countPadding);
    }

    public override void AvgPool2d16(View x, View y, Window2d window, bool countPadding)
    {
        if (y.Count == 0) return;
        if (KnowsHalves(x, y)) MeansOf(x, y, window, countPadding);
        else base.AvgPool2d16(x, y, window, countPadding);
    }

    public override void AvgPool2dBackward(View gy, View gx, Window2d window, bool countPadding)
    {
        if (gx.Count == 0) return;
        ExpectFloat("avg_pool2d_backward", gy, gx);
        if (!TryDnnAveragePoolBackward(gy, gx, window, countPadding)) Shares(gy, gx, window, countPadding);
    }

    public override void AvgPool2d16Backward(View gy, View gx, Window2d window, bool countPadding)
    {
        if (gx.Count == 0) return;
        if (KnowsHalves(gy, gx)) Shares(gy, gx, window, countPadding);
        else base.AvgPool2d16Backward(gy, gx, window, countPadding);
    }

    // The four kernels, of images of any two types of floats.
    void LargestOf(View x, View y, View? indices, Window2d window)
    {
        var rows = RowsOf(y.Shape[1], y, x, indices);
        var shape = new PoolShape(rows, x.Shape, y.Shape, window, countPadding: false);
        Launch(HalfText.File("maxpool2d.ptx", y.DType, x.DType), rows.Entry("max_pool2d"), rows.Grid, rows.Block, [y, x, indices, KernelArgument.Struct(ref shape)]);
    }

    void ToLargest(View gy, View indices, View gx, Window2d window)
    {
        var rows = RowsOf(gx.Shape[1], gx, gy, indices);
        var shape = new PoolShape(rows, gx.Shape, gy.Shape, window, countPadding: false);
        Launch(HalfText.File("maxpool2d.ptx", gx.DType, gy.DType), rows.Entry("max_pool2d_backward"), rows.Grid, rows.Block, [gx, gy, indices, KernelArgument.Struct(ref shape)]);
    }

    void MeansOf(View x, View y, Window2d window, bool countPadding)
    {
        var rows = RowsOf(y.Shape[1], y, x);
        var shape = new PoolShape(rows, x.Shape, y.Shape, window, countPadding);
        Launch(HalfText.File("avgpool2d.ptx", y.DType, x.DType), rows.Entry("avg_pool2d"), rows.Grid, rows.Block, [y, x, KernelArgument.Struct(ref shape)]);
    }

    void Shares(View gy, View gx, Window2d window, bool countPadding)
    {
        var rows = RowsOf(gx.Shape[1], gx, gy);
        var shape = new PoolShape(rows, gx.Shape, gy.Shape, window, countPadding);
        Launch(HalfText.File("avgpool2d_backward.ptx", gx.DType, gy.DType), rows.Entry("avg_pool2d_backward"), rows.Grid, rows.Block, [gx, gy, KernelArgument.Struct(ref shape)]);
    }

    /// <summary>A pool as its kernels see it: 18 numbers, described in <c>maxpool2d.ptx</c> and <c>avgpool2d.ptx</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    readonly struct PoolShape
    {
        readonly int rows, channels, height, width, outH, outW, sizeH, sizeW, strideH, strideW, top, left, dilationH, dilationW, lowH, highH, lowW, highW;

        /// <param name="rows">The pixels of the result.</param>
        /// <param name="x">Shape of the image.</param>
        /// <param name="y">Shape of the pooled image.</param>
        /// <param name="p">The window.</param>
        /// <param name="countPadding">Whether taps on the padding count in a mean.</param>
        public PoolShape(ChannelGrid rows, Shape x, Shape y, Window2d p, bool countPadding)
        {
            checked
            {
                _ = x[0] * x[2] * x[3]; // kernels count pixels in 32 bits
            }
            (this.rows, channels, height, width, outH, outW) = (rows.Rows, rows.C, x[2], x[3], y[2], y[3]);
            (sizeH, sizeW, strideH, strideW, top, left, dilationH, dilationW) = (p.R, p.S, p.StrideH, p.StrideW, p.Top, p.Left, p.DilationH, p.DilationW);
            // Beyond the stated padding lies what a window of the ceiling mode covers: it never counts.
            (lowH, highH, lowW, highW) = countPadding ? (-p.Top, x[2] + p.Bottom, -p.Left, x[3] + p.Right) : (0, x[2], 0, x[3]);
        }
    }
}
