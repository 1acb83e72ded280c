namespace Tessera.Tests;

public sealed class RandomTests
{
    const int N = 200_000;

    [Test]
    public void Uniform_numbers_have_the_moments_of_the_uniform_distribution()
    {
        float[] x = Tensor.Uniform([N], new Philox(7, 3), -1, 3).ToArray<float>();
        Assert.That(x.Min(), Is.InRange(-1f, -0.999f));
        Assert.That(x.Max(), Is.InRange(2.999f, 3f));
        Assert.That(x.Average(), Is.EqualTo(1).Within(5 * Math.Sqrt(16 / 12.0 / N)));
        Assert.That(x.Average(v => (v - 1.0) * (v - 1)), Is.EqualTo(16 / 12.0).Within(0.01));
    }

    [Test]
    public void Uniform_numbers_fill_bins_evenly()
    {
        int[] bins = new int[100];
        foreach (float v in Tensor.Uniform([N], new Philox(11)).ToArray<float>()) bins[(int)(v * 100)]++;
        double chi2 = bins.Sum(b => (b - (N / 100.0)) * (b - (N / 100.0)) / (N / 100.0));
        Assert.That(chi2, Is.InRange(50, 160)); // 99 degrees of freedom: 1e-4 .. 1 - 1e-4
    }

    [Test]
    public void Normal_numbers_have_the_moments_of_the_normal_distribution()
    {
        float[] x = Tensor.Normal([N], new Philox(5), mean: 2, std: 3).ToArray<float>();
        double[] z = Array.ConvertAll(x, v => (v - 2.0) / 3);
        Assert.That(z.Average(), Is.EqualTo(0).Within(5 / Math.Sqrt(N)));
        Assert.That(z.Average(v => v * v), Is.EqualTo(1).Within(5 * Math.Sqrt(2.0 / N)));
        Assert.That(z.Average(v => v * v * v), Is.EqualTo(0).Within(5 * Math.Sqrt(15.0 / N)));
        Assert.That(z.Average(v => v * v * v * v), Is.EqualTo(3).Within(5 * Math.Sqrt(96.0 / N)));
        Assert.That(z.Count(v => Math.Abs(v) < 1) / (double)N, Is.EqualTo(0.6827).Within(0.006));
    }

    [Test]
    public void Neighbours_and_streams_are_uncorrelated()
    {
        float[] a = Tensor.Uniform([N], new Philox(1, 1)).ToArray<float>(), b = Tensor.Uniform([N], new Philox(1, 2)).ToArray<float>();
        double Correlation(Func<int, double> x, Func<int, double> y) => Enumerable.Range(0, N - 1).Average(i => (x(i) - 0.5) * (y(i) - 0.5)) * 12;
        Assert.That(Correlation(i => a[i], i => a[i + 1]), Is.EqualTo(0).Within(5 / Math.Sqrt(N)));
        Assert.That(Correlation(i => a[i], i => b[i]), Is.EqualTo(0).Within(5 / Math.Sqrt(N)));
    }

    [Test]
    public void Elements_are_addressed_in_logical_order_whatever_the_layout()
    {
        var random = new Philox(9, 4);
        float[] flat = Tensor.Uniform([2 * 3 * 4 * 5], random).ToArray<float>();
        Assert.That(Tensor.Uniform([2, 3, 4, 5], random).ToArray<float>(), Is.EqualTo(flat)); // channels-last in memory
        Assert.That(flat[17], Is.EqualTo(random.Uniform(17)));
        Assert.That(Tensor.Normal([2, 3, 4, 5], random).ToArray<float>(), Is.EqualTo(Tensor.Normal([120], random).ToArray<float>()));
    }

    [Test]
    public void A_seed_repeats_and_another_does_not()
    {
        float[] Draw(ulong seed)
        {
            var g = new Generator(seed);
            return [.. Tensor.Uniform([8], g.Next()).ToArray<float>(), .. Tensor.Normal([8], g.Next()).ToArray<float>()];
        }
        float[] first = Draw(42);
        Assert.That(Draw(42), Is.EqualTo(first));
        Assert.That(first, Is.Not.EqualTo(Draw(43)));
    }

    [Test]
    public void A_generator_resumes_from_its_position()
    {
        var g = new Generator(1);
        g.Next();
        var resumed = new Generator(g.SeedValue) { Position = g.Position };
        Assert.That(resumed.Next(), Is.EqualTo(g.Next()));
    }

    [Test, NonParallelizable]
    public void Seeding_restarts_the_default_generator()
    {
        Generator.Seed(3);
        var first = (Generator.Default.Next(), Generator.Default.Next());
        Generator.Seed(3);
        Assert.That((Generator.Default.Next(), Generator.Default.Next()), Is.EqualTo(first));
        Assert.That(first.Item1, Is.Not.EqualTo(first.Item2));
    }

    [Test]
    public void Dropout_keeps_the_mean_and_the_share()
    {
        var x = Tensor.Ones([N]);
        x.RequiresGrad = true;
        var y = x.Dropout(0.3f, new Philox(2));
        float[] v = y.ToArray<float>();
        Assert.That(v.Count(e => e == 0) / (double)N, Is.EqualTo(0.3).Within(0.005));
        Assert.That(v.Where(e => e != 0), Is.All.EqualTo(1 / 0.7f).Within(1e-6f));
        y.Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(v));
        Assert.That(x.Dropout(1, new Philox(2)).ToArray<float>(), Is.All.Zero);
        Assert.That(x.Dropout(0, new Philox(2)), Is.SameAs(x));
        Assert.That(() => x.Dropout(1.5f, new Philox(2)), Throws.TypeOf<TesseraException>());
        Assert.That(() => Tensor.From([1L, 2], [2]).Dropout(0.5f, new Philox(2)), Throws.TypeOf<DTypeException>().With.Message.StartsWith("Dropout: element type: got Int64"));
    }

    /// <summary>What dropout was before it was one operation: the numbers, a mask, a product.</summary>
    [Test]
    public void Dropout_drops_where_a_uniform_number_is_below_p([Values(0.1f, 0.5f, 0.9f)] float p, [Values(1, 4)] int threads)
    {
        int before = CpuThreads.Count;
        try
        {
            CpuThreads.Count = threads;
            var random = new Philox(3, 8);
            foreach (int[] shape in (int[][])[[70_001], [3, 20, 31, 7]])
            {
                var x = Tensor.Normal(shape, new Philox(1));
                var expected = Tensor.Where(Tensor.Uniform(shape, random).GreaterEqual(p), x * (1 / (1 - p)), Tensor.Zeros([]));
                Assert.That(x.Dropout(p, random).ToArray<float>(), Is.EqualTo(expected.ToArray<float>()));
            }
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }
}
