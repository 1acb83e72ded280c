using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The GPU's product of factors of 16 bits, on the emulator: the factors are exact, so that only the float32 sums round.</summary>
[NonParallelizable]
public sealed class CudaGemm16Tests
{
    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    /// <summary>All by 16 bytes but the last three, which are converted to float32.</summary>
    static readonly (int M, int N, int K)[] sizes =
        [(8, 8, 8), (16, 8, 32), (136, 24, 40), (40, 136, 72), (8, 16, 1000), (128, 128, 64), (256, 8, 136), (1, 8, 16), (3, 5, 7), (8, 9, 12)];

    [Test]
    public void EverySizeAndTransposeAgreesWithDoubles([ValueSource(nameof(sizes))] (int M, int N, int K) s, [Values] bool half)
    {
        float[] a = [.. Normal((long)s.M * s.K, 1).Select(x => Rounded(x, half))], b = [.. Normal((long)s.K * s.N, 2).Select(x => Rounded(x, half))], y0 = Normal((long)s.M * s.N, 3);
        var plain = GemmTests.Reference(a, b, null, s.M, s.N, s.K, 1, 0);
        var scaled = GemmTests.Reference(a, b, y0, s.M, s.N, s.K, -0.5f, 2);
        for (int form = 0; form < 4; form++)
        {
            View A = Matrix(s.M, s.K, form % 2 == 1, a, half), B = Matrix(s.K, s.N, form / 2 == 1, b, half), y = Views.Empty<float>([s.M, s.N]);
            gpu.Gemm16(A, B, y);
            Assert.That(Error(Views.Get<float>(y), plain).Max, Is.LessThan(2e-6), $"form {form}");
            Views.Set<float>(y, y0);
            gpu.Gemm16(A, B, y, -0.5f, 2);
            Assert.That(Error(Views.Get<float>(y), scaled).Max, Is.LessThan(2e-6), $"form {form}, alpha and beta");
        }
    }

    [Test]
    public void Batches()
    {
        const int G = 3, M = 8, N = 24, K = 40;
        float[] a = [.. Normal(G * M * K, 1).Select(x => Rounded(x, false))], b = [.. Normal(K * N, 2).Select(x => Rounded(x, false))];
        View A = Matrix(G * M, K, false, a, false).Reshape([G, M, K]), B = Matrix(K, N, true, b, false).BroadcastTo([G, K, N]), y = Views.Empty<float>([G, M, N]);
        gpu.Gemm16(A, B, y);
        Assert.That(Error(Views.Get<float>(y), GemmTests.Reference(a, b, null, G * M, N, K, 1, 0)).Max, Is.LessThan(2e-6));
    }

    [Test]
    public void OtherTypesAreRefused()
    {
        View y = Views.Empty<float>([8, 8]), x = Views.Empty<Half>([8, 8]);
        Assert.That(() => gpu.Gemm16(y, y, y), Throws.TypeOf<DTypeException>().With.Message.StartsWith("Gemm16: element types: got Float32 and Float32"));
        Assert.That(() => gpu.Gemm16(x, Views.Empty<BFloat16>([8, 8]), y), Throws.TypeOf<DTypeException>());
    }

    static View Matrix(int rows, int cols, bool transposed, float[] values, bool half)
    {
        var layout = transposed ? new Layout([rows, cols], [1, rows]) : new Layout([rows, cols], [cols, 1]);
        return half ? Views.Of(layout, [.. values.Select(x => (Half)x)]) : Views.Of(layout, [.. values.Select(x => (BFloat16)x)]);
    }

    static float Rounded(float x, bool half) => half ? (float)(Half)x : (float)(BFloat16)x;
}
