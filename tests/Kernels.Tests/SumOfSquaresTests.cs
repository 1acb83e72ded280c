using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>What clipping does to all gradients together: the sum of their squares, and a factor.</summary>
[NonParallelizable]
public sealed class SumOfSquaresTests
{
    static readonly int[] sizes = [0, 1, 3, 4, 5, 1023, 4096, 4097, 20_000, .. Enumerable.Range(60, 70)];

    static readonly (string, Backend)[] backends = [("composed", new Composed()), ("cpu", Device.Cpu.Backend), ("emulator", Device.Emulator.Backend)];

    static readonly string[] names = [.. backends.Select(b => b.Item1)];

    static readonly int threads = CpuThreads.Count;

    static Backend Named(string name) => backends.First(b => b.Item1 == name).Item2;

    [TearDown]
    public void Restore() => CpuThreads.Count = threads;

    [Test]
    public void SumsAreThoseOfDoubles([ValueSource(nameof(names))] string backend, [Values(0, 1)] int offset)
    {
        var (_, parts) = Make(offset);
        double expected = parts.Sum(p => Views.Get<float>(p).Sum(x => (double)x * x));
        Assert.That(Named(backend).SumOfSquares(parts), Is.EqualTo(expected).Within(expected * (backend == "composed" ? 1e-5 : 1e-13)));
        Assert.That(Named(backend).SumOfSquares([]), Is.Zero);
        Assert.That(Named(backend).SumOfSquares([parts[0]]), Is.Zero, "no elements");
    }

    /// <summary>Neither the number of threads nor where a tensor starts changes a bit.</summary>
    [Test]
    public void TheOrderIsFixed([Values("cpu", "emulator")] string backend)
    {
        List<double> sums = [];
        foreach (int count in (int[])[1, 2, 3])
        {
            CpuThreads.Count = count;
            foreach (int offset in (int[])[0, 1, 2]) sums.Add(Named(backend).SumOfSquares(Make(offset).Parts));
        }
        Assert.That(sums, Is.All.EqualTo(sums[0]));
    }

    [Test]
    public void SquaresDoNotLeaveTheRange([Values("cpu", "emulator")] string backend)
    {
        View large = Views.Of([5], 3e38f, -3e38f, 3e38f, 0, 3e38f), small = Views.Of([2], 1e-30f, -1e-30f);
        Assert.That(Named(backend).SumOfSquares([large]), Is.EqualTo(4 * (double)3e38f * 3e38f).Within(3.6e77 * 1e-13));
        Assert.That(Named(backend).SumOfSquares([small]), Is.EqualTo(2 * (double)1e-30f * 1e-30f));
    }

    [Test]
    public void WhatIsNotFiniteShows([ValueSource(nameof(names))] string backend, [Values(0, 5, 8)] int tensor)
    {
        var (_, parts) = Make(0);
        View part = parts[Math.Max(tensor, 1)];
        View last = part.Slice(0, (int)part.Count - 1, 1);
        Views.Set<float>(last, float.NegativeInfinity);
        Assert.That(Named(backend).SumOfSquares(parts), Is.EqualTo(double.PositiveInfinity));
        Views.Set<float>(last, float.NaN);
        Assert.That(Named(backend).SumOfSquares(parts), Is.NaN);
    }

    [Test]
    public void EveryTensorIsScaledAndNothingBesideIt([ValueSource(nameof(names))] string backend, [Values(0, 1)] int offset)
    {
        var (wholes, parts) = Make(offset);
        float[][] expected = [.. wholes.Select(Views.Get<float>)];
        foreach (var (e, p) in expected.Zip(parts))
            for (int i = 0; i < p.Count; i++) e[p.Layout.Offset + i] *= 0.3f;
        Named(backend).Scale(parts, 0.3f);
        Assert.That(wholes.Select(Views.Get<float>), Is.EqualTo(expected));
    }

    [Test]
    public void TensorsWithGaps([ValueSource(nameof(names))] string backend, [Values("padded", "transposed")] string layout)
    {
        View g = Views.Of(Layouts.Named(layout, [6, 7, 5]), Normal(210, 1)), dense = Views.Of([2], 1f, 2f);
        float[] before = Views.Get<float>(g);
        double expected = before.Sum(x => (double)x * x) + 5;
        Assert.That(Named(backend).SumOfSquares([g, dense]), Is.EqualTo(expected).Within(1e-5 * expected));
        Named(backend).Scale([g, dense], 3);
        Assert.That(Views.Get<float>(g), Is.EqualTo(before.Select(x => x * 3)));
        Assert.That(Views.Get<float>(dense), Is.EqualTo([3f, 6f]));
    }

    /// <summary>70 tensors: two launches of up to 64 for the partial sums or the factor, one for the sum of all, one number to the host.</summary>
    [Test]
    public void ManyTensorsAreFewLaunches()
    {
        List<string> launched = [];
        using EmulatedCudaDriver driver = new() { Checks = PtxChecks.All, Reported = (entry, _) => launched.Add(entry) };
        using CudaBackend gpu = new(driver);
        Device device = new("counted", gpu);
        Temporary[] memory = [.. Enumerable.Range(1, 70).Select(n => new Temporary(device, Layout.RowMajor([n])))];
        View[] views = [.. memory.Select(m => m.View)];
        foreach (var v in views) gpu.Fill(v, 2);
        launched.Clear();
        Assert.That(gpu.SumOfSquares(views), Is.EqualTo(4 * 70 * 71 / 2));
        Assert.That(launched, Is.EqualTo(["squares", "squares", "add_squares"]));
        launched.Clear();
        gpu.Scale(views, 0.5f);
        Assert.That(launched, Is.EqualTo(["unscale", "unscale"]));
        Assert.That(gpu.SumOfSquares(views), Is.EqualTo(70 * 71 / 2));
        launched.Clear();
        gpu.RmsPropSteps([.. views.Select(v => new StepTensors(v, v, v, v, v))], new StepOptions(0.1f, 0.9, 0.99, 1e-5f));
        Assert.That(launched, Is.EqualTo(["rmsprop", "rmsprop"]));
        foreach (var m in memory) m.Dispose();
    }

    static (View[] Wholes, View[] Parts) Make(int offset)
    {
        View[] wholes = [.. sizes.Select((n, i) => Views.Of([n + 9], [.. new float[4 + offset], .. Normal(n, (ulong)i), .. new float[5 - offset].Select(_ => 7f)]))];
        return (wholes, [.. wholes.Zip(sizes, (whole, n) => new View(whole.Storage, DType.Float32, new Layout([n], [1], 4 + offset)))]);
    }
}
