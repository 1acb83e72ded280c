using Tessera.Cpu;

namespace Tessera.Tests;

/// <summary>The main loops on memory that ends at an unmapped page, at every length around the vector widths.</summary>
[Platform("Linux")]
public sealed unsafe class GuardedTests
{
    static readonly int[] lengths = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 511, 512, 513, 1000, 4099];

    [Test]
    public void MapsStayInside([ValueSource(nameof(lengths))] int n)
    {
        using var memory = new GuardedMemory();
        float[] a = Arrays.Random(n, 1), b = Arrays.Random(n, 2);
        View x = memory.Of([n], a), z = memory.Of([n], b), y = memory.Empty<float>([n]), mask = memory.Empty<bool>([n]);
        Views.Cpu.Unary(default(Ops.Square), x, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Select(v => v * v)));
        Views.Cpu.Binary(default(Ops.Mul), x, z, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Zip(b, (p, q) => p * q)));
        Views.Cpu.Binary(default(Ops.Mul), x, memory.Of<float>([1], 3).BroadcastTo([n]), y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Select(v => v * 3)));
        Views.Cpu.Compare(default(Ops.Less), x, z, mask);
        Assert.That(Views.Get<bool>(mask), Is.EqualTo(a.Zip(b, (p, q) => p < q)));
        Views.Cpu.Where(mask, x, z, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Zip(b, MathF.Min)));
        Views.Cpu.Fill(y, 2);
        Views.Cpu.Uniform(y, new Philox(1));
        Views.Cpu.Normal(y, new Philox(1));
    }

    [Test]
    public void EveryVectorWidthStaysInside([ValueSource(nameof(lengths))] int n)
    {
        using var memory = new GuardedMemory();
        View x = memory.Of([n], Arrays.Random(n, 1)), y = memory.Empty<float>([n]);
        Maps.Unary<Ops.Sigmoid, Vec8>(default, x.Float(), y.Float(), n);
        float[] eight = Views.Get<float>(y);
        Maps.Unary<Ops.Sigmoid, Vec1>(default, x.Float(), y.Float(), n);
        Assert.That(Views.Get<float>(y), Is.EqualTo(eight));
        float* one = stackalloc float[Reducer.Partials], wide = stackalloc float[Reducer.Partials]; // zeroed
        Reducer.Row<Ops.Sum, Vec1>(default, x.Float(), n, one);
        Reducer.Row<Ops.Sum, Vec8>(default, x.Float(), n, wide);
        Assert.That(new Span<float>(wide, Reducer.Partials).ToArray(), Is.EqualTo(new Span<float>(one, Reducer.Partials).ToArray()));
        new Span<float>(wide, Reducer.Partials).Clear();
        Reducer.Row<Ops.Sum, Vec16>(default, x.Float(), n, wide);
        Assert.That(new Span<float>(wide, Reducer.Partials).ToArray(), Is.EqualTo(new Span<float>(one, Reducer.Partials).ToArray()));
    }

    [Test]
    public void ReductionsStayInside([ValueSource(nameof(lengths))] int n)
    {
        using var memory = new GuardedMemory();
        float[] a = [.. Arrays.Random(3 * n, 1).Select(v => MathF.Round(v))];
        View x = memory.Of([3, n], a), rows = memory.Empty<float>([3, 1]), columns = memory.Empty<float>([1, n]), all = memory.Empty<float>([1, 1]);
        Views.Cpu.Reduce(default(Ops.Sum), x, rows);
        Views.Cpu.Reduce(default(Ops.Sum), x, columns);
        Views.Cpu.Reduce(default(Ops.Sum), x, all);
        Assert.That(Views.Get<float>(rows), Is.EqualTo(a.Chunk(n).Select(r => r.Sum())));
        Assert.That(Views.Get<float>(columns), Is.EqualTo(Enumerable.Range(0, n).Select(j => a[j] + a[n + j] + a[(2 * n) + j])));
        Assert.That(Views.Get<float>(all)[0], Is.EqualTo(a.Sum()));
    }

    [Test]
    public void CopiesAndCastsStayInside([ValueSource(nameof(lengths))] int n)
    {
        using var memory = new GuardedMemory();
        byte[] bytes = [.. Enumerable.Range(0, n).Select(i => (byte)i)];
        View x = memory.Of([n], bytes), y = memory.Empty<float>([n]), half = memory.Empty<Half>([n]), back = memory.Empty<byte>([n]);
        Views.Cpu.Copy(x, y);
        Views.Cpu.Copy(y, half);
        Views.Cpu.Copy(half, back);
        Assert.That(Views.Get<byte>(back), Is.EqualTo(bytes));
        Views.Cpu.Copy(x, back);
        Assert.That(Views.Get<byte>(back), Is.EqualTo(bytes));
        View wide = memory.Of([n, 3], Arrays.Random(3 * n)), turned = memory.Empty<float>([3, n]);
        Views.Cpu.Copy(wide.Permute(1, 0), turned);
        Assert.That(Views.Get<float>(turned), Is.EqualTo(Views.Get<float>(wide.Permute(1, 0))));
    }

    [Test]
    public void ChannelsLastMapsStayInside([Values(1, 3, 16, 33)] int channels)
    {
        using var memory = new GuardedMemory();
        Shape shape = [2, channels, 5, 3];
        float[] a = Arrays.Random(shape.Count, 1), b = Arrays.Random(channels, 2);
        View x = memory.Of(shape, a), bias = memory.Of([1, channels, 1, 1], b), y = memory.Empty<float>(shape), sums = memory.Empty<float>([1, channels, 1, 1]);
        Views.Cpu.Binary(default(Ops.Add), x, bias.BroadcastTo(shape), y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Select((v, i) => v + b[i / 15 % channels])));
        Views.Cpu.Reduce(default(Ops.Max), x, sums);
        Assert.That(Views.Get<float>(sums), Is.EqualTo(Enumerable.Range(0, channels).Select(c => a.Where((_, i) => i / 15 % channels == c).Max())));
    }
}
