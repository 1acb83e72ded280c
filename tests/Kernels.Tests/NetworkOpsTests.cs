using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The CPU's versions of the network operations, and the composed ones, against double precision.</summary>
[NonParallelizable]
public sealed partial class NetworkOpsTests
{
    static readonly long cache = Cpu.Caches.Last;

    // With a cache of one byte, results go around it.
    static readonly (string Name, Backend Backend, int Lanes, int Threads, long Cache)[] backends =
    [
        ("cpu, 1 thread", Device.Cpu.Backend, 16, 1, cache), ("cpu, 3 threads", Device.Cpu.Backend, 16, 3, cache), ("cpu, 8 lanes", Device.Cpu.Backend, 8, 2, cache), ("cpu, 1 lane", Device.Cpu.Backend, 1, 2, cache),
        ("cpu, around the caches", Device.Cpu.Backend, 16, 2, 1), ("cpu, 8 lanes around the caches", Device.Cpu.Backend, 8, 2, 1), ("composed", new Composed(), 16, 2, cache), ("emulator", Device.Emulator.Backend, 16, 2, cache),
    ];

    static readonly int best = Cpu.GemmKernel.Lanes, threads = CpuThreads.Count;

    [TearDown]
    public void Restore()
    {
        Cpu.GemmKernel.Use(best);
        CpuThreads.Count = threads;
        Cpu.Caches.Last = cache;
    }

    /// <summary>Runs an operation on every backend and checks each result; the CPU's must be the same bits for all widths and thread counts.</summary>
    static void Check(double tolerance, double[][] expected, Func<Backend, float[][]> run)
    {
        float[][]? first = null;
        foreach (var (name, backend, lanes, count, last) in backends)
        {
            if (lanes > best) continue;
            Cpu.GemmKernel.Use(lanes);
            CpuThreads.Count = count;
            Cpu.Caches.Last = last;
            float[][] actual = run(backend);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.That(Error(actual[i], expected[i]).Max, Is.LessThan(tolerance), $"{name}, result {i}");
                if (first is not null && backend is Cpu.CpuBackend) Assert.That(actual[i], Is.EqualTo(first[i]), $"{name}, result {i}: bits");
            }
            first ??= actual;
        }
    }

    static (double[] Mean, double[] Var) Moments(float[] x, int C, int plane)
    {
        double[] mean = new double[C], var = new double[C];
        double n = x.Length / C;
        for (int i = 0; i < x.Length; i++) mean[i / plane % C] += x[i] / n;
        for (int i = 0; i < x.Length; i++) var[i / plane % C] += Math.Pow(x[i] - mean[i / plane % C], 2) / n;
        return (mean, var);
    }

    /// <summary>With and without ReLU and residual, with the batch's own statistics and with others.</summary>
    [Test]
    public void BatchNorm(
        [Values("2 3 5 4", "4 33 7 7", "3 64 20 20", "2 1030 3 1", "17 24 1 1")] string shape, [Values] bool relu, [Values] bool add, [Values] bool given)
    {
        int[] d = [.. shape.Split(' ').Select(int.Parse)];
        Shape s = new(d);
        int C = d[1], plane = d[2] * d[3], n = (int)(s.Count / C);
        float[] x = Normal(s.Count, 1), gy = Normal(s.Count, 2), w = Normal(C, 3), b = Normal(C, 4), r = Normal(s.Count, 5);
        var (mean, var) = given ? ([.. Normal(C, 6).Select(v => (double)v)], [.. Normal(C, 7).Select(v => (double)(v * v))]) : Moments(x, C, plane);
        double[] y = new double[s.Count], g = new double[s.Count], gx = new double[s.Count], gw = new double[C], gb = new double[C], inv = [.. var.Select(v => 1 / Math.Sqrt((float)v + 1e-5f))];
        double Hat(int i) => (x[i] - (double)(float)mean[i / plane % C]) * inv[i / plane % C];
        for (int i = 0; i < x.Length; i++)
        {
            int c = i / plane % C;
            y[i] = (Hat(i) * w[c]) + b[c] + (add ? r[i] : 0);
            g[i] = relu && y[i] <= 0 ? 0 : gy[i];
            if (relu) y[i] = Math.Max(0, y[i]);
            gb[c] += g[i];
            gw[c] += g[i] * Hat(i);
        }
        for (int i = 0; i < x.Length; i++)
        {
            int c = i / plane % C;
            gx[i] = w[c] * inv[c] * (given ? g[i] : g[i] - (gb[c] / n) - (Hat(i) * gw[c] / n));
        }
        View X = Views.Of(s, x), R = Views.Of(s, r);
        var norm = new ChannelNorm(Views.Of([C], [.. mean.Select(v => (float)v)]), Views.Of([C], [.. var.Select(v => (float)v)]), 1e-5f, Views.Of([C], w), Views.Of([C], b));
        Check(given ? 3e-4 : 3e-5, [y, gx, g, gw, gb], k =>
        {
            View Y = Views.Empty<float>(s), G = Views.Of(s, gy), GX = Views.Empty<float>(s), GW = Views.Empty<float>([C]), GB = Views.Empty<float>([C]);
            k.BatchNorm(X, norm, add ? R : null, relu, Y);
            k.BatchNormBackward(G, X, add ? Y : null, norm, relu, given, GX, G, GW, GB); // the residual's gradient overwrites that of y
            return [Views.Get<float>(Y), Views.Get<float>(GX), Views.Get<float>(G), Views.Get<float>(GW), Views.Get<float>(GB)];
        });
    }

    [Test]
    public void BatchNormGivesOnlyTheGradientsAskedFor([Values] bool given, [Values] bool relu)
    {
        Shape s = [2, 20, 3, 3];
        View x = Views.Of(s, Normal(s.Count, 1)), g = Views.Of(s, Normal(s.Count, 2));
        var norm = new ChannelNorm(Views.Of([20], Normal(20, 3)), Views.Of([20], [.. Normal(20, 4).Select(v => v * v)]), 1e-5f);
        foreach (var (_, backend, _, _, _) in backends)
        {
            View gx = Views.Empty<float>(s), gr = Views.Empty<float>(s), gw = Views.Empty<float>([20]), gb = Views.Empty<float>([20]), all = Views.Empty<float>(s), inPlace = Views.Of(s, Views.Get<float>(g));
            backend.BatchNormBackward(g, x, null, norm, relu, given, all, gr, gw, gb);
            backend.BatchNormBackward(g, x, null, norm, relu, given, gx, null, null, null);
            backend.BatchNormBackward(inPlace, x, null, norm, relu, given, inPlace, null, null, null);
            Assert.That(Views.Get<float>(gx), Is.EqualTo(Views.Get<float>(all)), "alone");
            Assert.That(Views.Get<float>(inPlace), Is.EqualTo(Views.Get<float>(all)), "in place");
            foreach (int wanted in new[] { 0, 1, 2 })
            {
                View one = wanted == 0 ? Views.Empty<float>(s) : Views.Empty<float>([20]), expected = wanted == 0 ? gr : wanted == 1 ? gw : gb;
                backend.BatchNormBackward(g, x, null, norm, relu, given, null, wanted == 0 ? one : null, wanted == 1 ? one : null, wanted == 2 ? one : null);
                Assert.That(Views.Get<float>(one), Is.EqualTo(Views.Get<float>(expected)), $"{wanted}");
            }
        }
    }

    static readonly object[] pools =
    [
        new object[] { 2, 5, 9, 8, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 1, 33, 7, 7, new Window2d(3, 3, 2, 2), 1 }, new object[] { 2, 16, 6, 6, new Window2d(2, 2, 2, 2), 0 },
        new object[] { 1, 70, 5, 6, new Window2d(3, 2, 2, 1, 1, 0, 1, 0), 0 }, new object[] { 2, 3, 9, 9, new Window2d(3, 3, 3, 3, 1, 1, 1, 1), 1 }, new object[] { 1, 4, 9, 9, new Window2d(2, 3, 1, 2, 1, 1, 1, 1, 2, 1), 0 },
        new object[] { 3, 20, 4, 4, new Window2d(4, 4), 0 }, new object[] { 2, 8, 10, 11, new Window2d(5, 5, 3, 3, 2, 2, 2, 2), 1 },
        new object[] { 2, 70, 12, 13, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 1, 37, 13, 12, new Window2d(3, 3, 2, 2), 1 }, new object[] { 1, 19, 6, 7, new Window2d(3, 3, 1, 1, 1, 1, 1, 1), 0 },
        new object[] { 1, 17, 5, 6, new Window2d(2, 2, 1, 1), 0 }, new object[] { 1, 18, 9, 12, new Window2d(3, 3, 2, 2, 1, 1, 1, 1, 2, 1), 0 }, new object[] { 1, 200, 4, 5, new Window2d(4, 5), 0 },
        new object[] { 2, 32, 9, 8, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 1, 48, 8, 9, new Window2d(3, 3, 1, 1, 1, 1, 1, 1), 0 }, new object[] { 1, 16, 11, 12, new Window2d(3, 3, 2, 2, 1, 1, 1, 1, 2, 1), 0 },
        // blocks of channels, rows in pairs and one left over, windows of a whole map in bands
        new object[] { 2, 64, 12, 13, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 1, 96, 13, 12, new Window2d(3, 3, 2, 2), 0 }, new object[] { 1, 130, 14, 9, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 },
        new object[] { 1, 128, 7, 40, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 2, 20, 40, 40, new Window2d(40, 40), 0 }, new object[] { 1, 64, 33, 41, new Window2d(33, 41), 0 },
    ];

    /// <summary>extra = 1: the ceiling mode's additional row and column.</summary>
    [TestCaseSource(nameof(pools))]
    public void Pools(int N, int C, int H, int W, Window2d p, int extra)
    {
        Shape xs = [N, C, H, W], ys = [N, C, p.OutH(H) + (((p.OutH(H) * p.StrideH) - p.Top < H) ? extra : 0), p.OutW(W) + (((p.OutW(W) * p.StrideW) - p.Left < W) ? extra : 0)];
        float[] x = [.. Normal(xs.Count, 1).Select(v => MathF.Round(v * 2) / 2)], gy = Normal(ys.Count, 2); // rounded: ties
        x[3] = float.NaN;
        double[] max = new double[ys.Count], gmax = new double[xs.Count], index = new double[ys.Count];
        double[][] mean = [new double[ys.Count], new double[ys.Count]], gmean = [new double[xs.Count], new double[xs.Count]];
        for (int o = 0; o < max.Length; o++)
        {
            int plane = o / (ys[2] * ys[3]) * H * W, i = o / ys[3] % ys[2], j = o % ys[3], at = -1, inside = 0, counted = 0;
            double sum = 0;
            List<int> covered = [];
            for (int r = 0; r < p.R; r++)
                for (int s = 0; s < p.S; s++)
                {
                    int h = (i * p.StrideH) - p.Top + (r * p.DilationH), w = (j * p.StrideW) - p.Left + (s * p.DilationW);
                    if (h < H + p.Bottom && w < W + p.Right) counted++;
                    if ((uint)h >= (uint)H || (uint)w >= (uint)W) continue;
                    inside++;
                    int from = plane + (h * W) + w;
                    covered.Add(from);
                    sum += x[from];
                    if (at < 0 || x[from] > x[at] || (float.IsNaN(x[from]) && !float.IsNaN(x[at]))) at = from;
                }
            max[o] = x[at];
            index[o] = at - plane;
            gmax[at] += gy[o];
            mean[0][o] = sum / inside;
            mean[1][o] = sum / counted;
            foreach (int from in covered)
            {
                gmean[0][from] += gy[o] / (double)inside;
                gmean[1][from] += gy[o] / (double)counted;
            }
        }
        View X = Views.Of(xs, x), G = Views.Of(ys, gy);
        Check(2e-6, [max, index, gmax, mean[0], gmean[0], mean[1], gmean[1]], k =>
        {
            View Y = Views.Empty<float>(ys), I = Views.Empty<int>(Layout.Dense(ys)), Y2 = Views.Empty<float>(ys), GX = Views.Empty<float>(xs), A0 = Views.Empty<float>(ys), GA0 = Views.Empty<float>(xs), A1 = Views.Empty<float>(ys), GA1 = Views.Empty<float>(xs);
            k.MaxPool2d(X, Y, I, p);
            k.MaxPool2dBackward(G, I, GX, p);
            k.MaxPool2d(X, Y2, null, p);
            Assert.That(Views.Get<float>(Y2), Is.EqualTo(Views.Get<float>(Y)));
            k.AvgPool2d(X, A0, p, false);
            k.AvgPool2dBackward(G, GA0, p, false);
            k.AvgPool2d(X, A1, p, true);
            k.AvgPool2dBackward(G, GA1, p, true);
            return [Views.Get<float>(Y), [.. Views.Get<int>(I).Select(v => (float)v)], Views.Get<float>(GX), Views.Get<float>(A0), Views.Get<float>(GA0), Views.Get<float>(A1), Views.Get<float>(GA1)];
        });
    }

    /// <summary>Infinities and NaN among numbers, with positions and without.</summary>
    [Test]
    public void MaxPoolOfNumbersThatAreNotFinite([Values(2, 7, 30)] int every, [Values(0, 1)] int padding)
    {
        Shape xs = [2, 21, 9, 11];
        var p = new Window2d(3, 3, 2, 2, padding, padding, padding, padding);
        float[] odd = [float.NegativeInfinity, float.PositiveInfinity, float.NaN, 0], x = Normal(xs.Count, 1);
        for (int i = 0; i < x.Length; i += every) x[i] = odd[i / every % 4];
        View X = Views.Of(xs, x);
        float[]? first = null;
        foreach (var (name, backend, lanes, count, last) in backends)
        {
            if (lanes > best) continue;
            Cpu.GemmKernel.Use(lanes);
            CpuThreads.Count = count;
            Cpu.Caches.Last = last;
            Shape ys = [2, 21, p.OutH(9), p.OutW(11)];
            View y = Views.Empty<float>(ys), z = Views.Empty<float>(ys), indices = Views.Empty<int>(Layout.Dense(ys));
            backend.MaxPool2d(X, y, null, p);
            backend.MaxPool2d(X, z, indices, p);
            Assert.That(Views.Get<float>(y), Is.EqualTo(first ??= Views.Get<float>(z)), name);
            Assert.That(Views.Get<float>(z), Is.EqualTo(first), name);
        }
    }

    [TestCase(1, 5, 7)]
    [TestCase(0, 40, 3)]
    [TestCase(1, 3, 1000)]
    public void Softmax(int dim, int rows, int columns)
    {
        Shape s = [rows, columns];
        float[] x = [.. Normal(s.Count, 1).Select(v => v * 4)], g = Normal(s.Count, 2);
        double[] y = new double[x.Length], ly = new double[x.Length], gx = new double[x.Length], lgx = new double[x.Length];
        int n = s[dim], step = dim == 1 ? 1 : columns;
        for (int line = 0; line < x.Length / n; line++)
        {
            int at = dim == 1 ? line * columns : line;
            double max = Enumerable.Range(0, n).Max(i => x[at + (i * step)]), sum = Enumerable.Range(0, n).Sum(i => Math.Exp(x[at + (i * step)] - max));
            for (int i = at; i < at + (n * step); i += step) y[i] = Math.Exp(ly[i] = x[i] - max - Math.Log(sum));
            double dot = 0, total = 0;
            for (int i = at; i < at + (n * step); i += step) (dot, total) = (dot + (g[i] * y[i]), total + g[i]);
            for (int i = at; i < at + (n * step); i += step) (gx[i], lgx[i]) = (y[i] * (g[i] - dot), g[i] - (y[i] * total));
        }
        View X = Views.Of(s, x), G = Views.Of(s, g);
        Check(1e-5, [y, ly, gx, lgx], k =>
        {
            View Y = Views.Empty<float>(s), L = Views.Empty<float>(s), GX = Views.Empty<float>(s), LGX = Views.Empty<float>(s);
            k.Softmax(X, Y, dim, log: false);
            k.Softmax(X, L, dim, log: true);
            k.SoftmaxBackward(G, Y, GX, dim, log: false);
            k.SoftmaxBackward(G, L, LGX, dim, log: true);
            return [Views.Get<float>(Y), Views.Get<float>(L), Views.Get<float>(GX), Views.Get<float>(LGX)];
        });
    }

    static readonly StepOptions[] options =
    [
        new(0.1f), new(0.05f, Momentum: 0.9f, Beta2: 0.99f, Eps: 1e-5f, Decay: 0.1f), new(0.02f, 0.95f, 0.999f, 1e-8f, L2: 0.05f, Nesterov: true), new(0.1f, 0.9f, 0.9f, 1e-3f, 0.3f, 0.2f),
    ];

    [TestCaseSource(nameof(options))]
    public void SgdAndAdamSteps(StepOptions o)
    {
        Shape s = [5, 3, 7, 500];
        float[] w0 = Normal(s.Count, 1);
        double[] w = [.. w0.Select(v => (double)v)], m = new double[w.Length], plain = [.. w], wa = [.. w], ma = new double[w.Length], va = new double[w.Length];
        for (int step = 1; step <= 3; step++)
        {
            float[] g = Normal(s.Count, (ulong)(step + 10));
            for (int i = 0; i < w.Length; i++)
            {
                double d = g[i] + (o.L2 * w[i]);
                m[i] = step == 1 ? d : (o.Momentum * m[i]) + d;
                w[i] = (w[i] * (1 - (o.Lr * o.Decay))) - (o.Lr * (o.Nesterov ? d + (o.Momentum * m[i]) : m[i]));
                plain[i] = (plain[i] * (1 - (o.Lr * o.Decay))) - (o.Lr * (g[i] + (o.L2 * plain[i])));
                d = g[i] + (o.L2 * wa[i]);
                ma[i] = (o.Momentum * ma[i]) + ((1 - o.Momentum) * d);
                va[i] = (o.Beta2 * va[i]) + ((1 - o.Beta2) * d * d);
                wa[i] = (wa[i] * (1 - (o.Lr * o.Decay))) - (o.Lr * (ma[i] / (1 - Math.Pow(o.Momentum, step))) / (Math.Sqrt(va[i] / (1 - Math.Pow(o.Beta2, step))) + o.Eps));
            }
        }
        Check(1e-5, [w, m, plain, wa], k =>
        {
            View W = Views.Of(s, w0), M = Views.Of(s, new float[s.Count]), P = Views.Of(s, w0), A = Views.Of(s, w0), MA = Views.Of(s, new float[s.Count]), VA = Views.Of(s, new float[s.Count]);
            for (int step = 1; step <= 3; step++)
            {
                View G = Views.Of(s, Normal(s.Count, (ulong)(step + 10)));
                k.SgdStep(W, G, M, o with { First = step == 1 });
                k.SgdStep(P, G, null, o);
                if (o.Beta2 > 0) k.AdamStep(A, G, MA, VA, o with { Correction1 = 1 - Math.Pow(o.Momentum, step), Correction2 = 1 - Math.Pow(o.Beta2, step) });
            }
            return [Views.Get<float>(W), Views.Get<float>(M), Views.Get<float>(P), o.Beta2 > 0 ? Views.Get<float>(A) : [.. wa.Select(v => (float)v)]];
        });
    }
}
