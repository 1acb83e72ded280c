using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Work for the GPU's kernels.</summary>
/// <param name="Entries">The entries it is there for, which it launches beside others.</param>
/// <param name="Run">The work.</param>
internal sealed record KernelCase(string Entries, Action<Bench> Run);

/// <summary>
/// Small work that together launches every entry of the library, in shapes with edges: beside multiples of vectors and tiles, several blocks, pieces of a sum. What
/// holds for all kernels is held by running these.
/// </summary>
internal static partial class KernelCases
{
    static readonly Dictionary<string, KernelCase> all = new([.. Elements(), .. Rows(), .. Networks(), .. Products(), .. Convolutions(), .. Halves(), .. Late()]);

    public static string[] Names { get; } = [.. all.Keys];

    public static KernelCase Of(string name) => all[name];

    /// <summary>Networks' layers and training, but for products and convolutions.</summary>
    static Dictionary<string, KernelCase> Networks() => new()
    {
        ["cross-entropy"] = new("cross_entropy cross_entropy_backward", b =>
        {
            foreach (Shape s in (Shape[])[[5, 3], [4, 1003], [2, 9000], [3, 40, 6], [2, 21, 3, 2]])
            {
                Shape one = s.With(1, 1);
                View x = b.Of(s, Arrays.Normal(s.Count, 7)), g = b.Of(one, Arrays.Normal(one.Count, 8)), kept = b.Empty([2, (int)one.Count]);
                View counts = b.Of(one, [.. Enumerable.Range(0, (int)one.Count).Select(i => i != 1)], DType.Bool);
                var target = new ClassTargets(b.Indices(s[1], one.ToArray()), counts, b.Of(one, [.. Enumerable.Repeat(0.5f, (int)one.Count)]));
                foreach (var t in (ClassTargets[])[target, target with { ClassWeights = b.Positive(s[1]) }, target with { ClassWeights = b.Positive(s[1]), Smoothing = 0.1f }, target with { Smoothing = 0.1f }])
                {
                    b.Gpu.CrossEntropy(x, t, b.Empty(one), kept);
                    b.Gpu.CrossEntropyBackward(x, t, kept, g, b.Empty(s));
                }
            }
        }),
        ["steps"] = new("sgd adam rmsprop", b =>
        {
            View w = b.Normal(1001), g = b.Normal(1001);
            StepTensors[] many = [.. Enumerable.Range(1, 70).Select(n => new StepTensors(b.Normal(90 * n), b.Normal(90 * n), b.Normal(90 * n), b.Positive(90 * n), b.Normal(90 * n)))];
            b.Gpu.SgdSteps(many, new StepOptions(0.1f, 0.9, L2: 0.1f, Nesterov: true));
            b.Gpu.AdamSteps(many, new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f));
            b.Gpu.RmsPropSteps(many, new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f));
            b.Gpu.RmsPropStep(w, g, b.Positive(1001), null, null, new StepOptions(0.1f, 0, 0.99, 1e-5f));
            b.Gpu.SgdStep(w, g, b.Normal(1001), new StepOptions(0.1f, 0.9));
            b.Gpu.AdamStep(w, g, b.Normal(1001), b.Positive(1001), new StepOptions(0.1f, 0.9, 0.99, 1e-5f, Correction1: 0.1, Correction2: 0.01));
        }),
        ["norms of gradients"] = new("squares add_squares", b =>
        {
            View[] many = [.. Enumerable.Range(1, 70).Select(n => b.Normal(90 * n)), b.Normal(9001).Slice(0, 1, 9000)];
            Assert.That(b.Gpu.SumOfSquares(many), Is.GreaterThan(0));
            b.Gpu.Scale(many, 0.5f);
        }),
        ["batch norm"] = new("batch_norm batch_norm_sums batch_norm_totals batch_norm_gradient moments moments_combine move_statistics finish", b => BatchNorm(b, plain: false)),
        ["batch norm, plain"] = new("batch_norm_plain batch_norm_sums_plain batch_norm_gradient_plain moments_plain finish_plain", b => BatchNorm(b, plain: true)),
        ["pools"] = new("max_pool2d max_pool2d_backward avg_pool2d avg_pool2d_backward", b => Pools(b, plain: false)),
        ["pools, plain"] = new("max_pool2d_plain max_pool2d_backward_plain avg_pool2d_plain avg_pool2d_backward_plain", b => Pools(b, plain: true)),
        ["pictures"] = new("sample_pictures normalize_bytes", b =>
        {
            b.Gpu.SamplePictures(PictureTests.Pictures, b.Empty(PictureTests.Shape), PictureTests.Scale);
            b.Gpu.NormalizeBytes(b.Of([2, 3, 5, 7], [.. Enumerable.Range(0, 210).Select(i => (byte)i)], DType.UInt8), b.Empty([2, 3, 5, 7]), PictureTests.Scale);
        }),
        ["grid sample"] = new("grid_corners grid_sample grid_sample_plain grid_spread grid_slopes", b =>
        {
            foreach (var (c, padding) in ((int, GridPadding)[])[(8, GridPadding.Zeros), (33, GridPadding.Border), (132, GridPadding.Reflection)])
            {
                View x = b.Normal(2, c, 5, 6), grid = b.Normal(2, 3, 7, 2), y = b.Empty([2, c, 3, 7]);
                b.Gpu.GridSample(x, grid, y, new(padding));
                b.Gpu.GridSampleBackward(y, x, grid, b.Empty(x.Shape), b.Empty(grid.Shape), new(padding, AlignCorners: c == 33));
            }
        }),
        ["unscaled gradients"] = new("unscale", b =>
        {
            View[] many = [.. Enumerable.Range(1, 70).Select(n => b.Normal(17 * n)), b.Normal(9001).Slice(0, 1, 9000)];
            Assert.That(b.Gpu.Unscale(many, 0.5f), Is.True);
            Assert.That(b.Gpu.Unscale([.. many, b.Of([3], [1, float.NaN, 2])], 0.5f), Is.False);
        }),
    };

    static void BatchNorm(Bench b, bool plain)
    {
        b.Gpu.PlainChannels = plain;
        foreach (Shape s in (Shape[])[[2, 64, 20, 20], [3, 20, 5, 5], [1, 132, 3, 1], [2, 4, 13, 11], [7, 33, 2, 1]])
        {
            int C = s[1];
            View x = b.Normal(s.ToArray()), g = b.Normal(s.ToArray()), y = b.Empty(s), moments = b.Empty([2, C]), gr = b.Empty(s);
            b.Gpu.Moments(x, moments, 1);
            b.Gpu.MoveStatistics(moments, b.Normal(C), b.Normal(C), 0.1f, 1.01f);
            var norm = new ChannelNorm(moments.Slice(0, 0, 1).Reshape([C]), moments.Slice(0, 1, 1).Reshape([C]), 1e-5f, b.Normal(C), b.Normal(C));
            b.Gpu.BatchNorm(x, norm, g, relu: true, y);
            b.Gpu.BatchNormBackward(g, x, y, norm, relu: true, given: false, b.Empty(s), gr, b.Empty([C]), b.Empty([C]));
            b.Gpu.BatchNormBackward(g, x, null, norm, relu: true, given: false, g, null, null, b.Empty([C]));
            b.Gpu.BatchNormBackward(gr, x, y, norm, relu: true, given: true, b.Empty(s), gr, b.Empty([C]), null);
        }
        View bias = b.Normal(40);
        b.Gpu.Conv2d(b.Normal(1, 1, 3, 3), b.Normal(20, 1, 1, 1), b.Empty([1, 20, 3, 3]), new Window2d(1, 1), new Epilogue(bias.As(new Layout([20], [2])), b.Normal(1, 20, 3, 3), true));
    }

    static void Pools(Bench b, bool plain)
    {
        b.Gpu.PlainChannels = plain;
        foreach (var (c, p) in ((int, Window2d)[])[(8, new(3, 3, 2, 2, 1, 1, 1, 1)), (33, new(2, 2, 2, 2)), (132, new(2, 3, 1, 2, 1, 1, 1, 1, 2, 1))])
        {
            View x = b.Normal(2, c, 9, 8), y = b.Empty([2, c, p.OutH(9), p.OutW(8)]), at = b.Empty(y.Shape, DType.Int32);
            b.Gpu.MaxPool2d(x, y, at, p);
            b.Gpu.MaxPool2dBackward(y, at, b.Empty(x.Shape), p);
            b.Gpu.AvgPool2d(x, y, p, countPadding: true);
            b.Gpu.AvgPool2dBackward(y, b.Empty(x.Shape), p, countPadding: false);
        }
    }
}
