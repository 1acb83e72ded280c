namespace Tessera.Tests;

public sealed class PhiloxTests
{
    // Known answers of philox4x32-10 published with Random123 (kat_vectors).
    [TestCase(0UL, 0UL, 0UL, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [TestCase(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [TestCase(0x299f31d0a4093822UL, 0x0370734413198a2eUL, 0x85a308d3243f6a88UL, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void BlocksAreTheKnownAnswers(ulong key, ulong counterHigh, ulong counterLow, uint x, uint y, uint z, uint w)
        => Assert.That(new Philox(key, counterHigh).Block(counterLow), Is.EqualTo((x, y, z, w)));

    [Test]
    public void WordsAreThoseOfTheBlocks()
    {
        var random = new Philox(7, 9);
        var (x, y, z, w) = random.Block(3);
        Assert.That(Enumerable.Range(12, 4).Select(i => random.Word((ulong)i)), Is.EqualTo(new[] { x, y, z, w }));
    }

    [Test]
    public void StreamsOfTwoCoordinatesDiffer()
    {
        var streams = from i in Enumerable.Range(0, 40) from j in Enumerable.Range(0, 40) select new Philox(1).At((uint)i, (uint)j).At(3, 4).Stream;
        Assert.That(streams, Is.Unique);
    }

    [Test]
    public void PermutationsHoldEveryNumberOnce()
    {
        int[] order = new Philox(3).Permutation(1000);
        Assert.That(order.Order(), Is.EqualTo(Enumerable.Range(0, 1000)));
        Assert.That(order, Is.Not.EqualTo(Enumerable.Range(0, 1000)));
        Assert.That(new Philox(3).Permutation(1000), Is.EqualTo(order));
    }

    [Test]
    public void UniformAndNormalHaveTheirMoments()
    {
        var random = new Philox(11);
        double[] u = [.. Enumerable.Range(0, 200_000).Select(i => (double)random.Uniform((ulong)i))];
        double[] n = [.. Enumerable.Range(0, 200_000).Select(i => (double)random.Normal((ulong)i))];
        Assert.That(u, Is.All.InRange(0, 1 - 1e-9));
        Assert.That(u.Average(), Is.EqualTo(0.5).Within(0.004));
        Assert.That(u.Select(v => (v - 0.5) * (v - 0.5)).Average(), Is.EqualTo(1 / 12.0).Within(0.001));
        Assert.That(n.Average(), Is.EqualTo(0).Within(0.012));
        Assert.That(n.Select(v => v * v).Average(), Is.EqualTo(1).Within(0.02));
        Assert.That(n.Select(v => v * v * v * v).Average(), Is.EqualTo(3).Within(0.15));
    }

    [Test]
    public void BackendsDrawByLogicalIndex([ValueSource(typeof(Layouts), nameof(Layouts.Names))] string layout, [Values("cpu", "emulator")] string device, [Values(1, 3)] int threads)
    {
        Shape shape = [3, 5, 7, 61];
        var random = new Philox(1, 2);
        var backend = Device.Parse(device).Backend;
        int before = CpuThreads.Count;
        CpuThreads.Count = threads;
        View uniform = Views.Empty<float>(Layouts.Named(layout, shape)), normal = Views.Empty<float>(Layouts.Named(layout, shape));
        backend.Uniform(uniform, random);
        backend.Normal(normal, random);
        CpuThreads.Count = before;
        Assert.That(Views.Get<float>(uniform), Is.EqualTo(Enumerable.Range(0, (int)shape.Count).Select(i => random.Uniform((ulong)i))));
        Assert.That(Views.Get<float>(normal), Is.EqualTo(Enumerable.Range(0, (int)shape.Count).Select(i => random.Normal((ulong)i))).Within(device == "cpu" ? 0 : 1).Ulps);
    }

    [Test]
    public void StreamsOfCoordinatesAreNoneOfTheSmallNumbersAGeneratorCountsUp()
    {
        var streams = from i in Enumerable.Range(0, 40) from j in Enumerable.Range(0, 400) select new Philox(1).At((uint)i, (uint)j).Stream;
        Assert.That(streams, Is.All.GreaterThan(1UL << 32));
    }
}
