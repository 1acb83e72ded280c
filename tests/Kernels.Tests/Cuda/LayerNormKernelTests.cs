using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Layer and group norm, composed on the CPU and by the kernels, against the formulas in double precision.</summary>
public sealed class LayerNormKernelTests
{
    static readonly Backend[] backends = [Device.Cpu.Backend, Device.Emulator.Backend];

    [Test]
    public void ForwardAndBackward([ValueSource(nameof(backends))] object backend, [Values(1, 3)] int groups, [Values(1, 3, 33)] int channels, [Values(1, 7, 300)] int positions, [Values(0, 1, 2, 3)] int parameters)
    {
        Shape shape = [1, 2, groups, channels, positions], one = [1, 1, groups, channels, 1];
        const float eps = 1e-5f;
        int n = channels * positions, rows = 2 * groups;
        float[] x = [.. Normal(shape.Count, 1).Select(v => (v * 3) + 10)], gy = Normal(shape.Count, 2), w = Normal(one.Count, 3), b = Normal(one.Count, 4);
        bool scaled = (parameters & 1) != 0, shifted = (parameters & 2) != 0;
        double[] y = new double[x.Length], gx = new double[x.Length], gw = new double[w.Length], gb = new double[w.Length];
        for (int row = 0; row < rows; row++)
        {
            int Channel(int i) => (row % groups * channels) + (i % n / positions);
            int[] line = [.. Enumerable.Range(row * n, n)];
            double mean = line.Average(i => (double)x[i]), inverse = 1 / Math.Sqrt(line.Average(i => Math.Pow(x[i] - mean, 2)) + eps);
            double H(int i) => (x[i] - mean) * inverse;
            double G(int i) => gy[i] * (scaled ? w[Channel(i)] : 1);
            double g = line.Average(G), dot = line.Average(i => G(i) * H(i));
            foreach (int i in line)
            {
                y[i] = (H(i) * (scaled ? w[Channel(i)] : 1)) + (shifted ? b[Channel(i)] : 0);
                gx[i] = (G(i) - g - (H(i) * dot)) * inverse;
                gw[Channel(i)] += gy[i] * H(i);
                gb[Channel(i)] += gy[i];
            }
        }
        var k = (Backend)backend;
        View X = Views.Of(shape, x), Y = Views.Empty<float>(shape), GX = Views.Empty<float>(shape), W = Views.Of(one, w), GW = Views.Empty<float>(one), GB = Views.Empty<float>(one), statistics = Views.Empty<float>([2, 2, groups, 1, 1]);
        k.LayerNorm(X, scaled ? W : null, shifted ? Views.Of(one, b) : null, eps, Y, statistics);
        k.LayerNormBackward(Views.Of(shape, gy), X, scaled ? W : null, statistics, GX, GW, GB);
        // A variance of 0 makes 1/√eps: the mean's rounding error stands alone then.
        double tolerance = n == 1 ? 1e-3 : 2e-5;
        Assert.That(Error(Views.Get<float>(Y), y).Max, Is.LessThan(tolerance));
        Assert.That(Error(Views.Get<float>(GX), gx).Max, Is.LessThan(n == 1 ? 1 : 1e-4));
        Assert.That(Error(Views.Get<float>(GW), gw).Max, Is.LessThan(2e-4));
        Assert.That(Error(Views.Get<float>(GB), gb).Max, Is.LessThan(1e-5));
    }
}
