using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Every version of the GPU's matrix product, on the emulator, against double precision.</summary>
[NonParallelizable]
[TestFixtureSource(nameof(Versions))]
public sealed class CudaGemmTests(string name)
{
    static readonly string[] Versions = Enum.GetNames<GemmVersion>();

    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    static readonly (int M, int N, int K)[] sizes =
        [(1, 1, 1), (1, 70, 5), (70, 1, 33), (3, 5, 2), (16, 16, 16), (17, 33, 9), (129, 7, 31), (8, 130, 64), (64, 36, 48), (132, 136, 20), (40, 100, 36), (5, 3, 600), (12, 20, 1100)];

    readonly GemmVersion version = Enum.Parse<GemmVersion>(name);

    // Largest error relative to the largest result: a few roundings of the sum.
    double tolerance => version is GemmVersion.Tf32 or GemmVersion.Tf32Registers ? 1e-3 : 2e-6;

    [SetUp]
    public void Use() => gpu.OnlyGemm = version;

    [TearDown]
    public void Restore() => gpu.OnlyGemm = null;

    [Test]
    public void EverySizeAndTransposeAgreesWithDoubles([ValueSource(nameof(sizes))] (int M, int N, int K) s)
    {
        float[] a = Normal((long)s.M * s.K, 1), b = Normal((long)s.K * s.N, 2), y0 = Normal((long)s.M * s.N, 3);
        var plain = GemmTests.Reference(a, b, null, s.M, s.N, s.K, 1, 0);
        var scaled = GemmTests.Reference(a, b, y0, s.M, s.N, s.K, -0.5f, 2);
        // Every form of a and of b; where the sum is long, not every pair of them.
        for (int form = 0; form < 25; form += s.K < 600 ? 1 : 6)
        {
            View A = GemmTests.Matrix(s.M, s.K, form % 5, a), B = GemmTests.Matrix(s.K, s.N, form / 5, b), y = GemmTests.Matrix(s.M, s.N, form % 4, new float[s.M * s.N]);
            Views.Clear(y);
            gpu.Gemm(A, B, y);
            Assert.That(Error(Views.Get<float>(y), plain).Max, Is.LessThan(tolerance), $"form {form}");
            if (form % 3 > 0) continue;
            Views.Set<float>(y, y0);
            gpu.Gemm(A, B, y, -0.5f, 2);
            Assert.That(Error(Views.Get<float>(y), scaled).Max, Is.LessThan(tolerance), $"form {form}, alpha and beta");
        }
    }

    [Test]
    public void BatchesAndBroadcastOperands([Values(21, 700)] int K)
    {
        const int G = 3, H = 2, M = 9, N = 36;
        float[] a = Normal(G * M * K, 6), b = Normal(H * K * N, 7);
        View A = Views.Of(Layout.RowMajor([G, 1, M, K]), a).BroadcastTo([G, H, M, K]);
        View B = Views.Of(Layout.RowMajor([1, H, K, N]), b).BroadcastTo([G, H, K, N]);
        foreach (var layout in (Layout[])[Layout.Dense([G, H, M, N]), Layout.RowMajor([G, H, M, N])])
        {
            var y = Views.Empty<float>(layout);
            gpu.Gemm(A, B, y);
            float[] actual = Views.Get<float>(y);
            for (int g = 0; g < G; g++)
                for (int h = 0; h < H; h++)
                {
                    var expected = GemmTests.Reference(a[(g * M * K)..((g + 1) * M * K)], b[(h * K * N)..((h + 1) * K * N)], null, M, N, K, 1, 0);
                    int at = ((g * H) + h) * M * N;
                    Assert.That(Error(actual[at..(at + (M * N))], expected).Max, Is.LessThan(tolerance), $"{layout}, product {g}, {h}");
                }
        }
    }

    [Test]
    public void EpiloguesInEveryCombination([Values(8, 600)] int K)
    {
        const int M = 19, N = 40;
        float[] a = Normal(M * K, 1), w = Normal(K * N, 2), b = Normal(N, 3), r = Normal(M * N, 4);
        View A = Views.Of([M, K], a), W = Views.Of([K, N], w), Y = Views.Empty<float>([M, N]);
        var plain = GemmTests.Reference(a, w, null, M, N, K, 1, 0);
        for (int form = 0; form < 16; form++)
        {
            bool bias = (form & 1) != 0, residual = (form & 2) != 0, relu = (form & 4) != 0, strided = (form & 8) != 0;
            View B = Views.Of(strided ? new Layout([N], [3], 1) : Layout.Dense([N]), b), R = Views.Of(strided ? new Layout([M, N], [1, M]) : Layout.Dense([M, N]), r);
            double[] expected = [.. plain.Select((v, i) => v + (bias ? b[i % N] : 0) + (residual ? r[i] : 0)).Select(v => relu ? Math.Max(0, v) : v)];
            Views.Clear(Y);
            gpu.Gemm(A, W, Y, new Epilogue(bias ? B : null, residual ? R : null, relu));
            Assert.That(Error(Views.Get<float>(Y), expected).Max, Is.LessThan(tolerance), $"form {form}");
        }
    }

    [Test]
    public void ZeroSizesAndZeroFactors()
    {
        var y = Views.Empty<float>([2, 3]);
        gpu.Gemm(Views.Empty<float>([2, 0]), Views.Empty<float>([0, 3]), y);
        Assert.That(Views.Get<float>(y), Is.All.EqualTo(0));
        Views.Set<float>(y, [1, 2, 3, 4, 5, 6]);
        gpu.Gemm(Views.Empty<float>([2, 4]), Views.Empty<float>([4, 3]), y, alpha: 0, beta: 2);
        Assert.That(Views.Get<float>(y), Is.EqualTo((float[])[2, 4, 6, 8, 10, 12]));
        gpu.Gemm(Views.Empty<float>([0, 4]), Views.Empty<float>([4, 3]), Views.Empty<float>([0, 3]));
    }

    [Test]
    public void NaNSpreadsOverItsRowOnly()
    {
        float[] a = new float[4 * 40];
        a[45] = float.NaN;
        var y = Views.Empty<float>([4, 50]);
        gpu.Gemm(Views.Of([4, 40], a), Views.Of([40, 50], Normal(2000, 8)), y);
        float[] actual = Views.Get<float>(y);
        for (int i = 0; i < actual.Length; i++) Assert.That(float.IsNaN(actual[i]), Is.EqualTo(i / 50 == 1), $"element {i}");
    }

    [Test]
    public void InfinityStaysInfinityWhereItMeetsNoZero([Values(40, 100)] int N)
    {
        const int M = 6, K = 37;
        float[] a = Normal(M * K, 1), b = Normal(K * N, 2);
        a[(2 * K) + 5] = float.PositiveInfinity;
        a[(4 * K) + 36] = float.NegativeInfinity;
        b[(36 * N) + 7] = float.PositiveInfinity;
        var y = Views.Empty<float>([M, N]);
        gpu.Gemm(Views.Of([M, K], a), Views.Of([K, N], b), y);
        float[] actual = Views.Get<float>(y);
        double[] expected = GemmTests.Reference(a, b, null, M, N, K, 1, 0);
        for (int i = 0; i < actual.Length; i++)
            if (double.IsFinite(expected[i])) Assert.That(actual[i], Is.EqualTo(expected[i]).Within(tolerance * 30), $"element {i}");
            else Assert.That(actual[i], Is.EqualTo((float)expected[i]), $"element {i}");
        Assert.That(expected.Count(double.IsInfinity), Is.GreaterThan(2 * N));
    }
}
