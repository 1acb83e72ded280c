using System.Runtime.InteropServices;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Maps and copies by rows of 16 bytes, and copies between layouts through tiles: the CPU's bits, and where they are taken.</summary>
[NonParallelizable]
public sealed class RowKernelsTests
{
    static readonly CudaBackend emulator = (CudaBackend)Device.Emulator.Backend;

    static readonly Shape[][] sums =
    [
        [[2, 8, 5, 3], [1, 8, 1, 1]], [[3, 12, 2, 2], [3, 12, 1, 1]], [[2, 4, 3, 3], [2, 1, 3, 3]], [[2, 8, 3, 2], [2, 8, 1, 2]], [[7, 36], [36]], [[7, 36], [7, 1]], [[5, 8], []], [[1040], [1]],
        [[3, 5, 7, 4], [1, 5, 1, 1]], [[2, 6, 3, 3], [1, 6, 1, 1]], [[7, 9], [9]], [[1], []], [[2, 3, 4, 5, 8], [3, 1, 5, 1]], [[0, 8, 2, 2], [1, 8, 1, 1]],
    ];

    [TearDown]
    public void Restore() => emulator.PlainChannels = false;

    [Test, Combinatorial]
    public void SumsOfRowsAreTheBitsOfTheCpu([ValueSource(nameof(sums))] Shape[] shapes, [Values(0, 1, 4)] int offset, [Values] bool plain, [Values] bool swapped)
    {
        Shape s = shapes[0];
        View a = Views.Of(Moved(Layout.Dense(s), offset), Normal(s.Count, 1)), b = Views.Of(shapes[1], Normal(shapes[1].Count, 2)).BroadcastTo(s);
        View expected = Views.Empty<float>(s), y = Views.Empty<float>(s);
        if (swapped) (a, b) = (b, a);
        emulator.PlainChannels = plain;
        Views.Cpu.Binary(new Ops.Sub(), a, b, expected);
        emulator.Binary(new Ops.Sub(), a, b, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)));
    }

    [Test]
    public void SumsInPlace()
    {
        View y = Views.Of([3, 8, 2, 2], Normal(96, 1)), b = Views.Of([1, 8, 1, 1], Normal(8, 2)), expected = Views.Of([3, 8, 2, 2], Views.Get<float>(y));
        emulator.Binary(new Ops.Add(), y, b.BroadcastTo(y.Shape), y);
        Views.Cpu.Binary(new Ops.Add(), expected, b.BroadcastTo(y.Shape), expected);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)));
    }

    // Sizes around a tile's 32, permutations of what lies between.
    static readonly object[] copies =
    [
        new object[] { new Shape(2, 33, 5, 8), "rows" }, new object[] { new Shape(1, 12, 12, 1), "rows" }, new object[] { new Shape(3, 64, 4, 16), "rows" }, new object[] { new Shape(2, 31, 70), "transposed" },
        new object[] { new Shape(65, 13), "transposed" }, new object[] { new Shape(2, 3, 20, 20), "rows" }, new object[] { new Shape(12, 2, 3, 33), "transposed" }, new object[] { new Shape(40, 8), "padded" },
        new object[] { new Shape(3, 4, 16), "padded" }, new object[] { new Shape(5, 40), "reversed" }, new object[] { new Shape(13, 2, 2, 15), "reversed" },
    ];

    [TestCaseSource(nameof(copies))]
    public void CopiesBetweenLayouts(Shape shape, string layout)
    {
        float[] values = Normal(shape.Count, 1);
        foreach (var (from, to) in ((string, string)[])[(layout, "dense"), ("dense", layout), (layout, layout)])
            foreach (bool plain in (bool[])[true, false])
            {
                emulator.PlainChannels = plain;
                View x = Views.Of(Layouts.Named(from, shape), values), y = Views.Empty<float>(Layouts.Named(to, shape));
                emulator.Copy(x, y);
                Assert.That(Views.Get<float>(y), Is.EqualTo(values), $"from {from} to {to}, plain {plain}");
            }
    }

    [Test]
    public void CopiesOfRowsOfEveryType([Values(8, 12, 16, 20)] int columns, [Values(0, 8)] int offset)
    {
        Check([.. Enumerable.Range(0, 5 * columns).Select(i => (byte)i)]);
        Check([.. Enumerable.Range(0, 5 * columns).Select(i => (Half)i)]);
        Check([.. Enumerable.Range(0, 5 * columns).Select(i => i)]);
        Check([.. Enumerable.Range(0, 5 * columns).Select(i => (long)i)]);

        void Check<T>(T[] values) where T : unmanaged
        {
            View x = Views.Of(new Layout([5, columns], [48, 1], offset), values), y = Views.Empty<T>(new Layout([5, columns], [32, 1]));
            emulator.Copy(x, y);
            Assert.That(Views.Get<T>(y), Is.EqualTo(values));
        }
    }

    [Test]
    public void FillsOfRowsOfEveryType([Values(1, 8, 12, 16)] int columns, [Values(0, 4)] int offset)
    {
        Check<byte>(200, 200);
        Check((Half)3, 3);
        Check(-7, -7);
        Check(-9L, -9);
        Check(2.5f, 2.5);
        Check(true, 1);

        void Check<T>(T stored, double value) where T : unmanaged
        {
            View around = Views.Empty<T>(Layout.RowMajor([288])), y = around.As(new Layout([3, 2, columns], [96, 32, 1], offset));
            T[] expected = Views.Get<T>(around);
            foreach (long at in Views.Addresses(y.Layout)) expected[at] = stored;
            emulator.Fill(y, value);
            Assert.That(MemoryMarshal.AsBytes(Views.Get<T>(around).AsSpan()).ToArray(), Is.EqualTo(MemoryMarshal.AsBytes(expected.AsSpan()).ToArray()));
        }
    }

    [TestCaseSource(nameof(copies))]
    public void CopiesOfHalvesBetweenLayouts(Shape shape, string layout)
    {
        Half[] values = Array.ConvertAll(Normal(shape.Count, 1), v => (Half)v);
        foreach (var (from, to) in ((string, string)[])[(layout, "dense"), ("dense", layout), (layout, layout)])
        {
            View x = Views.Of(Layouts.Named(from, shape), values), y = Views.Empty<Half>(Layouts.Named(to, shape));
            emulator.Copy(x, y);
            Assert.That(Views.Get<Half>(y), Is.EqualTo(values), $"{from} to {to}");
        }
    }

    [Test]
    public void RowsGetZerosBehindThem([Values(1, 2, 3, 4, 5, 6, 7, 33)] int channels, [Values(0, 1, 3)] int offset)
    {
        const int rows = 37;
        int padded = (channels + 3) & ~3;
        float[] values = Normal(rows * channels, 1);
        View x = Views.Of(new Layout([rows, channels], [channels, 1], offset), values), y = Views.Empty<float>([rows, padded]);
        emulator.CopyPadded(x, y, channels);
        float[] expected = [.. Enumerable.Range(0, rows * padded).Select(i => i % padded < channels ? values[(i / padded * channels) + (i % padded)] : 0)];
        Assert.That(Views.Get<float>(y), Is.EqualTo(expected));
    }

    [Test]
    public void EachIsTakenWhereItFitsAndNothingIsFound()
    {
        using CheckedGpu own = new();
        var (gpu, memory, entries) = (own.Backend, own.Device.Memory, own.Launched);
        List<Lease> leases = [];
        View Filled(params int[] shape)
        {
            var (storage, lease) = memory.Rent(4 * new Shape(shape).Count);
            leases.Add(lease);
            var view = new View(storage, DType.Float32, Layout.Dense(shape));
            gpu.Fill(view, 1);
            return view;
        }
        void Taken(string entry, Action work)
        {
            entries.Clear();
            work();
            Assert.That(entries, Is.EqualTo(new[] { entry }));
        }
        static View Halves(View floats) => new(floats.Storage, DType.Float16, floats.Layout);
        View x = Filled(2, 16, 40, 1), y = Filled(2, 16, 40, 1), flat = Filled(2, 16, 20, 2), c = Filled(1, 16, 1, 1), odd = Filled(2, 15, 4, 1), c15 = Filled(1, 15, 1, 1), narrow = Filled(40, 32), eight = Filled(8, 16), sum = Filled(2, 15, 4, 1), m = Filled(40, 72), t = Filled(72, 40);
        Taken("binary_rows", () => gpu.Binary(new Ops.Add(), x, c.BroadcastTo(x.Shape), y));
        Taken("binary_strided", () => gpu.Binary(new Ops.Add(), odd, c15.BroadcastTo(odd.Shape), sum));
        Taken("copy_rows", () => gpu.Copy(m.Slice(1, 0, 32), narrow));
        Taken("copy_across_b32", () => gpu.Copy(m.Permute(1, 0), t));
        Taken("copy_across_b32", () => gpu.Copy(flat, flat.As(Layout.RowMajor(flat.Shape)) with { Storage = y.Storage }));
        Taken("copy_across_b32", () => gpu.Copy(Halves(m.Permute(1, 0)), Halves(t)));
        Taken("copy_b32", () => gpu.Copy(odd, sum.As(Layout.RowMajor(sum.Shape))));
        Taken("fill_rows", () => gpu.Fill(x.Slice(2, 0, 20, 2), 0));
        Taken("fill_b32", () => gpu.Fill(odd.Slice(2, 0, 2), 0));
        Taken("copy_padded", () => gpu.CopyPadded(odd, eight, 15));
        Assert.That(own.Findings, Is.Empty);
        leases.ForEach(l => l.Dispose());
    }

    /// <summary>The same layout, beginning later in its storage.</summary>
    static Layout Moved(Layout layout, int offset) => new(layout.Shape, layout.Strides, offset);
}
