using Tessera.Cuda;

namespace Tessera.Tests;

/// <content>Mixed precision: operands of 16 bits.</content>
internal static partial class KernelCases
{
    static readonly DType[] halves = [DType.Float16, DType.BFloat16];

    static Dictionary<string, KernelCase> Halves() => new()
    {
        ["casts to halves and back"] = new("round_f16 round_bf16 widen_f16 widen_bf16", b =>
        {
            foreach (DType type in halves)
                foreach (int n in (int[])[1, 2, 3, 4, 5, 7, 1023]) b.Gpu.Copy(b.Numbers(type, n), b.Empty([n]));
        }),
        ["maps of halves"] = new("unary_dense unary_strided binary_dense binary_rows binary_strided", b =>
        {
            foreach (DType type in halves)
                foreach (DType to in (DType[])[type, DType.Float32])
                {
                    View x = b.Numbers(type, 2, 12, 5, 7), y = b.Empty([2, 12, 5, 7], to), odd = b.Numbers(type, 1027);
                    b.Gpu.Unary16(default(Ops.Sigmoid), x, y);
                    b.Gpu.Unary16(default(Ops.Relu), x, b.Empty([2, 12, 7, 5], to).Permute(0, 1, 3, 2));
                    b.Gpu.Unary16(default(Ops.Relu), odd, b.Empty([1027], to));
                    b.Gpu.Binary16(default(Ops.Add), odd, odd, b.Empty([1027], to));
                    b.Gpu.Binary16(default(Ops.Add), x, y, b.Empty([2, 12, 5, 7], to));
                    b.Gpu.Binary16(default(Ops.Add), x, b.Numbers(type, 1, 12, 1, 1).BroadcastTo(x.Shape), b.Empty([2, 12, 5, 7], to));
                    b.Gpu.Binary16(default(Ops.Add), x, y, b.Empty([2, 12, 7, 5], to).Permute(0, 1, 3, 2));
                }
        }),
        ["pools of halves"] = new("max_pool2d max_pool2d_backward max_pool2d_plain avg_pool2d avg_pool2d_backward avg_pool2d_plain", b =>
        {
            foreach (DType type in halves)
                foreach (var (c, p) in ((int, Window2d)[])[(8, new(3, 3, 2, 2, 1, 1, 1, 1)), (33, new(2, 3, 1, 2, 1, 1, 1, 1, 2, 1))])
                {
                    View x = b.Numbers(type, 2, c, 9, 8), y = b.Empty([2, c, p.OutH(9), p.OutW(8)], type), at = b.Empty(y.Shape, DType.Int32);
                    b.Gpu.MaxPool2d16(x, y, at, p);
                    b.Gpu.MaxPool2d16Backward(y, at, b.Empty(x.Shape, type), p);
                    b.Gpu.AvgPool2d16(x, y, p, countPadding: true);
                    b.Gpu.AvgPool2d16Backward(y, b.Empty(x.Shape, type), p, countPadding: false);
                }
        }),
        ["batch norm of halves"] = new("batch_norm batch_norm_sums batch_norm_totals batch_norm_gradient", b =>
        {
            foreach (DType type in halves)
                foreach (Shape s in (Shape[])[[2, 12, 7, 5], [1, 132, 3, 1], [2, 6, 3, 3]])
                {
                    int c = s[1];
                    View x = b.Numbers(type, s.ToArray()), g = b.Numbers(type, s.ToArray()), y = b.Empty(s, type);
                    var norm = new ChannelNorm(b.Normal(c), b.Positive(c), 1e-5f, b.Normal(c), b.Normal(c));
                    b.Gpu.BatchNorm16(x, norm, g, true, y);
                    b.Gpu.BatchNorm16Backward(g, x, y, norm, true, false, b.Empty(s, type), b.Empty(s, type), b.Empty([c]), b.Empty([c]));
                }
        }),
        ["products of halves"] = new("gemm_half gemm_combine", b =>
        {
            foreach (DType type in halves)
                foreach (var (m, n, k) in ((int, int, int)[])[(72, 40, 56), (8, 16, 1000), (3, 5, 7)])
                {
                    View x = b.Numbers(type, m, k), w = b.Numbers(type, k, n);
                    b.Gpu.Gemm16(x, w, b.Empty([m, n]));
                    b.Gpu.Gemm16(x, w, b.Empty([m, n], type), new Epilogue(b.Normal(n), b.Numbers(type, m, n), Relu: true));
                    b.Gpu.Gemm16(x, w, b.Empty([n, m], type).Permute(1, 0), new Epilogue(b.Normal(n)));
                }
        }),
        ["convolutions of halves"] = new("conv2d_tf32 conv2d_tf32_wide conv2d_combine conv2d_weight_half conv2d_weight_tf32 moments", b =>
        {
            foreach (DType type in halves)
                foreach (var (c, k, p) in ((int, int, Window2d)[])[(8, 16, new(3, 3, 1, 1, 1, 1, 1, 1)), (128, 72, new(3, 3, 2, 2, 1, 1, 1, 1)), (12, 8, new(3, 3, 1, 1, 1, 1, 1, 1))])
                {
                    View x = b.Numbers(type, 1, c, 7, 6), w = b.Numbers(type, k, c, 3, 3), y = b.Empty([1, k, p.OutH(7), p.OutW(6)], type);
                    b.Gpu.Conv2d16(x, w, y, p, new Epilogue(Moments: b.Empty([2, k])));
                    b.Gpu.Conv2d16(x, w, y, p, new Epilogue(b.Normal(k), b.Numbers(type, y.Shape.ToArray()), Relu: true));
                    b.Gpu.Conv2d16BackwardData(y, w, b.Empty(x.Shape, type), p);
                    b.Gpu.Conv2d16BackwardWeight(y, x, b.Empty(w.Shape, type), p);
                }
        }),
    };
}
