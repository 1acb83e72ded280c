using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The GPU's reductions on the emulator, each way of cutting them, against sums in double precision.</summary>
public sealed class ReduceKernelTests
{
    static CudaBackend Gpu => (CudaBackend)Device.Emulator.Backend;

    static IEnumerable<TestCaseData> Cases()
    {
        (Shape Shape, int[] Dims)[] cases =
        [
            ([], []), ([1], [0]), ([8], [0]), ([9], [0]), ([31], [0]), ([33], [0]), ([1024], [0]), ([1025], [0]), ([4099], [0]), ([20_011], [0]),
            ([3, 200], [1]), ([3, 1500], [1]), ([70, 33], [1]), ([3, 5000], [1]), ([300, 16], [0]), ([300, 15], [0]), ([9, 33], [0]), ([5, 7], [0]), ([2000, 40], [0]),
            ([2, 3, 4], [0, 2]), ([2, 3, 4], [1]), ([2, 3, 4], []), ([3, 37, 9, 11], [0, 2, 3]), ([3, 37, 9, 11], [1]), ([3, 37, 9, 11], [2, 3]), ([3, 37, 9, 11], [0, 3]),
            ([2, 40, 13, 19], [0, 1, 2, 3]), ([7, 5, 3, 2, 2], [1, 3]),
        ];
        foreach (var (shape, dims) in cases)
            foreach (string layout in (string[])["dense", "rows", "padded", "reversed"])
                yield return new TestCaseData(shape, dims, layout).SetArgDisplayNames(shape.ToString(), $"over {string.Join("+", dims)}", layout);
    }

    [TestCaseSource(nameof(Cases))]
    public void SumOfSquaresIsThePlainOne(Shape shape, int[] dims, string layout)
    {
        float[] values = Arrays.Random(shape.Count);
        Shape reduced = dims.Aggregate(shape, (s, d) => s.With(d, 1));
        double[] expected = new double[reduced.Count];
        for (int i = 0; i < values.Length; i++) expected[ReduceTests.Target(i, shape, dims)] += (double)values[i] * values[i];
        View x = Views.Of(Layouts.Named(layout, shape), values), y = Views.Empty<float>(Layouts.Named(layout, reduced)), plain = Views.Empty<float>(reduced);
        Gpu.Reduce(default(Ops.SumSquare), x, y);
        Gpu.Reduce(default(Ops.SumSquare), x, plain, plain: true);
        float[] actual = Views.Get<float>(y), slow = Views.Get<float>(plain);
        for (int i = 0; i < actual.Length; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(1e-6 * expected[i]), $"result {i}");
            Assert.That(slow[i], Is.EqualTo(expected[i]).Within(2e-5 * expected[i]), $"result {i}, plain");
        }
    }

    /// <summary>Formulas of every reduction, in rows, columns and chunks.</summary>
    [TestCase(700, 3)]
    [TestCase(50, 40)]
    [TestCase(6000, 1)]
    [TestCase(4, 20)]
    public void EveryReductionIsTheCpus(int n, int columns)
    {
        float[] values = [.. Arrays.Random((long)n * columns, 2, 1.2f).Select((v, i) => i % 7 == 0 ? 0 : v)];
        View x = Views.Of([n, columns], values);
        Check(default(Ops.Sum), 1e-5);
        Check(default(Ops.SumAbs), 1e-5);
        Check(default(Ops.Max), 0);
        Check(default(Ops.Min), 0);
        Check(default(Ops.MaxAbs), 0);
        Check(default(Ops.Any), 0);
        Check(default(Ops.All), 0);
        Check(default(Ops.Prod), 1e-5);

        void Check<TOp>(TOp op, double tolerance) where TOp : struct, IReduction
        {
            View expected = Views.Empty<float>([1, columns]), actual = Views.Empty<float>([1, columns]);
            Views.Cpu.Reduce(op, x, expected);
            Gpu.Reduce(op, x, actual);
            Assert.That(Views.Get<float>(actual), Is.EqualTo(Views.Get<float>(expected)).Within(tolerance * Math.Max(1, n / 10)), TOp.Name);
        }
    }

    [Test]
    public void NanWins([Values(0, 5, 31, 32, 700, 5000)] int at)
    {
        float[] values = Arrays.Random(5001);
        values[at] = float.NaN;
        View x = Views.Of([5001], values), y = Views.Empty<float>([1]);
        Gpu.Reduce(default(Ops.Max), x, y);
        Assert.That(Views.Get<float>(y)[0], Is.NaN);
        Gpu.Reduce(default(Ops.Min), x, y);
        Assert.That(Views.Get<float>(y)[0], Is.NaN);
    }

    [Test]
    public void AnEmptyReductionIsTheIdentity()
    {
        View x = Views.Of<float>([2, 0, 3]), max = Views.Empty<float>([2, 1, 3]), none = Views.Empty<float>([1, 0, 3]);
        Gpu.Reduce(default(Ops.Max), x, max);
        Assert.That(Views.Get<float>(max), Is.All.EqualTo(float.NegativeInfinity));
        Gpu.Reduce(default(Ops.Sum), x, none);
    }

    [Test]
    public void BroadcastElementsCountAsOftenAsTheyAppear()
    {
        View x = Views.Of([1, 3], 1f, 2f, 4f).BroadcastTo([500, 3]), y = Views.Empty<float>([1, 3]), all = Views.Empty<float>([1, 1]);
        Gpu.Reduce(default(Ops.Sum), x, y);
        Gpu.Reduce(default(Ops.Sum), x, all);
        Assert.That(Views.Get<float>(y), Is.EqualTo(new[] { 500f, 1000, 2000 }));
        Assert.That(Views.Get<float>(all)[0], Is.EqualTo(3500f));
    }
}
