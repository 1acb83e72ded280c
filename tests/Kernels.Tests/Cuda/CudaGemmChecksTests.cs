using System.Runtime.InteropServices;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The matrix products under all of the emulator's checks: no race, no read of what nobody wrote, no barrier that only some reach.</summary>
[NonParallelizable]
public sealed class CudaGemmChecksTests
{
    static readonly string[] Kernels = [.. Enum.GetNames<GemmVersion>(), "Half"];

    [Test]
    public void NothingIsFound([ValueSource(nameof(Kernels))] string name, [Values("150 44 37", "40 140 64", "24 72 520")] string shape, [Values] bool transposed)
    {
        using CheckedGpu gpu = new();
        var (backend, device) = (gpu.Backend, gpu.Device);
        int[] s = [.. shape.Split(' ').Select(int.Parse)];
        (int M, int N, int K) = (s[0] / 8 * 8, s[1] / 4 * 4, s[2]);
        if (name == "Half") (N, K) = (N / 8 * 8, K / 8 * 8);
        else backend.OnlyGemm = Enum.Parse<GemmVersion>(name);
        float[] a = Normal(M * K, 1), b = Normal(K * N, 2), r = Normal(M * N, 3);
        using Temporary A = On(device, M, K, transposed, a, name == "Half"), B = On(device, K, N, transposed, b, name == "Half"), Y = On(device, M, N, false, r, false);
        if (name == "Half") backend.Gemm16(A.View, B.View, Y.View);
        else backend.Gemm(A.View, B.View, Y.View, 1, 0.5f);
        Assert.That(gpu.Findings, Is.Empty);
        Assert.That(gpu.Launched, Has.Count.EqualTo(K >= 512 ? 2 : 1), "one kernel, and one for the sum of the pieces");
        float[] y = new float[M * N];
        backend.Download(Y.View.Storage, MemoryMarshal.AsBytes(y.AsSpan()));
        var expected = GemmTests.Reference(a, b, r, M, N, K, 1, name == "Half" ? 0 : 0.5f);
        Assert.That(Error(y, expected).Rms, Is.LessThan(name == "Half" ? 4e-3 : 1e-3));
    }

    static Temporary On(Device device, int rows, int cols, bool transposed, float[] values, bool half)
    {
        float[] stored = transposed ? [.. values.Select((_, i) => values[(i % rows * cols) + (i / rows)])] : values;
        byte[] bytes = half ? MemoryMarshal.AsBytes<BFloat16>(stored.Select(x => (BFloat16)x).ToArray()).ToArray() : MemoryMarshal.AsBytes<float>(stored).ToArray();
        var result = new Temporary(device, transposed ? new Layout([rows, cols], [1, rows]) : Layout.RowMajor([rows, cols]), half ? DType.BFloat16 : DType.Float32);
        device.Backend.Upload(bytes, result.View.Storage);
        return result;
    }
}
