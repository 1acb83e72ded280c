using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>relu(result + bias + residual) and the statistics of convolutions and products, against doubles, for every width and thread count.</summary>
[NonParallelizable]
public sealed class EpilogueTests
{
    static readonly Backend cpu = Device.Cpu.Backend, composed = new Composed();
    static readonly int best = Cpu.GemmKernel.Lanes, threads = CpuThreads.Count;

    static readonly object[] convolutions =
    [
        new object[] { 2, 16, 9, 8, 64, new Window2d(1, 1) }, new object[] { 3, 40, 5, 4, 35, new Window2d(1, 1, 2, 2) }, new object[] { 4, 16, 13, 10, 33, new Window2d(3, 3, 1, 1, 1, 1, 1, 1) },
        new object[] { 2, 64, 14, 14, 64, new Window2d(3, 3, 1, 1, 1, 1, 1, 1) }, new object[] { 2, 3, 20, 22, 64, new Window2d(7, 7, 2, 2, 3, 3, 3, 3) }, new object[] { 1, 512, 4, 4, 40, new Window2d(3, 3, 2, 2, 1, 1, 1, 1) },
        new object[] { 2, 6, 9, 9, 9, new Window2d(3, 3, 2, 1, 1, 1, 1, 1, 1, 2, 3) }, new object[] { 2, 8, 7, 7, 8, new Window2d(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 8) }, new object[] { 1, 700, 3, 3, 32, new Window2d(1, 1) }, new object[] { 1, 256, 7, 7, 256, new Window2d(3, 3, 1, 1, 1, 1, 1, 1) },
    ];

    [TestCaseSource(nameof(convolutions))]
    public void Convolution(int N, int C, int H, int W, int K, Window2d p)
    {
        Shape xs = [N, C, H, W], ws = [K, C / p.Groups, p.R, p.S], ys = [N, K, p.OutH(H), p.OutW(W)];
        float[] x = Normal(xs.Count, 1), w = Normal(ws.Count, 2), b = Normal(K, 3), r = Normal(ys.Count, 4);
        View X = Views.Of(xs, x), Wt = Views.Of(ws, w), Y = Views.Empty<float>(ys);
        int plane = ys[2] * ys[3];
        Check(Plain.Conv2d(xs, x, ws, w, null, ys, p), K, i => i / plane % K, b, r, Y, Views.Of([K], b), Views.Of(ys, r), (k, e) => k.Conv2d(X, Wt, Y, p, e));
    }

    [TestCase(5, 7, 3, false)]
    [TestCase(300, 64, 70, false)]
    [TestCase(16, 512, 600, true)]
    [TestCase(40, 33, 4096, false)]
    [TestCase(1, 1000, 512, true)]
    [TestCase(7, 5, 0, false)]
    public void Product(int M, int N, int K, bool transposed)
    {
        float[] a = Normal((long)M * K, 1), w = Normal((long)K * N, 2), b = Normal(N, 3), r = Normal((long)M * N, 4);
        View A = Views.Of([M, K], a), B = Views.Of(transposed ? new Layout([K, N], [1, K]) : Layout.RowMajor([K, N]), w), Y = Views.Empty<float>([M, N]);
        double[] plain = new double[M * N];
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
                for (int k = 0; k < K; k++) plain[(i * N) + j] += (double)a[(i * K) + k] * w[(k * N) + j];
        Check(plain, N, i => i % N, b, r, Y, Views.Of(new Layout([N], [3]), b), Views.Of([M, N], r), (k, e) => k.Gemm(A, B, Y, e));
    }

    static void Check(double[] plain, int channels, Func<int, int> channel, float[] b, float[] r, View Y, View B, View R, Action<Backend, Epilogue> run)
    {
        var moments = Views.Empty<float>(new Layout([2, channels], [1, 2]));
        for (int form = 0; form < 16; form++)
        {
            bool bias = (form & 1) != 0, residual = (form & 2) != 0, relu = (form & 4) != 0, statistics = (form & 8) != 0;
            double[] y = [.. plain.Select((v, i) => v + (bias ? b[channel(i)] : 0) + (residual ? r[i] : 0)).Select(v => relu ? Math.Max(0, v) : v)];
            var epilogue = new Epilogue(bias ? B : null, residual ? R : null, relu, statistics ? moments : null);
            float[]? first = null;
            foreach (var (lanes, count) in ((int, int)[])[(16, 1), (16, 2), (16, 3), (8, 2), (1, 2), (0, 1)])
            {
                if (lanes > best) continue;
                Cpu.GemmKernel.Use(lanes == 0 ? best : lanes);
                CpuThreads.Count = count;
                Views.Clear(Y);
                Views.Clear(moments);
                run(lanes == 0 ? composed : cpu, epilogue);
                string what = $"form {form}, {lanes} lanes, {count} threads";
                float[] actual = Views.Get<float>(Y);
                Assert.That(Error(actual, y).Max, Is.LessThan(2e-5), what);
                if (statistics) CheckMoments(y, channels, channel, Views.Get<float>(moments), what);
                float[] all = [.. actual, .. statistics ? Views.Get<float>(moments) : []];
                if (count == 1 && lanes == best) first = all;
                else if (lanes == best) Assert.That(all, Is.EqualTo(first), what);
            }
        }
    }

    static void CheckMoments(double[] y, int channels, Func<int, int> channel, float[] actual, string what)
    {
        double[] expected = new double[2 * channels];
        double n = y.Length / channels;
        for (int i = 0; i < y.Length; i++) expected[channel(i)] += y[i] / n;
        for (int i = 0; i < y.Length; i++) expected[channels + channel(i)] += (y[i] - expected[channel(i)]) * (y[i] - expected[channel(i)]) / n;
        Assert.That(Error(actual[..channels], expected[..channels]).Max, Is.LessThan(2e-5), "mean, " + what);
        double scale = Math.Max(1, expected[channels..].Max());
        for (int c = 0; c < channels; c++) Assert.That(actual[channels + c], Is.EqualTo(expected[channels + c]).Within(4e-5 * scale), $"variance {c}, {what}");
    }

    [Test]
    public void AMeanFarFromZeroCostsNoDigits([Values(1, 2)] int size)
    {
        const int C = 40;
        Shape ys = [16, C, 30, 30];
        float[] x = [.. Normal(ys.Count, 1).Select(v => 1000 + v)], w = new float[C * C * size * size];
        for (int i = 0; i < C; i++) w[((i * C) + i) * size * size] = 1;
        View y = Views.Empty<float>(ys), moments = Views.Empty<float>([2, C]);
        // A 2x2 kernel whose first tap alone is not zero: the direct path instead of a matrix product.
        var p = size == 1 ? new Window2d(1, 1) : new Window2d(2, 2, Bottom: 1, Right: 1);
        cpu.Conv2d(Views.Of(ys, x), Views.Of([C, C, size, size], w), y, p, new Epilogue(Moments: moments));
        float[] actual = Views.Get<float>(moments);
        for (int c = 0; c < C; c++)
        {
            double[] channel = [.. x.Where((_, i) => i / 900 % C == c).Select(v => (double)v)];
            double mean = channel.Average(), variance = channel.Average(v => (v - mean) * (v - mean));
            Assert.That(actual[c], Is.EqualTo(mean).Within(1e-4));
            Assert.That(actual[C + c], Is.EqualTo(variance).Within(1e-6));
        }
    }

    [TearDown]
    public void Restore()
    {
        Cpu.GemmKernel.Use(best);
        CpuThreads.Count = threads;
    }
}
