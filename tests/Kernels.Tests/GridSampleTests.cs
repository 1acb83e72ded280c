using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Sampling at a grid: the formula in double precision, then the same bits from the CPU, the GPU's kernels and their plain versions, close to the composed one.</summary>
[NonParallelizable]
public sealed class GridSampleTests
{
    static readonly CudaBackend emulator = (CudaBackend)Device.Emulator.Backend;
    static readonly Backend composed = new Composed();

    static readonly int[][] shapes =
    [
        [2, 4, 5, 6, 3, 7], [1, 3, 1, 1, 2, 3], [1, 33, 4, 3, 5, 2], [3, 68, 2, 7, 1, 5], [1, 132, 3, 1, 2, 2], [2, 1, 7, 9, 20, 21],
    ];

    static readonly GridSampling[] ways = [.. from p in Enum.GetValues<GridPadding>() from b in (bool[])[true, false] from a in (bool[])[true, false] select new GridSampling(p, b, a)];

    [TearDown]
    public void Restore() => emulator.PlainChannels = false;

    [Test, Combinatorial]
    public void AllVersionsAgree([ValueSource(nameof(shapes))] int[] n, [ValueSource(nameof(ways))] GridSampling how)
    {
        Shape xs = [n[0], n[1], n[2], n[3]], gs = [n[0], n[4], n[5], 2], ys = [n[0], n[1], n[4], n[5]];
        float[] x = Normal(xs.Count, 1), at = [.. Normal(gs.Count, 2).Select(v => 0.9f * v)], g = Normal(ys.Count, 3);
        var expected = Formula(xs, gs, ys, x, at, g, how);
        float[][] first = [];
        foreach (var (k, name, offset, strided) in ((Backend, string, int, bool)[])
            [(Views.Cpu, "cpu", 0, false), (emulator, "vectors", 0, false), (emulator, "plain", 0, true), (emulator, "misaligned", 1, false), (Views.Cpu, "cpu strided", 1, true), (composed, "composed", 1, true)])
        {
            emulator.PlainChannels = name == "plain";
            View X = Views.Of(Moved(xs, offset), x), G = Views.Of(Moved(ys, offset), g), A = Views.Of(Grid(gs, strided, offset), at);
            View Y = Views.Empty<float>(Moved(ys, offset)), GX = Views.Empty<float>(Moved(xs, offset)), GA = Views.Empty<float>(Grid(gs, strided, offset)), alone = Views.Empty<float>(Moved(xs, offset));
            k.GridSample(X, A, Y, how);
            k.GridSampleBackward(G, X, A, GX, GA, how);
            k.GridSampleBackward(G, null, A, alone, null, how);
            float[][] actual = [Views.Get<float>(Y), Views.Get<float>(GX), Views.Get<float>(GA)];
            for (int r = 0; r < 3; r++)
                for (int i = 0; i < actual[r].Length; i++)
                    Assert.That(actual[r][i], Is.EqualTo(expected[r][i]).Within(1e-5 * (1 + Math.Abs(expected[r][i])) * (r == 2 ? 20 : 1)), $"{name}: result {r} at {i}");
            Assert.That(Views.Get<float>(alone), Is.EqualTo(actual[1]), name);
            if (first.Length == 0) first = actual;
            if (k == composed) continue;
            Assert.That(actual[0], Is.EqualTo(first[0]), $"{name}: bits of y");
            Assert.That(actual[1], Is.EqualTo(first[1]), $"{name}: bits of gx");
        }
    }

    [Test]
    public void NothingOutsideIsReadAndNotANumberStays([Values("cpu", "emulator", "composed")] string device)
    {
        Backend k = device == "cpu" ? Views.Cpu : device == "emulator" ? emulator : composed;
        float nan = float.NaN, inf = float.PositiveInfinity;
        View x = Views.Of<float>([1, 1, 2, 2], nan, 2, 3, 4);
        View grid = Views.Of<float>(Layout.RowMajor([1, 1, 6, 2]), 1.25f, 0.5f, 0.5f, -1.25f, nan, 0.5f, 1e30f, 0.5f, -inf, 0.5f, -0.5f, -0.5f);
        View y = Views.Empty<float>([1, 1, 1, 6]), gx = Views.Empty<float>(x.Shape);
        foreach (var (padding, expected) in ((GridPadding, float[])[])[(GridPadding.Zeros, [1, 0.5f, nan, 0, 0, nan]), (GridPadding.Border, [4, 2, nan, 4, 3, nan])])
        {
            k.GridSample(x, grid, y, new(padding));
            Assert.That(Views.Get<float>(y), Is.EqualTo(expected), $"{padding}");
        }
        k.GridSampleBackward(Views.Of<float>([1, 1, 1, 2], 1, nan), null, grid.Slice(2, 0, 2, 3), gx, null, new(GridPadding.Zeros));
        Assert.That(Views.Get<float>(gx), Is.EqualTo(new[] { 0, 0, 0, 0.25f }), "a gradient outside reaches nothing");
    }

    [Test]
    public void NoPositionsAndNoChannels([Values] bool emulated)
    {
        Backend k = emulated ? emulator : Views.Cpu;
        View x = Views.Of<float>([1, 2, 1, 2], 1, 2, 3, 4), none = Views.Empty<float>([1, 2, 0, 3]), gx = Views.Empty<float>(x.Shape), grid = Views.Empty<float>([1, 0, 3, 2]);
        k.GridSample(x, grid, none, default);
        k.GridSampleBackward(none, x, grid, gx, grid, default);
        Assert.That(Views.Get<float>(gx), Is.All.Zero);
        View channelless = Views.Empty<float>([1, 0, 1, 2]), y = Views.Empty<float>([1, 0, 1, 1]), at = Views.Of<float>([1, 1, 1, 2], 0, 0), gat = Views.Empty<float>([1, 1, 1, 2]);
        k.GridSample(channelless, at, y, new(GridPadding.Border));
        k.GridSampleBackward(y, channelless, at, channelless, gat, new(GridPadding.Border));
        Assert.That(Views.Get<float>(gat), Is.All.Zero);
    }

    /// <summary>y, gx and ggrid in double precision, from the definition: hat functions of the distance around the position.</summary>
    static double[][] Formula(Shape xs, Shape gs, Shape ys, float[] x, float[] at, float[] g, GridSampling how)
    {
        double[] y = new double[ys.Count], gx = new double[xs.Count], gg = new double[gs.Count];
        int C = xs[1], H = xs[2], W = xs[3], points = gs[1] * gs[2];
        for (int i = 0; i < gs.Count / 2; i++)
        {
            var ((px, sx), (py, sy)) = (Position(at[2 * i], W, how), Position(at[(2 * i) + 1], H, how));
            if (!how.Bilinear) (px, py, sx, sy) = (Math.Round(px), Math.Round(py), 0, 0);
            int n = i / points, p = i % points;
            for (int v = 0; v < H; v++)
                for (int u = 0; u < W; u++)
                {
                    double wx = Math.Max(0, 1 - Math.Abs(px - u)), wy = Math.Max(0, 1 - Math.Abs(py - v));
                    double tx = wx == 0 && !(px >= u - 1 && px < u) ? 0 : u <= px ? -1 : 1, ty = wy == 0 && !(py >= v - 1 && py < v) ? 0 : v <= py ? -1 : 1;
                    for (int c = 0; c < C; c++)
                    {
                        int from = (((n * C) + c) * H + v) * W + u, to = ((n * C) + c) * points + p;
                        y[to] += wx * wy * x[from];
                        gx[from] += wx * wy * g[to];
                        gg[2 * i] += sx * tx * wy * x[from] * g[to];
                        gg[(2 * i) + 1] += sy * ty * wx * x[from] * g[to];
                    }
                }
        }
        return [y, gx, gg];
    }

    static (double Position, double Slope) Position(double g, int n, GridSampling how)
    {
        double p = how.AlignCorners ? (g + 1) * (n - 1) / 2 : (((g + 1) * n) - 1) / 2, slope = how.AlignCorners ? (n - 1) / 2.0 : n / 2.0;
        if (how.Padding == GridPadding.Zeros) return (p, slope);
        if (how.Padding == GridPadding.Reflection)
        {
            double low = how.AlignCorners ? 0 : -0.5, high = how.AlignCorners ? n - 1 : n - 0.5;
            while (high > low && (p < low || p > high)) (p, slope) = ((p < low ? 2 * low : 2 * high) - p, -slope);
        }
        return p <= 0 || p >= n - 1 ? (Math.Clamp(p, 0, n - 1), 0) : (p, slope);
    }

    /// <summary>A grid whose pairs lie together, or dense as an image: channels-last.</summary>
    static Layout Grid(Shape s, bool strided, int offset) => strided ? new Layout(s, Layout.RowMajor(s).Strides, offset) : Moved(s, offset);

    static Layout Moved(Shape s, int offset) => new(s, Layout.Dense(s).Strides, offset);
}
