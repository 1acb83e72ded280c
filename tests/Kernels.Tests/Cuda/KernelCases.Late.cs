using Tessera.Cuda;

namespace Tessera.Tests;

/// <content>Tensors that begin at no multiple of 16 bytes and end with their memory: no kernel may read them by vectors, or to the end of one.</content>
internal static partial class KernelCases
{
    static Dictionary<string, KernelCase> Late() => new()
    {
        ["late: maps and lines"] = new("unary_strided binary_strided reduce_rows reduce_columns", b =>
        {
            View x = b.Late(3, 7, 11, 5), z = b.Late(3, 7, 11, 5);
            b.Gpu.Unary(new Ops.Exp(), x, z);
            b.Gpu.Binary(new Ops.Mul(), x, z, z);
            b.Gpu.Copy(x, b.Empty([3, 7, 11, 5], DType.BFloat16));
            b.Gpu.Fill(z, 1);
            b.Gpu.Uniform(z, new Philox(1));
            b.Gpu.Normal(z, new Philox(1));
            foreach (Shape s in (Shape[])[[1, 1, 1, 1], [1, 7, 1, 1], [3, 1, 11, 5], [3, 7, 11, 1]]) b.Gpu.Reduce(new Ops.Sum(), x, b.Late(s.ToArray()));
            foreach (var (rows, columns) in ((int, int)[])[(9, 130), (2, 1501), (1, 4102), (301, 33)])
            {
                View line = b.Late(rows, columns), result = b.Late(rows, columns);
                for (int dim = 0; dim < 2; dim++)
                {
                    b.Gpu.Reduce(new Ops.Max(), line, b.Late(new Shape(rows, columns).With(dim, 1).ToArray()));
                    b.Gpu.ArgReduce(line, b.Empty(line.Shape.With(dim, 1), DType.Int64), dim, largest: true);
                    b.Gpu.Softmax(line, result, dim, log: false);
                    b.Gpu.SoftmaxBackward(line, result, b.Late(rows, columns), dim, log: true);
                }
                b.Gpu.Scan(new Ops.Sum(), line, result, 1);
                b.Gpu.Sort(line, result, b.Empty(line.Shape, DType.Int64), 1, descending: true);
                View[] one = [b.Late(1, 1, 1, columns, 1), b.Late(1, rows, 1, columns, 1), b.Late(1, rows, 1, columns, 1), b.Late(2, rows, 1, 1, 1)];
                b.Gpu.LayerNorm(one[1], one[0], one[0], 1e-5f, one[2], one[3]);
                b.Gpu.LayerNormBackward(one[2], one[1], one[0], one[3], b.Late(1, rows, 1, columns, 1), b.Late(1, 1, 1, columns, 1), null);
            }
        }),
        ["late: layers"] = new("batch_norm_plain moments_plain max_pool2d_plain avg_pool2d_plain grid_sample_plain", b =>
        {
            foreach (int c in (int[])[8, 33])
            {
                Window2d p = new(3, 3, 2, 2, 1, 1, 1, 1);
                View x = b.Late(2, c, 9, 8), y = b.Late(2, c, 5, 4), at = b.Empty([2, c, 5, 4], DType.Int32), grid = b.Late(2, 3, 7, 2), sampled = b.Late(2, c, 3, 7), g = b.Late(2, c, 9, 8);
                b.Gpu.MaxPool2d(x, y, at, p);
                b.Gpu.MaxPool2dBackward(y, at, b.Late(2, c, 9, 8), p);
                b.Gpu.AvgPool2d(x, y, p, countPadding: true);
                b.Gpu.AvgPool2dBackward(y, b.Late(2, c, 9, 8), p, countPadding: false);
                b.Gpu.GridSample(x, grid, sampled, new(GridPadding.Border));
                b.Gpu.GridSampleBackward(sampled, x, grid, b.Late(2, c, 9, 8), b.Late(2, 3, 7, 2), new(GridPadding.Zeros));
                b.Gpu.Moments(x, b.Late(2, c), 1);
                var norm = new ChannelNorm(b.Late(c), b.Positive(c), 1e-5f, b.Late(c), b.Late(c));
                b.Gpu.BatchNorm(x, norm, g, relu: true, b.Late(2, c, 9, 8));
                b.Gpu.BatchNormBackward(g, x, null, norm, relu: true, given: false, b.Late(2, c, 9, 8), null, b.Late(c), b.Late(c));
            }
        }),
        ["late: steps"] = new("sgd adam rmsprop squares unscale", b =>
        {
            StepTensors[] many = [.. Enumerable.Range(1, 9).Select(n => new StepTensors(b.Late(90 * n), b.Late(90 * n), b.Late(90 * n), b.Positive((90 * n) + 1).Slice(0, 1, 90 * n), b.Late(90 * n)))];
            b.Gpu.SgdSteps(many, new StepOptions(0.1f, 0.9, L2: 0.1f, Nesterov: true));
            b.Gpu.AdamSteps(many, new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f));
            b.Gpu.RmsPropSteps(many, new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f));
            View[] gradients = [b.Late(1001), b.Late(9001), b.Late(3)];
            Assert.That(b.Gpu.SumOfSquares(gradients), Is.GreaterThan(0));
            Assert.That(b.Gpu.Unscale(gradients, 0.5f), Is.True);
        }),
        ["late: products"] = new("gemm_plain gemm_tiles gemm_registers gemm_async gemm_tf32 gemm_tf32x3", b =>
        {
            foreach (var version in Enum.GetValues<GemmVersion>())
            {
                b.Gpu.OnlyGemm = version;
                b.Gpu.Gemm(b.Late(70, 36), b.Late(36, 68), b.Late(70, 68), new Epilogue(b.Late(68), b.Late(70, 68), true));
            }
        }),
        ["late: convolutions"] = new("copy_padded conv2d_plain conv2d conv2d_tf32x3 conv2d_tf32 depthwise depthwise_weight", b =>
        {
            foreach (var version in Enum.GetValues<Conv2dVersion>())
                foreach (int groups in (int[])[1, 8])
                {
                    b.Gpu.OnlyConv2d = version;
                    Window2d p = new(3, 3, 2, 1, 1, 1, 1, 1, 1, 1, groups);
                    View x = b.Late(1, 8, 7, 6), w = b.Late(8, 8 / groups, 3, 3), y = b.Late(1, 8, 4, 6);
                    b.Gpu.Conv2d(x, w, y, p, new Epilogue(b.Late(8), b.Late(1, 8, 4, 6), Relu: true));
                    b.Gpu.Conv2dBackwardData(y, w, b.Late(1, 8, 7, 6), p);
                    b.Gpu.Conv2dBackwardWeight(y, x, b.Late(8, 8 / groups, 3, 3), p);
                }
        }),
    };
}
