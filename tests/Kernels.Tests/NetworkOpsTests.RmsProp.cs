using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

public sealed partial class NetworkOpsTests
{
    [Test]
    public void RmsPropSteps([ValueSource(nameof(options))] StepOptions given, [Values] bool momentum, [Values] bool centered)
    {
        var o = given with { Beta2 = Math.Max(given.Beta2, 0.9), Eps = 1e-3f };
        Shape s = [5, 3, 7, 50];
        float[] w0 = Normal(s.Count, 1);
        double[] w = [.. w0.Select(x => (double)x)], v = new double[w.Length], m = new double[w.Length], a = new double[w.Length];
        for (int step = 1; step <= 3; step++)
        {
            float[] g = Normal(s.Count, (ulong)(step + 10));
            for (int i = 0; i < w.Length; i++)
            {
                double d = g[i] + (o.L2 * w[i]);
                v[i] = (o.Beta2 * v[i]) + ((1 - o.Beta2) * d * d);
                a[i] = centered ? (o.Beta2 * a[i]) + ((1 - o.Beta2) * d) : 0;
                d /= Math.Sqrt(v[i] - (a[i] * a[i])) + o.Eps;
                m[i] = momentum ? (o.Momentum * m[i]) + d : 0;
                w[i] = (w[i] * (1 - (o.Lr * o.Decay))) - (o.Lr * (momentum ? m[i] : d));
            }
        }
        Check(1e-5, [w, v, m, a], k =>
        {
            View W = Views.Of(s, w0), V = Views.Of(s, new float[s.Count]), M = Views.Of(s, new float[s.Count]), A = Views.Of(s, new float[s.Count]);
            for (int step = 1; step <= 3; step++)
                k.RmsPropStep(W, Views.Of(s, Normal(s.Count, (ulong)(step + 10))), V, momentum ? M : null, centered ? A : null, o);
            return [Views.Get<float>(W), Views.Get<float>(V), Views.Get<float>(M), Views.Get<float>(A)];
        });
    }
}
