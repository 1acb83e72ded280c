using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Steps on the emulator are the CPU's bits: many parameters of awkward sizes and places in one call.</summary>
public sealed class CudaOptimTests
{
    static readonly StepOptions[] options =
    [
        new(0.1f), new(0.05f, Momentum: 0.9f, Beta2: 0.99f, Eps: 1e-5f, Decay: 0.1f), new(0.02f, 0.95f, 0.999f, 1e-8f, L2: 0.05f, Nesterov: true),
        new(0.1f, 0.9f, 0.9f, 1e-3f, 0.3f, 0.2f, 0.19, 0.27, First: true), new(0.1f, 0.9, 0.99, 1e-8f, Nesterov: true, First: true),
    ];

    static readonly int[] sizes = [0, 1, 3, 4, 5, 1023, 4096, 4097, 9000, .. Enumerable.Range(60, 70)];

    [Test]
    public void SgdSteps([ValueSource(nameof(options))] StepOptions o, [Values] bool momentum, [Values(0, 1)] int offset)
        => Compare(offset, momentum, false, false, (k, t) => k.SgdSteps(t, o));

    [Test]
    public void AdamSteps([ValueSource(nameof(options))] StepOptions o, [Values(0, 1)] int offset)
        => Compare(offset, true, true, false, (k, t) => k.AdamSteps(t, o with { Beta2 = Math.Max(o.Beta2, 0.5), Eps = Math.Max(o.Eps, 1e-9f) }));

    [Test]
    public void RmsPropSteps([ValueSource(nameof(options))] StepOptions o, [Values] bool momentum, [Values] bool centered, [Values(0, 1)] int offset)
        => Compare(offset, momentum, true, centered, (k, t) => k.RmsPropSteps(t, o with { Beta2 = Math.Max(o.Beta2, 0.5), Eps = Math.Max(o.Eps, 1e-9f) }));

    /// <summary>A parameter whose strides differ from its gradient's is stepped by the composed operations.</summary>
    [Test]
    public void StridedParameters([Values("padded", "transposed")] string layout)
    {
        Shape s = [6, 7, 5];
        float[] w = Normal(s.Count, 1), g = Normal(s.Count, 2), m = Normal(s.Count, 3), v = [.. Normal(s.Count, 4).Select(x => x * x)];
        var o = new StepOptions(0.1f, 0.9, 0.99, 1e-5f, L2: 0.1f);
        float[][] Run(Backend k)
        {
            View W = Views.Of(Layouts.Named(layout, s), w), M = Views.Of(s, m), A = Views.Of(s, w), AM = Views.Of(s, m), V = Views.Of(s, v);
            View R = Views.Of(s, w), RV = Views.Of(s, v), RM = Views.Of(s, m), RA = Views.Of(Layouts.Named(layout, s), m);
            k.SgdStep(W, Views.Of(s, g), M, o);
            k.AdamStep(A, Views.Of(Layouts.Named(layout, s), g), AM, V, o);
            k.RmsPropStep(R, Views.Of(s, g), RV, RM, RA, o);
            return [.. new[] { W, M, A, AM, V, R, RV, RM, RA }.Select(Views.Get<float>)];
        }
        Assert.That(Run(Device.Emulator.Backend), Is.EqualTo(Run(Device.Cpu.Backend)));
    }

    /// <summary>Every tensor, the elements around it included, after a step of both backends from the same state.</summary>
    static void Compare(int offset, bool withM, bool withV, bool withA, Action<Backend, StepTensors[]> step)
    {
        float[][] Run(Backend backend)
        {
            List<View> all = [];
            View Part(int n, ulong seed, bool square = false)
            {
                float[] x = Normal(n + 9, seed);
                View whole = Views.Of([n + 9], square ? [.. x.Select(v => v * v)] : x);
                all.Add(whole);
                return new View(whole.Storage, DType.Float32, new Layout([n], [1], 4 * (n % 2) + offset));
            }
            StepTensors[] t = [.. sizes.Select((n, i) => new StepTensors(
                Part(n, (ulong)i), Part(n, (ulong)(i + 1000)), withM ? Part(n, (ulong)(i + 2000)) : null, withV ? Part(n, (ulong)(i + 3000), square: true) : null,
                withA ? Part(n, (ulong)(i + 4000)) : null))];
            step(backend, t);
            return [.. all.Select(Views.Get<float>)];
        }
        Assert.That(Run(Device.Emulator.Backend), Is.EqualTo(Run(Device.Cpu.Backend)));
    }
}
