using System.Runtime.CompilerServices;

namespace Tessera.Tests;

/// <summary>The GPU's reading and adding at indices on the emulator, against the CPU's, bit for bit.</summary>
public sealed class IndexKernelTests
{
    static readonly string[] layouts = Layouts.Names;

    static Backend Gpu => Device.Emulator.Backend;

    static long[] Indices(long count, int below) => [.. Enumerable.Range(0, (int)count).Select(i => (long)(new Philox(3).Word((ulong)i) % (uint)below))];

    [Test]
    public void GatherIsTheCpus([ValueSource(nameof(layouts))] string layout, [Values(0, 1, 2, 3)] int dim)
    {
        Shape table = [3, 6, 7, 5], list = table.With(dim, 9);
        View x = Views.Of(Layouts.Named(layout, table), Arrays.Random(table.Count, 1)), index = Views.Of(Layouts.Named(layout, list), Indices(list.Count, table[dim]));
        View y = Views.Empty<float>(Layouts.Named(layout, list)), expected = Views.Empty<float>(list);
        Gpu.Gather(x, index, y, dim);
        Views.Cpu.Gather(x, index, expected, dim);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)));
    }

    [Test]
    public void ElementsOfEverySizeAreGathered()
    {
        Check<byte>();
        Check<Half>();
        Check<int>();
        Check<long>();

        static void Check<T>() where T : unmanaged
        {
            T[] values = new T[700];
            new Random(1).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            for (int i = 0; i < values.Length && typeof(T) == typeof(Half); i++) values[i] = (T)(object)(Half)i;
            View x = Views.Of([700], values), index = Views.Of([300], Indices(300, 700)), y = Views.Empty<T>([300]);
            Gpu.Gather(x, index, y, 0);
            Assert.That(Views.Get<T>(y), Is.EqualTo(Indices(300, 700).Select(i => values[i])), $"{Unsafe.SizeOf<T>()} bytes");
        }
    }

    /// <summary>Few lines with a long list, many lines with a short one, lists that are no multiple of four, and destinations hit many times.</summary>
    [Test]
    public void ScatterAddIsTheCpus([ValueSource(nameof(layouts))] string layout, [Values("1 700 1 33", "1 1003 0 900", "40 7 1 1", "40 7 0 6", "5 6 1 9", "3 200 0 2")] string sizes)
    {
        int[] s = [.. sizes.Split(' ').Select(int.Parse)];
        Shape table = [s[0], s[1]], list = table.With(s[2], s[3]);
        View index = Views.Of(Layouts.Named(layout, list), Indices(list.Count, Math.Min(table[s[2]], 40))), source = Views.Of(Layouts.Named(layout, list), Arrays.Random(list.Count, 2));
        View y = Views.Of(Layouts.Named(layout, table), Arrays.Random(table.Count, 4)), expected = Views.Of(table, Arrays.Random(table.Count, 4));
        Gpu.ScatterAdd(y, index, source, s[2]);
        Views.Cpu.ScatterAdd(expected, index, source, s[2]);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)));
    }

    [Test]
    public void RowsAreGatheredAndAddedByABroadcastIndex()
    {
        float[] x = Arrays.Random(40, 1);
        View index = Views.Of<long>([3, 1], 7, 0, 7).BroadcastTo([3, 5]), y = Views.Empty<float>([3, 5]), sum = Views.Of([8, 5], new float[40]);
        Gpu.Gather(Views.Of([8, 5], x), index, y, 0);
        Assert.That(Views.Get<float>(y), Is.EqualTo(x[35..].Concat(x[..5]).Concat(x[35..])));
        Gpu.ScatterAdd(sum, index, y, 0);
        Assert.That(Views.Get<float>(sum)[35..], Is.EqualTo(x[35..].Select(v => v + v)));
    }

    /// <summary>The first index outside is named by the next call that waits, and a scatter changes nothing.</summary>
    [TestCase(-1)]
    [TestCase(4)]
    [TestCase(long.MinValue)]
    [TestCase(1L << 32)]
    public void IndicesOutsideAreRefused(long index)
    {
        long[] indices = new long[600];
        (indices[123], indices[124], indices[599]) = (index, 77, 78);
        View x = Views.Of([4], 1f, 2, 3, 4), i = Views.Of([600], indices), y = Views.Of([600], new float[600]);
        string message = $"Index: out of range in dimension 0: got {index}, expected 0..3.";
        Gpu.Gather(x, i, y, 0);
        Assert.That(Gpu.Synchronize, Throws.TypeOf<ShapeException>().With.Message.EqualTo(message));
        Gpu.ScatterAdd(x, i, y, 0);
        Assert.That(() => Gpu.Download(x.Storage, new byte[4]), Throws.TypeOf<ShapeException>().With.Message.EqualTo(message));
        Assert.That(Views.Get<float>(x), Is.EqualTo(new[] { 1f, 2, 3, 4 }));
        Assert.That(Gpu.Synchronize, Throws.Nothing, "an error is told once");
    }

    [Test]
    public void TheFirstErrorGivenCountsAndMayBeLate([Values(2, 300)] int later)
    {
        View x = Views.Of([4], 1f, 2, 3, 4), y = Views.Empty<float>([2]), right = Views.Of([2], 3L, 0), wrong = Views.Of([2], 3L, 4), worse = Views.Of([2], 9L, 9);
        Gpu.Gather(x, right, y, 0);
        Gpu.CheckIndices(wrong, 4, null, i => new ShapeException($"no {i}"));
        Assert.That(() =>
        {
            for (int k = 0; k < later; k++) Gpu.Gather(x, worse, y, 0); // more than are kept: then one of them waits
            Gpu.Synchronize();
        }, Throws.TypeOf<ShapeException>().With.Message.EqualTo("no 4"));
        if (later > 256) Assert.That(Gpu.Synchronize, Throws.Nothing, "the call that would not fit was not given");
        Gpu.Gather(x, right, y, 0);
        Gpu.Synchronize();
        Assert.That(Views.Get<float>(y), Is.EqualTo(new[] { 4f, 1 }));
    }

    /// <summary>Also where the indices are repeated or lie apart, and for no index at all; the CPU says the same at once.</summary>
    [Test]
    public void IndicesAreCheckedAlone()
    {
        View i = Views.Of([3, 4], -100L, 0, 5, 6, 1, 2, 3, 4, 5, 0, -100, -1);
        foreach (var device in new[] { Gpu, Views.Cpu })
        {
            Assert.That(Got(device, i.Slice(1, 0, 3), 6, -100), Is.Null);
            Assert.That(Got(device, i.Slice(1, 0, 3), 6, null), Is.EqualTo(-100));
            Assert.That(Got(device, i, 6, -100), Is.EqualTo(6));
            Assert.That(Got(device, i.Permute(1, 0), 7, -100), Is.EqualTo(-1));
            Assert.That(Got(device, i.Slice(1, 3, 1, 1).BroadcastTo([3, 5]), 6, null), Is.EqualTo(6));
            Assert.That(Got(device, Views.Of([1], 0L), 0, null), Is.Zero, "there is nothing to name");
            Assert.That(Got(device, Views.Of<long>([0]), 0, null), Is.Null);
        }

        static long? Got(Backend device, View index, long size, long? except)
        {
            long? got = null;
            try
            {
                device.CheckIndices(index, size, except, i =>
                {
                    got = i;
                    return new ShapeException("wrong");
                });
                device.Synchronize();
            }
            catch (ShapeException)
            {
                Assert.That(got, Is.Not.Null);
            }
            return got;
        }
    }

    [Test]
    public void NothingAndOneElement()
    {
        View none = Views.Of<long>([0]), x = Views.Of([4], 1f, 2, 3, 4), y = Views.Empty<float>([0]), one = Views.Empty<float>(new Shape());
        Gpu.Gather(x, none, y, 0);
        Gpu.ScatterAdd(x, none, y, 0);
        Gpu.Gather(Views.Of(new Shape(), 5f), Views.Of(new Shape(), 0L), one, 0);
        Assert.That(Views.Get<float>(one)[0], Is.EqualTo(5f));
        Assert.That(() => Gpu.Gather(x, Views.Of([1], 1f), one, 0), Throws.TypeOf<DTypeException>());
        Assert.That(() => Gpu.Gather(x, Views.Of([1], 1L), Views.Empty<int>([1]), 0), Throws.TypeOf<DTypeException>());
    }
}
