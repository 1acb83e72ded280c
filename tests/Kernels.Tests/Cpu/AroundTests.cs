using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Results larger than the last cache go around it: the same bits, wherever they begin and end, and nothing beside them.</summary>
[NonParallelizable]
public sealed class AroundTests
{
    static readonly Backend cpu = Device.Cpu.Backend;

    long cache;

    [SetUp]
    public void Remember() => cache = Cpu.Caches.Last;

    [TearDown]
    public void Restore() => Cpu.Caches.Last = cache;

    [Test]
    public void The_last_cache_is_of_a_sensible_size() => Assert.That(cache, Is.InRange(1 << 18, 1L << 34));

    [TestCase(0, 100_000)]
    [TestCase(1, 70_003)]
    [TestCase(15, 32_768 + 2_049)]
    [TestCase(3, 2_048)]
    [TestCase(5, 17)]
    public void Results_have_the_same_bits(int offset, int count)
    {
        float[] a = Normal(count + 40, 1), b = Normal(count + 40, 2);
        float[][] Results(long last)
        {
            Cpu.Caches.Last = last;
            Shape whole = [count + 40];
            View x = Views.Of(whole, a), z = Views.Of(whole, b), u = Views.Of(whole, a), v = Views.Of(whole, a), c = Views.Of(whole, b);
            View Part(View all, int from) => all.Slice(0, from, count);
            cpu.Unary(new Ops.Exp(), Part(x, 3), Part(u, offset));
            cpu.Binary(new Ops.Mul(), Part(x, 1), Part(z, 2), Part(v, offset));
            cpu.Copy(Part(x, 7), Part(c, offset));
            cpu.Unary(new Ops.Exp(), z, z); // in place
            return [Views.Get<float>(u), Views.Get<float>(v), Views.Get<float>(c), Views.Get<float>(z)];
        }
        Assert.That(Results(1), Is.EqualTo(Results(long.MaxValue)));
    }
}
