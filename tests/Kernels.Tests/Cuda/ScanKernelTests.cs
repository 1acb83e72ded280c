using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The GPU's running reductions on the emulator against the CPU's: the plain way in every bit, the fast one within rounding.</summary>
public sealed class ScanKernelTests
{
    static readonly string[] layouts = Layouts.Names;

    static CudaBackend Gpu => (CudaBackend)Device.Emulator.Backend;

    [Test]
    public void RunningSumsAreTheCpus([ValueSource(nameof(layouts))] string layout, [Values("4 9 5", "1 1 1", "2 130 1", "1 1025 2", "1 1 3001")] string sizes)
    {
        Shape shape = new([.. sizes.Split(' ').Select(int.Parse)]);
        View x = Views.Of(Layouts.Named(layout, shape), Arrays.Random(shape.Count, 5));
        for (int dim = 0; dim < 3; dim++) Check(default(Ops.Sum), x, Layouts.Named(layout, shape), dim, 1e-4);
    }

    /// <summary>Lines cut into chunks, two of them and more, against sums in double precision.</summary>
    [TestCase(1, 8192)]
    [TestCase(3, 13_001)]
    [TestCase(1, 40_000)]
    public void LongLinesAreCut(int lines, int length)
    {
        float[] values = Arrays.Random((long)lines * length, 5);
        View x = Views.Of([lines, length], values), y = Views.Empty<float>([lines, length]);
        Check(default(Ops.Max), x, Layout.RowMajor([lines, length]), 1, 0);
        Gpu.Scan(default(Ops.SumSquare), x, y, 1);
        float[] actual = Views.Get<float>(y);
        double sum = 0;
        for (int i = 0; i < values.Length; i++)
        {
            sum = (i % length == 0 ? 0 : sum) + ((double)values[i] * values[i]);
            Assert.That(actual[i], Is.EqualTo(sum).Within(1e-6 * sum), $"element {i}");
        }
    }

    [Test]
    public void EveryReductionRuns()
    {
        View x = Views.Of([2, 700], [.. Arrays.Random(1400, 2, 1.2f).Select((v, i) => i == 900 ? 0 : v)]);
        Check(default(Ops.Sum), x, Layout.RowMajor([2, 700]), 1, 1e-4);
        Check(default(Ops.SumAbs), x, Layout.RowMajor([2, 700]), 1, 1e-4);
        Check(default(Ops.Prod), x, Layout.RowMajor([2, 700]), 1, 1e-5);
        Check(default(Ops.Min), x, Layout.RowMajor([2, 700]), 1, 0);
        Check(default(Ops.MaxAbs), x, Layout.RowMajor([2, 700]), 1, 0);
        Check(default(Ops.Any), x, Layout.RowMajor([2, 700]), 1, 0);
        Check(default(Ops.All), x, Layout.RowMajor([2, 700]), 1, 0);
    }

    [Test]
    public void ANanStays([Values(0, 3, 31, 127, 128, 1023, 1024, 9000)] int at)
    {
        float[] values = Arrays.Random(9001, 3);
        values[at] = float.NaN;
        View x = Views.Of([9001], values), y = Views.Empty<float>([9001]);
        Gpu.Scan(default(Ops.Max), x, y, 0);
        float[] actual = Views.Get<float>(y);
        Assert.That(actual[..at], Has.None.NaN);
        Assert.That(actual[at..], Is.All.NaN);
    }

    [Test]
    public void InPlaceAndNothing()
    {
        View x = Views.Of([9000], Enumerable.Repeat(1f, 9000).ToArray());
        Gpu.Scan(default(Ops.Sum), x, x, 0);
        Assert.That(Views.Get<float>(x), Is.EqualTo(Enumerable.Range(1, 9000).Select(i => (float)i)));
        Gpu.Scan(default(Ops.Sum), Views.Of<float>([0, 3]), Views.Empty<float>([0, 3]), 0);
        View scalar = Views.Of(new Shape(), 5f), y = Views.Empty<float>(new Shape());
        Gpu.Scan(default(Ops.Sum), scalar, y, 0);
        Assert.That(Views.Get<float>(y)[0], Is.EqualTo(5f));
    }

    static void Check<TOp>(TOp op, View x, Layout layout, int dim, double tolerance) where TOp : struct, IReduction
    {
        View y = Views.Empty<float>(layout), plain = Views.Empty<float>(layout), expected = Views.Empty<float>(layout);
        Views.Cpu.Scan(op, x, expected, dim);
        Gpu.Scan(op, x, y, dim);
        Gpu.Scan(op, x, plain, dim, plain: true);
        float[] truth = Views.Get<float>(expected), fast = Views.Get<float>(y);
        Assert.That(Views.Get<float>(plain), Is.EqualTo(truth), $"{TOp.Name}, dimension {dim}, plain");
        for (int i = 0; i < truth.Length; i++)
            Assert.That(fast[i], Is.EqualTo(truth[i]).Within(tolerance * Math.Max(1, Math.Abs(truth[i]))), $"{TOp.Name}, dimension {dim}, element {i}");
    }
}
