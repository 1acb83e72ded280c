using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The GPU's positions of the largest and its sorting on the emulator, against the CPU's: equal in every bit.</summary>
public sealed class SortKernelTests
{
    static readonly string[] layouts = Layouts.Names;

    static CudaBackend Gpu => (CudaBackend)Device.Emulator.Backend;

    /// <summary>Rounded, so that many are equal, with zeros of both signs, infinities and NaN of both signs.</summary>
    static float[] Values(long count)
    {
        float[] x = [.. Arrays.Random(count, 6, 9).Select(v => MathF.Round(v))];
        for (int i = 0; i < x.Length; i += 97) x[i] = (i / 97 % 5) switch { 0 => float.NaN, 1 => float.PositiveInfinity, 2 => float.NegativeInfinity, 3 => -float.NaN, _ => -0f };
        return x;
    }

    [Test]
    public void TheFirstOfEqualsIsFound([ValueSource(nameof(layouts))] string layout, [Values("4 9 5", "3 40 2", "1 1100 2", "1 1 1", "1 257 1")] string sizes, [Values] bool largest, [Values] bool plain)
    {
        Shape shape = new([.. sizes.Split(' ').Select(int.Parse)]);
        float[] values = Values(shape.Count);
        // Of the last column no element is a NaN.
        for (int i = shape[2] - 1; i < values.Length; i += shape[2]) if (float.IsNaN(values[i])) values[i] = 3;
        View x = Views.Of(Layouts.Named(layout, shape), values);
        for (int dim = 0; dim < 3; dim++)
        {
            View y = Views.Empty<long>(Layouts.Named(layout, shape.With(dim, 1))), expected = Views.Empty<long>(shape.With(dim, 1));
            Gpu.ArgReduce(x, y, dim, largest, plain);
            Views.Cpu.ArgReduce(x, expected, dim, largest);
            Assert.That(Views.Get<long>(y), Is.EqualTo(Views.Get<long>(expected)), $"dimension {dim}");
        }
    }

    [Test]
    public void ManyLinesSideBySideGiveEachThreadOne()
    {
        View x = Views.Of([10, 1 << 14], Values(10 << 14)), y = Views.Empty<long>([1, 1 << 14]), expected = Views.Empty<long>([1, 1 << 14]);
        Gpu.ArgReduce(x, y, 0, largest: true);
        Views.Cpu.ArgReduce(x, expected, 0, largest: true);
        Assert.That(Views.Get<long>(y), Is.EqualTo(Views.Get<long>(expected)));
    }

    [Test]
    public void EveryElementTypeHasItsOrder([Values] bool descending, [Values(50, 9)] int length)
    {
        float[] floats = Values(2 * length);
        Check(floats);
        Check<Half>([.. floats.Select(v => (Half)v)]);
        Check<int>([.. floats.Select((v, i) => i == 3 ? int.MinValue : i == 4 ? int.MaxValue : (int)v)]);
        Check<long>([.. floats.Select((v, i) => i == 3 ? long.MinValue : i == 4 ? long.MaxValue : i == 5 ? (1L << 60) + 1 : i == 6 ? 1L << 60 : (long)v)]);
        Check<byte>([.. floats.Select((v, i) => (byte)(i * 37))]);
        Check<bool>([.. floats.Select(v => v > 0)]);
        CheckSort<BFloat16>([.. floats.Select(v => (BFloat16)v)]);

        void Check<T>(T[] values) where T : unmanaged
        {
            CheckSort(values);
            View x = Views.Of([2, length], values), y = Views.Empty<long>([2, 1]), expected = Views.Empty<long>([2, 1]);
            foreach (bool plain in (bool[])[false, true])
            {
                Gpu.ArgReduce(x, y, 1, descending, plain);
                Views.Cpu.ArgReduce(x, expected, 1, descending);
                Assert.That(Views.Get<long>(y), Is.EqualTo(Views.Get<long>(expected)), typeof(T).Name);
            }
        }

        void CheckSort<T>(T[] values) where T : unmanaged => Sorts(Views.Of([2, length], values), Views.Empty<T>([2, length]), 1, descending);
    }

    [Test]
    public void SortIsStableAndNanIsLargest([ValueSource(nameof(layouts))] string layout, [Values("4 30 5", "1 1 3", "2 65 2", "1 130 1")] string sizes, [Values] bool descending)
    {
        Shape shape = new([.. sizes.Split(' ').Select(int.Parse)]);
        View x = Views.Of(Layouts.Named(layout, shape), Values(shape.Count));
        for (int dim = 0; dim < 3; dim++) Sorts(x, Views.Empty<float>(Layouts.Named(layout, shape)), dim, descending);
    }

    /// <summary>Segments that are merged, in one pass to three, with a last one that is short or missing.</summary>
    [TestCase(2, 2048)]
    [TestCase(2, 2049)]
    [TestCase(1, 4096)]
    [TestCase(2, 4500)]
    [TestCase(1, 10_001)]
    public void LongLinesAreMerged(int lines, int length) => Sorts(Views.Of([lines, length], Values((long)lines * length)), Views.Empty<float>([lines, length]), 1, descending: length % 2 == 0);

    static void Sorts(View x, View values, int dim, bool descending)
    {
        View indices = Views.Empty<long>(x.Shape), expected = Views.Empty<long>(x.Shape), expectedValues = values with { Storage = Views.Empty<long>([(int)values.Storage.Bytes / 8]).Storage };
        Views.Cpu.Sort(x, expectedValues, expected, dim, descending);
        foreach (bool plain in (bool[])[false, true])
        {
            if (plain && x.Shape[dim] > 500) continue;
            Gpu.Sort(x, values, indices, dim, descending, plain);
            Assert.That(Views.Get<long>(indices), Is.EqualTo(Views.Get<long>(expected)), $"{x.DType}, {(plain ? "plain" : "fast")}");
            Assert.That(Bytes(values), Is.EqualTo(Bytes(expectedValues)), $"{x.DType}, {(plain ? "plain" : "fast")}");
        }
    }

    // The elements' bytes in logical order.
    static unsafe byte[] Bytes(View v)
    {
        int size = v.DType.Size();
        return [.. Views.Addresses(v.Layout).SelectMany(at => new ReadOnlySpan<byte>((byte*)v.Storage.Pointer + (at * size), size).ToArray())];
    }

    [Test]
    public void NothingToSortOrFind()
    {
        View none = Views.Of<float>([2, 0]);
        Gpu.Sort(none, Views.Empty<float>([2, 0]), Views.Empty<long>([2, 0]), 1, false);
        Gpu.ArgReduce(none, Views.Empty<long>([1, 0]), 0, true);
        Assert.That(() => Gpu.ArgReduce(none, Views.Empty<long>([2, 1]), 1, true), Throws.TypeOf<ShapeException>());
        View scalar = Views.Of(new Shape(), 5f), value = Views.Empty<float>(new Shape()), index = Views.Empty<long>(new Shape());
        Gpu.Sort(scalar, value, index, 0, false);
        Assert.That((Views.Get<float>(value)[0], Views.Get<long>(index)[0]), Is.EqualTo((5f, 0L)));
        Gpu.ArgReduce(scalar, index, 0, true);
        Assert.That(Views.Get<long>(index)[0], Is.Zero);
    }
}
