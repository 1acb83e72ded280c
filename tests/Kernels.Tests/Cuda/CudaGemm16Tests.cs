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

    /// <summary>Several tiles, pieces of K, columns that do not come by fours, and no factor by 16 bytes.</summary>
    static readonly (int M, int N, int K)[] smallSizes = [(8, 8, 8), (136, 24, 40), (8, 16, 1000), (8, 9, 16), (3, 5, 7)];

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

    /// <summary>What the kernel stores in 16 bits is what it would have stored in float32, rounded once: with bias, residual and ReLU, by fours and one by one, in pieces of K.</summary>
    [Test]
    public void ResultsOf16BitsAreTheFloat32OnesRounded([ValueSource(nameof(smallSizes))] (int M, int N, int K) s, [Values] bool half, [Values] bool halfResult)
    {
        float[] a = Normal((long)s.M * s.K, 1), b = Normal((long)s.K * s.N, 2), r = [.. Normal((long)s.M * s.N, 3).Select(x => Rounded(x, halfResult))];
        View bias = Views.Of([s.N], Normal(s.N, 4)), wide = Views.Of(new Layout([s.M, s.N], [s.N, 1]), r), y = Views.Empty<float>([s.M, s.N]);
        for (int form = 0; form < 4; form++)
        {
            bool transposed = form is 1 or 2; // and so is the result
            View A = Matrix(s.M, s.K, form % 2 == 1, a, half), B = Matrix(s.K, s.N, form / 2 == 1, b, half), R = Matrix(s.M, s.N, transposed, r, halfResult);
            (Epilogue Wide, Epilogue Of16)[] epilogues = [(default, default), (new(form < 2 ? bias : null, wide, Relu: true), new(form < 2 ? bias : null, R, Relu: true))];
            foreach (var (epilogue, of16) in epilogues)
            {
                View y16 = Matrix(s.M, s.N, transposed, new float[s.M * s.N], halfResult);
                gpu.Gemm16(A, B, y, epilogue);
                gpu.Gemm16(A, B, y16, of16);
                Assert.That(Floats(y16), Is.EqualTo(Views.Get<float>(y).Select(v => Rounded(v, halfResult))), $"form {form}, {of16}");
            }
        }
    }

    [Test]
    public void NothingIsWidenedOrRoundedByPassesOfItsOwn([Values(40, 1000)] int k)
    {
        using CheckedGpu own = new();
        using Bench bench = new(own.Device);
        View a = bench.Numbers(DType.BFloat16, 24, k), b = bench.Numbers(DType.BFloat16, 16, k).Permute(1, 0), y = bench.Empty([24, 16], DType.BFloat16), r = bench.Numbers(DType.BFloat16, 24, 16), bias = bench.Normal(16);
        int before = own.Launched.Count;
        own.Backend.Gemm16(a, b, y, new Epilogue(bias, r, Relu: true));
        string[] expected = k > 512 ? ["gemm_half", "gemm_combine"] : ["gemm_half"];
        Assert.That(own.Launched.Skip(before), Is.EqualTo(expected));
        View x = bench.Numbers(DType.BFloat16, 2, 16, 3, 4), w = bench.Numbers(DType.BFloat16, 24, 16, 1, 1), z = bench.Empty([2, 24, 3, 4], DType.BFloat16), gx = bench.Empty([2, 16, 3, 4], DType.BFloat16);
        before = own.Launched.Count;
        own.Backend.Conv2d16(x, w, z, new Window2d(1, 1), new Epilogue(bench.Normal(24), null, Relu: true));
        own.Backend.Conv2d16BackwardData(z, w, gx, new Window2d(1, 1));
        Assert.That(own.Launched.Skip(before), Is.EqualTo(new[] { "gemm_half", "gemm_half" }));
        Assert.That(own.Findings, Is.Empty);
    }

    static float[] Floats(View x) => x.DType == DType.Float16 ? Array.ConvertAll(Views.Get<Half>(x), v => (float)v) : Array.ConvertAll(Views.Get<BFloat16>(x), v => (float)v);

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
