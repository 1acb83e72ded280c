using System.Runtime.InteropServices;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Gradients of a scaled loss: multiplied, and looked through for what is not finite, in one pass.</summary>
public sealed class UnscaleTests
{
    static readonly int[] sizes = [0, 1, 3, 4, 5, 1023, 4096, 4097, 9000, .. Enumerable.Range(60, 70)];

    static readonly (string, Backend)[] backends = [("composed", new Composed()), ("cpu", Device.Cpu.Backend), ("emulator", Device.Emulator.Backend)];

    static readonly string[] names = [.. backends.Select(b => b.Item1)];

    static Backend Named(string name) => backends.First(b => b.Item1 == name).Item2;

    [Test]
    public void EveryGradientIsMultipliedAndNothingBesideIt([ValueSource(nameof(names))] string backend, [Values(0, 1)] int offset)
    {
        var (wholes, parts) = Make(offset);
        float[][] expected = [.. wholes.Select(Views.Get<float>)];
        foreach (var (e, p) in expected.Zip(parts))
            for (int i = 0; i < p.Count; i++) e[p.Layout.Offset + i] *= 0.125f;
        Assert.That(Named(backend).Unscale(parts, 0.125f), Is.True);
        Assert.That(wholes.Select(Views.Get<float>), Is.EqualTo(expected));
    }

    [Test]
    public void OneElementThatIsNotFiniteIsFound([ValueSource(nameof(names))] string backend, [Values(float.PositiveInfinity, float.NegativeInfinity, float.NaN)] float bad, [Values(0, 1)] int offset)
    {
        var (_, parts) = Make(offset);
        // first, middle and last elements of small and large gradients
        foreach (int at in (int[])[1, 4, 8, 9, sizes.Length - 1])
        {
            foreach (long i in new[] { 0, parts[at].Count / 2, parts[at].Count - 1 }.Distinct())
            {
                View element = parts[at].Slice(0, (int)i, 1);
                float before = Views.Get<float>(element)[0];
                Views.Set<float>(element, bad);
                Assert.That(Named(backend).Unscale(parts, 1), Is.False, $"gradient {at}, element {i}");
                Views.Set<float>(element, before);
            }
        }
        Assert.That(Named(backend).Unscale(parts, 1), Is.True, "all as before");
    }

    [Test]
    public void ProductsThatOverflowAreFoundToo([ValueSource(nameof(names))] string backend)
        => Assert.That(Named(backend).Unscale([Views.Of([3], 1f, 2f, 3e38f)], 2), Is.False);

    [Test]
    public void GradientsWithGaps([ValueSource(nameof(names))] string backend)
    {
        View g = Views.Of(Layouts.Named("padded", [6, 7, 5]), Normal(210, 1));
        float[] before = Views.Get<float>(g);
        Assert.That(Named(backend).Unscale([g, Views.Of([2], 1f, 2f)], 3), Is.True);
        Assert.That(Views.Get<float>(g), Is.EqualTo(before.Select(v => v * 3)));
        Assert.That(Named(backend).Unscale([], 3), Is.True);
    }

    [Test]
    public void TheKernelPassesEveryCheckOfTheEmulator()
    {
        using CheckedGpu own = new();
        var (gpu, device) = (own.Backend, own.Device);
        using Temporary a = new(device, Layout.RowMajor([9001])), b = new(device, Layout.RowMajor([7]));
        float[] x = Normal(9001, 1);
        gpu.Upload(MemoryMarshal.AsBytes(x.AsSpan()), a.View.Storage);
        x[3] = float.NaN;
        gpu.Upload(MemoryMarshal.AsBytes(x.AsSpan(0, 7)), b.View.Storage);
        Assert.That(gpu.Unscale([a.View], 2), Is.True);
        Assert.That(gpu.Unscale([a.View, b.View], 2), Is.False);
        Assert.That(own.Findings, Is.Empty);
    }

    static (View[] Wholes, View[] Parts) Make(int offset)
    {
        View[] wholes = [.. sizes.Select((n, i) => Views.Of([n + 9], Normal(n + 9, (ulong)i)))];
        return (wholes, [.. wholes.Zip(sizes, (whole, n) => new View(whole.Storage, DType.Float32, new Layout([n], [1], 4 + offset)))]);
    }
}
