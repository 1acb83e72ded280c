namespace Tessera.Tests;

public sealed class ReduceTests
{
    static IEnumerable<TestCaseData> Cases()
    {
        (Shape Shape, int[] Dims)[] cases =
        [
            ([], []), ([5], [0]), ([1], [0]), ([63], [0]), ([64], [0]), ([200], [0]), ([100_001], [0]), ([3, 200], [1]), ([3, 200], [0]), ([3, 40_000], [1]),
            ([40_000, 3], [0]), ([2, 3, 4], [0, 2]), ([2, 3, 4], [1]), ([2, 3, 4], [0, 1, 2]), ([2, 3, 4], []), ([4, 37, 9, 11], [0, 2, 3]),
            ([4, 37, 9, 11], [1]), ([4, 37, 9, 11], [2, 3]), ([2, 70, 130, 121], [0, 2, 3]), ([1, 3, 1, 5], [0, 2]), ([7, 5, 3, 2, 2], [1, 3]), ([700, 130], [0]),
        ];
        foreach (var (shape, dims) in cases)
            foreach (string layout in (string[])["dense", "rows", "padded", "reversed"])
                yield return new TestCaseData(shape, dims, layout).SetArgDisplayNames(shape.ToString(), $"over {string.Join("+", dims)}", layout);
    }

    [TestCaseSource(nameof(Cases))]
    public void SumIsThePlainSum(Shape shape, int[] dims, string layout)
    {
        float[] values = Arrays.Random(shape.Count);
        View x = Views.Of(Layouts.Named(layout, shape), values), y = Views.Empty<float>(Layout.Dense(Reduced(shape, dims)));
        Views.Cpu.Reduce(default(Ops.Sum), x, y);
        var (sums, magnitudes) = Plain(values, shape, dims);
        float[] actual = Views.Get<float>(y);
        for (int i = 0; i < actual.Length; i++)
            Assert.That(actual[i], Is.EqualTo(sums[i]).Within(4e-7 * magnitudes[i]), $"result {i}");
    }

    [TestCaseSource(nameof(Cases))]
    public void MaxIsThePlainMax(Shape shape, int[] dims, string layout)
    {
        float[] values = Arrays.Random(shape.Count);
        View x = Views.Of(Layouts.Named(layout, shape), values), y = Views.Empty<float>(Layout.Dense(Reduced(shape, dims)));
        Views.Cpu.Reduce(default(Ops.Max), x, y);
        float[] expected = new float[y.Count];
        Array.Fill(expected, float.NegativeInfinity);
        for (int i = 0; i < values.Length; i++)
        {
            ref float e = ref expected[Target(i, shape, dims)];
            e = MathF.Max(e, values[i]);
        }
        Assert.That(Views.Get<float>(y), Is.EqualTo(expected));
    }

    [TestCaseSource(nameof(Cases))]
    public void BitsDoNotDependOnTheNumberOfThreads(Shape shape, int[] dims, string layout)
    {
        View x = Views.Of(Layouts.Named(layout, shape), Arrays.Random(shape.Count));
        int before = CpuThreads.Count;
        try
        {
            float[][] results = [.. new[] { 1, 2, 3 }.Select(threads =>
            {
                CpuThreads.Count = threads;
                View y = Views.Empty<float>(Layout.Dense(Reduced(shape, dims)));
                Views.Cpu.Reduce(default(Ops.SumSquare), x, y);
                return Views.Get<float>(y);
            })];
            Assert.That(results[1], Is.EqualTo(results[0]));
            Assert.That(results[2], Is.EqualTo(results[0]));
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    [Test]
    public void AnEmptyReductionIsTheIdentity()
    {
        View x = Views.Of<float>([2, 0, 3]), sum = Views.Empty<float>(Layout.Dense([2, 1, 3])), max = Views.Empty<float>(Layout.Dense([2, 1, 3]));
        Views.Cpu.Reduce(default(Ops.Sum), x, sum);
        Views.Cpu.Reduce(default(Ops.Max), x, max);
        Assert.That(Views.Get<float>(sum), Is.All.EqualTo(0f));
        Assert.That(Views.Get<float>(max), Is.All.EqualTo(float.NegativeInfinity));
    }

    [Test]
    public void NanWins([Values(0, 5, 63, 64, 130)] int at)
    {
        float[] values = Arrays.Random(131);
        values[at] = float.NaN;
        View x = Views.Of([131], values), y = Views.Empty<float>(Layout.Dense([1]));
        Views.Cpu.Reduce(default(Ops.Max), x, y);
        Assert.That(Views.Get<float>(y)[0], Is.NaN);
        Views.Cpu.Reduce(default(Ops.Min), x, y);
        Assert.That(Views.Get<float>(y)[0], Is.NaN);
    }

    static Shape Reduced(Shape shape, int[] dims)
    {
        foreach (int d in dims) shape = shape.With(d, 1);
        return shape;
    }

    static (double[] Sums, double[] Magnitudes) Plain(float[] values, Shape shape, int[] dims)
    {
        double[] sums = new double[Reduced(shape, dims).Count], magnitudes = new double[sums.Length];
        for (int i = 0; i < values.Length; i++)
        {
            long t = Target(i, shape, dims);
            sums[t] += values[i];
            magnitudes[t] += Math.Abs(values[i]);
        }
        return (sums, magnitudes);
    }

    /// <summary>Logical index of the result that element i belongs to.</summary>
    internal static long Target(long i, Shape shape, int[] dims)
    {
        long target = 0, place = 1;
        for (int d = shape.Rank - 1; d >= 0; i /= shape[d], d--)
        {
            if (dims.Contains(d)) continue;
            target += i % shape[d] * place;
            place *= shape[d];
        }
        return target;
    }
}
