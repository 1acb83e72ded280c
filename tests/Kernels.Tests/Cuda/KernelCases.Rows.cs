using Tessera.Cuda;

namespace Tessera.Tests;

/// <content>Rows and lines: reduced, scanned, sorted, normalised, addressed.</content>
internal static partial class KernelCases
{
    static Dictionary<string, KernelCase> Rows() => new()
    {
        ["reductions"] = new("reduce_plain reduce_rows reduce_columns reduce_partials argreduce_plain argreduce", b =>
        {
            View x = b.Normal(3, 70, 11, 5);
            foreach (Shape s in (Shape[])[[1, 1, 1, 1], [1, 70, 1, 1], [3, 1, 11, 5], [3, 70, 1, 1], [3, 70, 11, 1]]) b.Gpu.Reduce(new Ops.Sum(), x, b.Empty(s));
            foreach (var (rows, columns, dim) in ((int, int, int)[])[(5, 7, 1), (3, 200, 1), (2, 1500, 1), (1, 4100, 1), (5000, 2, 0), (300, 33, 0)])
            {
                Shape s = [rows, columns];
                x = b.Normal(rows, columns);
                b.Gpu.Reduce(new Ops.Max(), x, b.Empty(s.With(dim, 1)));
                b.Gpu.ArgReduce(x, b.Empty(s.With(dim, 1), DType.Int64), dim, largest: true);
            }
        }),
        ["order"] = new("sort_plain sort_block sort_merge sort_write scan_plain scan_lines", b =>
        {
            foreach (int length in (int[])[5, 40, 700, 2100, 8200])
            {
                View x = b.Normal(2, length);
                b.Gpu.Sort(x, b.Empty([2, length]), b.Empty([2, length], DType.Int64), 1, descending: false, plain: length < 50);
                if (length < 2200) b.Gpu.Sort(x, b.Empty([2, length]), b.Empty([2, length], DType.Int64), 1, descending: true);
                b.Gpu.Scan(new Ops.Sum(), x, b.Empty([2, length]), 1);
                b.Gpu.Scan(new Ops.Sum(), x, x, 1);
            }
        }),
        ["softmax"] = new("softmax_row softmax_long softmax_plain softmax_backward_row softmax_backward_long softmax_backward_plain", b =>
        {
            foreach (var version in Enum.GetValues<CudaBackend.SoftmaxKernel>())
                foreach (var (rows, columns, dim) in ((int, int, int)[])[(9, 130, 1), (3, 700, 1), (70, 33, 0), (600, 2, 0)])
                {
                    View x = b.Normal(rows, columns), y = b.Empty([rows, columns]);
                    b.Gpu.Softmax(x, y, dim, log: columns == 130, version);
                    b.Gpu.SoftmaxBackward(x, y, b.Empty([rows, columns]), dim, log: columns == 130, version);
                    b.Gpu.SoftmaxBackward(x, y, x, dim, log: columns != 130, version);
                }
        }),
        ["layer and group norm"] = new("layer_norm layer_norm_backward", b =>
        {
            foreach (Shape s in (Shape[])[[1, 5, 1, 7, 1], [1, 2, 3, 300, 1], [1, 2, 2, 3, 11], [1, 1, 1, 9000, 1]])
            {
                View x = b.Of(s, Arrays.Normal(s.Count, 7)), gy = b.Of(s, Arrays.Normal(s.Count, 8)), w = b.Normal(1, 1, s[2], s[3], 1), statistics = b.Empty([2, s[1], s[2], 1, 1]);
                b.Gpu.LayerNorm(x, w, null, 1e-5f, b.Empty(s), statistics);
                b.Gpu.LayerNorm(x, w, w, 1e-5f, b.Empty(s), statistics);
                b.Gpu.LayerNormBackward(gy, x, w, statistics, b.Empty(s), b.Empty(w.Shape), b.Empty(w.Shape));
                b.Gpu.LayerNormBackward(gy, x, null, statistics, b.Empty(s), null, null);
                b.Gpu.LayerNormBackward(gy, x, null, statistics, null, b.Empty(w.Shape), null);
            }
        }),
        ["indices and random"] = new("gather check_indices scatter_add uniform_dense uniform_strided normal_dense normal_strided", b =>
        {
            View x = b.Normal(40, 12), y = b.Empty([9, 12]);
            b.Gpu.Gather(x, b.Indices(40, 9, 12), y, 0);
            b.Gpu.ScatterAdd(x, b.Indices(40, 9, 12), y, 0);
            b.Gpu.ScatterAdd(x, b.Indices(40, 301, 1).BroadcastTo([301, 12]), b.Normal(301, 12), 0);
            b.Gpu.Uniform(b.Empty([1001]), new Philox(1));
            b.Gpu.Normal(b.Empty([1001]), new Philox(1));
            b.Gpu.Uniform(b.Empty([2, 5, 3, 7]), new Philox(1)); // channels-last
            b.Gpu.Normal(b.Empty([2, 5, 3, 7]), new Philox(1));
        }),
        ["dropout"] = new("dropout_dense dropout_strided", b =>
        {
            Ops.Dropout op = new(0.3f, 1 / 0.7f);
            foreach (int n in (int[])[1, 2, 3, 4, 5, 1023]) b.Gpu.Dropout(b.Normal(n), b.Empty([n]), op, new Philox(1));
            b.Gpu.Dropout(b.Normal(2, 5, 3, 7), b.Empty([2, 5, 3, 7]), op, new Philox(1)); // channels-last
            b.Gpu.Dropout(b.Late(7, 9), b.Late(7, 9), op, new Philox(1));
            foreach (DType type in halves)
                foreach (DType to in (DType[])[type, DType.Float32])
                {
                    b.Gpu.Dropout(b.Numbers(type, 1027), b.Empty([1027], to), op, new Philox(1));
                    b.Gpu.Dropout(b.Numbers(type, 6, 9), b.Empty([9, 6], to).Permute(1, 0), op, new Philox(1));
                }
        }),
    };
}
