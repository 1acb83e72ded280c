using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The GPU's pools, of four channels a thread and the plain ones, give the CPU's bits.</summary>
[NonParallelizable]
public sealed class PoolKernelsTests
{
    static readonly CudaBackend emulator = (CudaBackend)Device.Emulator.Backend;

    static readonly object[] pools =
    [
        new object[] { 2, 4, 9, 8, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 1, 132, 7, 7, new Window2d(3, 3, 2, 2), 1 }, new object[] { 2, 16, 6, 6, new Window2d(2, 2, 2, 2), 0 },
        new object[] { 1, 3, 5, 6, new Window2d(3, 2, 2, 1, 1, 0, 1, 0), 0 }, new object[] { 3, 20, 9, 9, new Window2d(3, 3, 3, 3, 1, 1, 1, 1), 1 }, new object[] { 1, 8, 9, 9, new Window2d(2, 3, 1, 2, 1, 1, 1, 1, 2, 1), 0 },
        new object[] { 2, 24, 10, 11, new Window2d(3, 3, 2, 1, 2, 3, 2, 3, 2, 3), 0 }, new object[] { 3, 264, 3, 3, new Window2d(3, 3), 0 }, new object[] { 1, 33, 10, 11, new Window2d(5, 5, 3, 3, 2, 2, 2, 2), 1 }, new object[] { 2, 8, 3, 3, new Window2d(1, 1, 2, 2), 0 },
    ];

    [TearDown]
    public void Restore() => emulator.PlainChannels = false;

    [Test, Combinatorial]
    public void BitsOfTheCpu([ValueSource(nameof(pools))] object[] pool, [Values("vectors", "plain", "misaligned")] string kernels)
    {
        int offset = kernels == "misaligned" ? 1 : 0;
        var (N, C, H, W, p, extra) = ((int)pool[0], (int)pool[1], (int)pool[2], (int)pool[3], (Window2d)pool[4], (int)pool[5]);
        Shape xs = [N, C, H, W], ys = [N, C, p.OutH(H) + extra, p.OutW(W) + extra];
        float[] x = [.. Normal(xs.Count, 1).Select(v => MathF.Round(v * 2) / 2)]; // rounded: ties
        x[1] = float.NaN;
        for (int i = 2; i < H * W; i += 3) x[i] = float.NegativeInfinity;
        View X = Views.Of(Moved(xs, offset), x), G = Views.Of(Moved(ys, offset), Normal(ys.Count, 2));
        emulator.PlainChannels = kernels == "plain";
        float[][] expected = Run(Views.Cpu), actual = Run(emulator);
        for (int i = 0; i < expected.Length; i++) Assert.That(actual[i], Is.EqualTo(expected[i]), $"result {i}");

        float[][] Run(Backend k)
        {
            View Y = Views.Empty<float>(Moved(ys, offset)), alone = Views.Empty<float>(Moved(ys, offset)), I = Views.Empty<int>(Moved(ys, offset)), GX = Views.Empty<float>(Moved(xs, offset));
            k.MaxPool2d(X, Y, I, p);
            k.MaxPool2d(X, alone, null, p);
            k.MaxPool2dBackward(G, I, GX, p);
            List<float[]> results = [Views.Get<float>(Y), Views.Get<float>(alone), [.. Views.Get<int>(I).Select(v => (float)v)], Views.Get<float>(GX)];
            foreach (bool countPadding in (bool[])[false, true])
            {
                View A = Views.Empty<float>(Moved(ys, offset)), GA = Views.Empty<float>(Moved(xs, offset));
                k.AvgPool2d(X, A, p, countPadding);
                k.AvgPool2dBackward(G, GA, p, countPadding);
                results.AddRange([Views.Get<float>(A), Views.Get<float>(GA)]);
            }
            return [.. results];
        }
    }

    /// <summary>A dense layout that begins <paramref name="offset"/> elements into its storage: past 0, no 16-byte accesses.</summary>
    static Layout Moved(Shape s, int offset)
    {
        var dense = Layout.Dense(s);
        return new Layout(s, dense.Strides, offset);
    }
}
