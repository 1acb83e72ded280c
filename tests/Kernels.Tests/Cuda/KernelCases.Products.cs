using Tessera.Cuda;

namespace Tessera.Tests;

/// <content>Matrix products and convolutions of float32.</content>
internal static partial class KernelCases
{
    static Dictionary<string, KernelCase> Products()
    {
        Dictionary<string, KernelCase> cases = new()
        {
            ["products"] = new("gemm_tiles gemm_combine", b =>
            {
                foreach (var (m, n, k) in ((int, int, int)[])[(1, 70, 300), (70, 3, 65), (130, 129, 33), (64, 64, 2000)]) b.Gpu.Gemm(b.Normal(m, k), b.Normal(k, n), b.Empty([m, n]));
                b.Gpu.Gemm(b.Normal(2, 20, 17), b.Normal(2, 17, 36), b.Empty([2, 20, 36]), new Epilogue(b.Normal(36), b.Normal(2, 20, 36), true));
            }),
            ["product, narrow"] = new("gemm_tf32x3_narrow", b =>
            {
                b.Gpu.OnlyGemm = GemmVersion.Tf32x3;
                b.Gpu.Gemm(b.Normal(72, 40), b.Normal(40, 36), b.Empty([72, 36]));
            }),
        };
        foreach (var version in Enum.GetValues<GemmVersion>())
            cases.Add($"product, {version}", new(GemmKernel.For(version, 140).Entry, b =>
            {
                b.Gpu.OnlyGemm = version;
                View y = b.Normal(72, 140);
                b.Gpu.Gemm(b.Normal(72, 40), b.Normal(40, 140), y, 1, 0.5f);
            }));
        return cases;
    }

    static Dictionary<string, KernelCase> Convolutions()
    {
        Dictionary<string, KernelCase> cases = new()
        {
            ["convolutions"] = new("conv2d conv2d_weight conv2d_weight_sum gemm_tiles", b =>
            {
                foreach (var (c, k, p) in ((int, int, Window2d)[])[(3, 16, new(3, 3, 2, 2, 1, 1, 1, 1)), (8, 68, new(3, 3, 1, 1, 1, 1, 1, 1)), (8, 8, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 4)), (20, 12, new(1, 1))])
                {
                    View x = b.Normal(2, c, 9, 8), w = b.Normal(k, c / p.Groups, p.R, p.S), y = b.Empty([2, k, p.OutH(9), p.OutW(8)]);
                    b.Gpu.Conv2d(x, w, y, p, new Epilogue(Moments: b.Empty([2, k])));
                    b.Gpu.Conv2dBackwardData(y, w, b.Empty(x.Shape), p);
                    b.Gpu.Conv2dBackwardWeight(y, x, b.Empty(w.Shape), p);
                }
            }),
            ["convolutions of one channel a filter"] = new("depthwise depthwise_weight conv2d_weight_sum", b =>
            {
                foreach (int c in (int[])[20, 17]) Convolution(b, [2, c, 9, 8], [c, 1, 3, 3], new(3, 3, 1, 2, 1, 1, 1, 1, 1, 1, c));
            }),
        };
        foreach (var (version, entries) in ((Conv2dVersion, string)[])
            [
                (Conv2dVersion.Plain, "conv2d_plain conv2d_weight_plain"), (Conv2dVersion.Tiled, "conv2d conv2d_weight"), (Conv2dVersion.Tf32, "conv2d_tf32 conv2d_tf32_wide conv2d_combine conv2d_weight_tf32"),
                (Conv2dVersion.Tf32Narrow, "conv2d_tf32 conv2d_combine conv2d_weight_tf32"), (Conv2dVersion.Tf32x3, "conv2d_tf32x3 conv2d_combine conv2d_weight_tf32x3"),
                (Conv2dVersion.Tf32x3Wide, "conv2d_tf32x3 conv2d_tf32x3_wide conv2d_combine conv2d_weight_tf32x3"),
            ])
            cases.Add($"convolution, {version}", new(entries, b =>
            {
                b.Gpu.OnlyConv2d = version;
                Convolution(b, [1, 60, 7, 6], [72, 60, 3, 3], new(3, 3, 1, 1, 1, 1, 1, 1)); // a sum of 540 in two pieces
                Convolution(b, [2, 24, 5, 4], [24, 12, 3, 2], new(3, 2, 2, 1, 1, 0, 1, 1, 1, 1, 2));
            }));
        return cases;
    }

    /// <summary>Forward with all that can be added, and both gradients.</summary>
    static void Convolution(Bench b, int[] input, int[] weight, Window2d p)
    {
        View x = b.Normal(input), w = b.Normal(weight), y = b.Empty([input[0], weight[0], p.OutH(input[2]), p.OutW(input[3])]);
        b.Gpu.Conv2d(x, w, y, p, new Epilogue(b.Normal(weight[0]), b.Normal(y.Shape.ToArray()), Relu: true));
        b.Gpu.Conv2dBackwardData(y, w, b.Empty(x.Shape), p);
        b.Gpu.Conv2dBackwardWeight(y, x, b.Empty(w.Shape), p);
    }
}
