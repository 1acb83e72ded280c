using Tessera.Cuda;
using static Tessera.Cuda.CudaBackend;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Every kernel of softmax and its gradient against double precision: lengths about the sizes of warps and blocks, layouts, special values.</summary>
public sealed class SoftmaxKernelTests
{
    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    static readonly SoftmaxKernel[] kernels = Enum.GetValues<SoftmaxKernel>();

    [Test]
    public void EveryLength([ValueSource(nameof(kernels))] object kernel, [Values(1, 2, 31, 32, 33, 255, 256, 257, 1000, 2049, 8192)] int n)
        => Check((SoftmaxKernel)kernel, new Shape(3, n), 1, "dense");

    [Test]
    public void LinesLongerThanTheRegistersOfABlock() => Check(null, [2, 8193], 1, "dense");

    [Test]
    public void EveryLayout([ValueSource(nameof(kernels))] object kernel, [ValueSource(typeof(Layouts), nameof(Layouts.Names))] string layout, [Values(0, 1, 2, 3)] int dim)
        => Check((SoftmaxKernel)kernel, [3, 35, 2, 2], dim, layout);

    /// <summary>More lines than threads of the plain kernel, and than are taken by it by choice.</summary>
    [Test]
    public void ManyLinesSideBySide() => Check(null, [3, 16385], 0, "rows");

    [Test]
    public void NotANumberFillsItsLineAndInfinityTakesAll([ValueSource(nameof(kernels))] object kernel, [Values] bool log)
    {
        const float inf = float.PositiveInfinity;
        float[] x = [1, float.NaN, 2, /**/ -inf, -inf, -inf, /**/ -inf, 0, -inf, /**/ 3, inf, 1, /**/ 3e38f, -3e38f, 3e38f];
        View y = Views.Empty<float>([5, 3]);
        gpu.Softmax(Views.Of([5, 3], x), y, 1, log, (SoftmaxKernel)kernel);
        float[] expected = log
            ? [.. Enumerable.Repeat(float.NaN, 6), -inf, 0, -inf, .. Enumerable.Repeat(float.NaN, 3), -MathF.Log(2), -inf, -MathF.Log(2)]
            : [.. Enumerable.Repeat(float.NaN, 6), 0, 1, 0, .. Enumerable.Repeat(float.NaN, 3), 0.5f, 0, 0.5f];
        Assert.That(Views.Get<float>(y), Is.EqualTo(expected).Within(1).Ulps);
    }

    static void Check(SoftmaxKernel? kernel, Shape shape, int dim, string layout)
    {
        float[] x = [.. Normal(shape.Count, 1).Select(v => v * 4)], g = Normal(shape.Count, 2);
        int n = shape[dim], step = 1;
        for (int d = dim + 1; d < shape.Rank; d++) step *= shape[d];
        View Of(float[] values) => Views.Of(Layouts.Named(layout, shape), values);
        foreach (bool log in new[] { false, true })
        {
            double[] y = new double[x.Length], gx = new double[x.Length];
            for (int first = 0; first < x.Length; first++)
            {
                if (first / step % n != 0) continue;
                int[] line = [.. Enumerable.Range(0, n).Select(i => first + (i * step))];
                double max = line.Max(i => x[i]), sum = line.Sum(i => Math.Exp(x[i] - max));
                double Softmax(int i) => Math.Exp(x[i] - max) / sum;
                double dot = line.Sum(i => log ? g[i] : g[i] * Softmax(i));
                foreach (int i in line) (y[i], gx[i]) = log ? (x[i] - max - Math.Log(sum), g[i] - (Softmax(i) * dot)) : (Softmax(i), Softmax(i) * (g[i] - dot));
            }
            View Y = Of(x), G = Of(g); // in place
            if (kernel is { } k)
            {
                gpu.Softmax(Y, Y, dim, log, k);
                gpu.SoftmaxBackward(G, Y, G, dim, log, k);
            }
            else
            {
                gpu.Softmax(Y, Y, dim, log);
                gpu.SoftmaxBackward(G, Y, G, dim, log);
            }
            double tolerance = 1e-6 + (kernel == SoftmaxKernel.Plain ? 2e-9 * n : 0); // it adds up one after the other
            Assert.That(Error(Views.Get<float>(Y), y).Max, Is.LessThan(tolerance), $"y, log {log}");
            Assert.That(Error(Views.Get<float>(G), gx).Max, Is.LessThan(2 * tolerance), $"gx, log {log}");
        }
    }
}
