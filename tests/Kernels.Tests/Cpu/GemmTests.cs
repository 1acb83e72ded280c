namespace Tessera.Tests;

[NonParallelizable]
public sealed class GemmTests
{
    static readonly Backend cpu = Device.Cpu.Backend;

    static readonly (int M, int N, int K)[] sizes =
    [
        (1, 1, 1), (1, 7, 5), (7, 1, 5), (3, 5, 2), (14, 32, 16), (15, 33, 17), (28, 64, 300), (37, 2, 257), (2, 37, 640), (5, 130, 64),
        (64, 64, 64), (100, 90, 513), (170, 520, 31), (16, 16, 5000), (65, 33, 4100), (129, 257, 9), (1, 1000, 512), (500, 3, 27), (70, 1, 200), (1, 90, 67), (390, 40, 1100), (900, 33, 40),
    ];

    /// <summary>A matrix view: plain, transposed, with gaps between rows, or with no unit step at all.</summary>
    internal static View Matrix(int rows, int cols, int form, float[] values) => Views.Of(form switch
    {
        0 => new Layout([rows, cols], [cols, 1]),
        1 => new Layout([rows, cols], [1, rows]),
        2 => new Layout([rows, cols], [cols + 3, 1], 5),
        3 => new Layout([rows, cols], [2 * cols * 2, 2]),
        _ => new Layout([rows, cols], [1, (rows + 511) / 512 * 512], 1),
    }, values);

    internal static double[] Reference(float[] a, float[] b, float[]? y, int M, int N, int K, float alpha, float beta)
    {
        double[] result = new double[M * N];
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
            {
                double sum = 0;
                for (int k = 0; k < K; k++) sum += (double)a[(i * K) + k] * b[(k * N) + j];
                result[(i * N) + j] = (alpha * sum) + (y is null ? 0 : (double)beta * y[(i * N) + j]);
            }
        return result;
    }

    [Test]
    public void EverySizeAndTransposeAgreesWithDoubles([ValueSource(nameof(sizes))] (int M, int N, int K) s, [Values(16, 8, 1)] int lanes)
    {
        if (!Use(lanes)) Assert.Ignore($"this machine has no vectors of {lanes} lanes");
        float[] a = Arrays.Normal((long)s.M * s.K, 1), b = Arrays.Normal((long)s.K * s.N, 2), y0 = Arrays.Normal((long)s.M * s.N, 3);
        var plain = Reference(a, b, null, s.M, s.N, s.K, 1, 0);
        var scaled = Reference(a, b, y0, s.M, s.N, s.K, -0.5f, 2);
        for (int form = 0; form < 125; form += lanes == 16 ? 3 : 17)
        {
            View A = Matrix(s.M, s.K, form % 5, a), B = Matrix(s.K, s.N, form / 5 % 5, b), y = Matrix(s.M, s.N, form / 25, new float[s.M * s.N]);
            Views.Clear(y);
            cpu.Gemm(A, B, y);
            Assert.That(Arrays.Error(Views.Get<float>(y), plain).Rms, Is.LessThan(2e-6), $"form {form}");
            Views.Set<float>(y, y0);
            cpu.Gemm(A, B, y, -0.5f, 2);
            Assert.That(Arrays.Error(Views.Get<float>(y), scaled).Rms, Is.LessThan(2e-6), $"form {form}, alpha and beta");
        }
    }

    [Test]
    public void WidthsAndThreadsGiveTheSameBits()
    {
        foreach (var (M, N, K) in sizes)
        {
            View A = Views.Of([M, K], Arrays.Normal((long)M * K, 4)), B = Views.Of([K, N], Arrays.Normal((long)K * N, 5));
            float[]? expected = null;
            foreach (int lanes in (int[])[16, 8, 1])
                foreach (int threads in (int[])[1, 2, 3])
                {
                    if (!Use(lanes)) continue;
                    CpuThreads.Count = threads;
                    var y = Views.Empty<float>([M, N]);
                    cpu.Gemm(A, B, y);
                    if (threads == 1) expected = Views.Get<float>(y);
                    else Assert.That(Views.Get<float>(y), Is.EqualTo(expected), $"{M} {N} {K}, {lanes} lanes, {threads} threads");
                }
        }
    }

    [Test]
    public void BatchesAndBroadcastOperands()
    {
        const int G = 3, H = 2, M = 9, N = 35, K = 21;
        float[] a = Arrays.Normal(G * M * K, 6), b = Arrays.Normal(H * K * N, 7);
        View A = Views.Of(Layout.RowMajor([G, 1, M, K]), a).BroadcastTo([G, H, M, K]);
        View B = Views.Of(Layout.RowMajor([1, H, K, N]), b).BroadcastTo([G, H, K, N]);
        foreach (var layout in (Layout[])[Layout.Dense([G, H, M, N]), Layout.RowMajor([G, H, M, N])])
        {
            var y = Views.Empty<float>(layout);
            cpu.Gemm(A, B, y);
            float[] actual = Views.Get<float>(y);
            for (int g = 0; g < G; g++)
                for (int h = 0; h < H; h++)
                {
                    var expected = Reference(a[(g * M * K)..((g + 1) * M * K)], b[(h * K * N)..((h + 1) * K * N)], null, M, N, K, 1, 0);
                    int at = ((g * H) + h) * M * N;
                    Assert.That(Arrays.Error(actual[at..(at + (M * N))], expected).Rms, Is.LessThan(2e-6));
                }
        }
    }

    [Test]
    public void ZeroSizesAndZeroFactors()
    {
        var y = Views.Empty<float>([2, 3]);
        cpu.Gemm(Views.Empty<float>([2, 0]), Views.Empty<float>([0, 3]), y);
        Assert.That(Views.Get<float>(y), Is.All.EqualTo(0));
        Views.Set<float>(y, [1, 2, 3, 4, 5, 6]);
        cpu.Gemm(Views.Empty<float>([2, 4]), Views.Empty<float>([4, 3]), y, alpha: 0, beta: 2);
        Assert.That(Views.Get<float>(y), Is.EqualTo((float[])[2, 4, 6, 8, 10, 12]));
        cpu.Gemm(Views.Empty<float>([0, 4]), Views.Empty<float>([4, 3]), Views.Empty<float>([0, 3]));
    }

    [Test]
    public void NaNSpreadsOverItsRowOnly()
    {
        float[] a = new float[4 * 40];
        a[45] = float.NaN;
        var y = Views.Empty<float>([4, 50]);
        cpu.Gemm(Views.Of([4, 40], a), Views.Of([40, 50], Arrays.Normal(2000, 8)), y);
        float[] actual = Views.Get<float>(y);
        for (int i = 0; i < actual.Length; i++) Assert.That(float.IsNaN(actual[i]), Is.EqualTo(i / 50 == 1), $"element {i}");
    }

    static bool Use(int lanes)
    {
        if (lanes > best) return false;
        Cpu.GemmKernel.Use(lanes);
        return true;
    }

    static readonly int best = Cpu.GemmKernel.Lanes;
    static readonly int threadsBefore = CpuThreads.Count;

    [TearDown]
    public void Restore()
    {
        Cpu.GemmKernel.Use(best);
        CpuThreads.Count = threadsBefore;
    }
}
