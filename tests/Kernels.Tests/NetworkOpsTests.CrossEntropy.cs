using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <content>Cross-entropy of logits and its gradient.</content>
public sealed partial class NetworkOpsTests
{
    /// <summary>The second sample does not count; in the third, one class is impossible.</summary>
    [Test]
    public void CrossEntropy([Values("7 5", "4 1003", "3 40 6", "2 21 3 2")] string shape, [Values(0f, 0.1f)] float smoothing, [Values] bool weighted)
    {
        Shape s = new([.. shape.Split(' ').Select(int.Parse)]), one = s.With(1, 1);
        int C = s[1], step = (int)(s.Count / s[0] / C), n = (int)one.Count;
        float[] x = [.. Normal(s.Count, 1).Select(v => (v * 4) + 50)], g = Normal(n, 2), v = [.. Normal(C, 3).Select(a => weighted ? MathF.Abs(a) : 1)];
        long[] classes = [.. Enumerable.Range(0, n).Select(i => i * 7L % C)];
        bool[] counts = [.. Enumerable.Range(0, n).Select(i => i != 1)];
        int Start(int i) => (i / step * C * step) + (i % step);
        if (smoothing == 0) x[Start(2) + ((int)(classes[2] + 1) % C * step)] = float.NegativeInfinity;
        float[] w = [.. classes.Select((y, i) => counts[i] ? v[y] : 0)];
        double[] loss = new double[n], gx = new double[s.Count];
        for (int i = 0; i < n; i++)
        {
            if (!counts[i]) continue;
            double[] z = [.. Enumerable.Range(0, C).Select(c => (double)x[Start(i) + (c * step)])];
            double max = z.Max(), ln = Math.Log(z.Sum(a => Math.Exp(a - max))) + max;
            double Q(int c) => ((1 - smoothing) * (c == classes[i] ? w[i] : 0)) + (smoothing / C * v[c]);
            double total = Enumerable.Range(0, C).Sum(Q);
            for (int c = 0; c < C; c++)
            {
                if (Q(c) != 0) loss[i] -= Q(c) * (z[c] - ln);
                gx[Start(i) + (c * step)] = g[i] * ((Math.Exp(z[c] - ln) * total) - Q(c));
            }
        }
        View X = Views.Of(s, x), G = Views.Of(one, g);
        var target = new ClassTargets(Views.Of(one, classes), Views.Of(one, counts), Views.Of(one, w), weighted ? Views.Of([C], v) : null, smoothing);
        double[] scaled = [.. gx.Select((d, j) => d * 0.37 / g[j / step / C * step + (j % step)])];
        Check(2e-5, [loss, scaled], k =>
        {
            View L = Views.Empty<float>(one), GX = Views.Empty<float>(s), K = Views.Empty<float>([2, n]), L2 = Views.Empty<float>(one), GX2 = Views.Empty<float>(s);
            k.CrossEntropyWithGradient(X, target, 0.37f, L, GX);
            k.CrossEntropy(X, target, L2, K);
            k.CrossEntropyBackward(X, target, K, Views.Of(one, [.. Enumerable.Repeat(0.37f, n)]), GX2);
            if (k is Cpu.CpuBackend) Assert.That((Views.Get<float>(L), Views.Get<float>(GX)), Is.EqualTo((Views.Get<float>(L2), Views.Get<float>(GX2))), "one pass and two: bits");
            return [Views.Get<float>(L), Views.Get<float>(GX)];
        });
        Check(2e-5, [loss, gx], k =>
        {
            View L = Views.Empty<float>(one), K = Views.Empty<float>([2, n]), GX = Views.Empty<float>(s);
            k.CrossEntropy(X, target, L, K);
            k.CrossEntropyBackward(X, target, K, G, GX);
            return [Views.Get<float>(L), Views.Get<float>(GX)];
        });
    }
}
