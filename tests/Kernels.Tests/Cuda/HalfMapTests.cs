using System.Globalization;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The kernels of maps and pools that load and store halves give the bits of widened copies: float32 arithmetic, one rounding.</summary>
[NonParallelizable]
public sealed class HalfMapTests
{
    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    static readonly DType[] types = [DType.Float32, DType.Float16, DType.BFloat16];

    /// <summary>Of y, a and b: how they lie. Dense with a tail, past an aligned address, channels-last beside a vector of channels and a number, every second element, transposed.</summary>
    static readonly (string Name, Layout Y, Layout A, Layout B)[] layouts =
    [
        ("dense", Layout.Dense([1, 4, 5, 7]), Layout.Dense([1, 4, 5, 7]), Layout.Dense([1, 4, 5, 7])),
        ("a tail", Layout.RowMajor([1027]), Layout.RowMajor([1027]), Layout.RowMajor([1027])),
        ("fewer than four", Layout.RowMajor([3]), Layout.RowMajor([3]), Layout.RowMajor([3])),
        ("misaligned", Layout.RowMajor([70]), new Layout([70], [1], 1), Layout.RowMajor([70])),
        ("channels", Layout.Dense([2, 12, 3, 5]), Layout.Dense([2, 12, 3, 5]), new Layout([2, 12, 3, 5], [0, 1, 0, 0])),
        ("gates", Layout.Dense([2, 12, 3, 5]), Layout.Dense([2, 12, 3, 5]), new Layout([2, 12, 3, 5], [12, 1, 0, 0])),
        ("a number", Layout.Dense([2, 12, 3, 5]), new Layout([2, 12, 3, 5], [0, 0, 0, 0]), Layout.Dense([2, 12, 3, 5])),
        ("six channels", Layout.Dense([2, 6, 3, 5]), Layout.Dense([2, 6, 3, 5]), new Layout([2, 6, 3, 5], [0, 1, 0, 0])),
        ("a part of the channels", new Layout([2, 8, 3, 5], [360, 1, 120, 24], 8), Layout.Dense([2, 8, 3, 5]), Layout.Dense([2, 8, 3, 5])),
        ("every second", new Layout([9, 11], [22, 2], 1), Layout.RowMajor([9, 11]), Layout.RowMajor([9, 11])),
        ("transposed", Layout.RowMajor([9, 20]), new Layout([9, 20], [1, 9]), Layout.RowMajor([9, 20])),
        ("nothing", Layout.RowMajor([0, 4]), Layout.RowMajor([0, 4]), Layout.RowMajor([0, 4])),
    ];

    static readonly string[] names = [.. layouts.Select(l => l.Name)];

    /// <summary>Types of y, a and b.</summary>
    static readonly DType[][] triples =
    [
        [DType.Float16, DType.Float16, DType.Float16], [DType.BFloat16, DType.BFloat16, DType.BFloat16], [DType.Float32, DType.BFloat16, DType.Float16], [DType.BFloat16, DType.Float32, DType.BFloat16],
        [DType.Float16, DType.BFloat16, DType.Float32], [DType.BFloat16, DType.Float32, DType.Float32],
    ];

    [Test]
    public void MapsOfTwo([ValueSource(nameof(names))] string layout, [Range(0, 5)] int triple)
    {
        var (y, a, b) = (triples[triple][0], triples[triple][1], triples[triple][2]);
        var (_, ly, la, lb) = layouts.First(l => l.Name == layout);
        View A = Of(la, a, 1), B = Of(lb, b, 2);
        Same(k => Results(ly, y, r => k.Binary16(default(Ops.Add), A, B, r)));
        Same(k => Results(ly, y, r => k.Binary16(default(Ops.ReluGrad), A, B, r)));
    }

    [Test]
    public void MapsOfOne([ValueSource(nameof(names))] string layout, [ValueSource(nameof(types))] DType y, [ValueSource(nameof(types))] DType x)
    {
        var (_, ly, lx, _) = layouts.First(l => l.Name == layout);
        View X = Of(lx, x, 1);
        Same(k => Results(ly, y, r => k.Unary16(default(Ops.Relu), X, r)));
        Same(k => Results(ly, y, r => k.Unary16(default(Ops.Sigmoid), X, r)));
        Same(k => Results(ly, y, r => k.Unary16(new Ops.Affine(1.5f, -0.25f), X, r)));
    }

    [Test]
    public void InPlace([Values(DType.Float16, DType.BFloat16)] DType type)
    {
        View x = Of(Layout.Dense([2, 8, 3, 5]), type, 1), expected = Of(Layout.Dense([2, 8, 3, 5]), type, 1);
        gpu.Binary16(default(Ops.Add), x, x, expected);
        gpu.Binary16(default(Ops.Add), x, x, x);
        Assert.That(Bits(x), Is.EqualTo(Bits(expected)));
    }

    [TearDown]
    public void Restore() => gpu.WidensHalves = false;

    static readonly object[] pools =
    [
        new object[] { 2, 4, 9, 8, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 0 }, new object[] { 1, 132, 7, 7, new Window2d(3, 3, 2, 2), 1 }, new object[] { 2, 16, 6, 6, new Window2d(2, 2, 2, 2), 0 },
        new object[] { 1, 3, 5, 6, new Window2d(3, 2, 2, 1, 1, 0, 1, 0), 0 }, new object[] { 1, 8, 9, 9, new Window2d(2, 3, 1, 2, 1, 1, 1, 1, 2, 1), 0 }, new object[] { 3, 264, 3, 3, new Window2d(3, 3), 0 },
        new object[] { 0, 8, 4, 4, new Window2d(2, 2), 0 },
    ];

    [Test]
    public void Pools([ValueSource(nameof(pools))] object[] pool, [ValueSource(nameof(types))] DType to, [Values(DType.Float16, DType.BFloat16)] DType from, [Values(0, 1)] int offset)
    {
        var (N, C, H, W, p, extra) = ((int)pool[0], (int)pool[1], (int)pool[2], (int)pool[3], (Window2d)pool[4], (int)pool[5]);
        Shape xs = [N, C, H, W], ys = [N, C, p.OutH(H) + extra, p.OutW(W) + extra];
        View x = Of(Moved(xs, offset), from, 1), g = Of(Moved(ys, offset), from, 2);
        Same(k =>
        {
            View at = Views.Of(ys, new int[ys.Count]);
            List<string[]> results = [.. Results(Moved(ys, offset), to, y => k.MaxPool2d16(x, y, at, p)), .. Results(Moved(ys, offset), to, y => k.MaxPool2d16(x, y, null, p))];
            results.Add([.. Views.Get<int>(at).Select(i => i.ToString(CultureInfo.InvariantCulture))]);
            results.AddRange(Results(Moved(xs, offset), to, gx => k.MaxPool2d16Backward(g, at, gx, p)));
            foreach (bool count in (bool[])[false, true])
            {
                results.AddRange(Results(Moved(ys, offset), to, y => k.AvgPool2d16(x, y, p, count)));
                results.AddRange(Results(Moved(xs, offset), to, gx => k.AvgPool2d16Backward(g, gx, p, count)));
            }
            return results;
        });
    }

    [Test]
    public void NothingIsWidened()
    {
        using CheckedGpu gpu = new();
        var (own, device, kernels) = (gpu.Backend, gpu.Device, gpu.Launched);
        foreach (DType type in (DType[])[DType.Float16, DType.BFloat16])
        {
            using Temporary x = new(device, Layout.ChannelsLast([2, 12, 6, 6]), type), y = new(device, Layout.ChannelsLast([2, 12, 6, 6]), type), small = new(device, Layout.ChannelsLast([2, 12, 3, 3]), type);
            using Temporary at = new(device, Layout.ChannelsLast([2, 12, 3, 3]), DType.Int32), odd = new(device, Layout.ChannelsLast([2, 3, 3, 3]), type), odder = new(device, Layout.ChannelsLast([2, 3, 2, 2]), type);
            own.Fill(x.View, 0.5);
            own.Fill(odd.View, 0.5);
            kernels.Clear();
            own.Unary16(default(Ops.Relu), x.View, y.View);
            own.Unary16(default(Ops.Relu), x.View, y.View.Permute(0, 1, 3, 2));
            own.Binary16(default(Ops.Add), x.View, y.View, y.View);
            own.Binary16(default(Ops.Add), x.View, x.View.Slice(0, 0, 1).Slice(2, 0, 1).Slice(3, 0, 1).BroadcastTo(x.View.Shape), y.View);
            own.Binary16(default(Ops.Add), x.View, y.View.Permute(0, 1, 3, 2), y.View.Permute(0, 1, 3, 2));
            own.MaxPool2d16(x.View, small.View, at.View, new(2, 2, 2, 2));
            own.MaxPool2d16Backward(small.View, at.View, y.View, new(2, 2, 2, 2));
            own.AvgPool2d16(odd.View, odder.View, new(2, 2), true);
            own.AvgPool2d16Backward(odder.View, odd.View, new(2, 2), true);
            Assert.That(kernels, Is.EqualTo(new[]
            {
                "unary_dense", "unary_strided", "binary_dense", "binary_rows", "binary_strided", "max_pool2d", "max_pool2d_backward", "avg_pool2d_plain", "avg_pool2d_backward_plain",
            }));
        }
        Assert.That(gpu.Findings, Is.Empty);
    }

    static void Same(Func<CudaBackend, List<string[]>> work)
    {
        gpu.WidensHalves = true;
        var expected = work(gpu);
        gpu.WidensHalves = false;
        var actual = work(gpu);
        for (int i = 0; i < expected.Count; i++) Assert.That(actual[i], Is.EqualTo(expected[i]), $"result {i}");
    }

    static List<string[]> Results(Layout layout, DType type, Action<View> work)
    {
        View y = type switch { DType.Float32 => Views.Empty<float>(layout), DType.Float16 => Views.Empty<Half>(layout), _ => Views.Empty<BFloat16>(layout) };
        work(y);
        return [Bits(y)];
    }

    /// <summary>Normal numbers with some that are not, some that tie, and some beyond the range of float16.</summary>
    static View Of(Layout layout, DType type, ulong seed)
    {
        float[] x = [.. Normal(layout.Count, seed).Select((v, i) => (i % 11) switch { 3 => 0, 5 => MathF.Round(2 * v) / 2, 7 => -0f, 9 when i % 3 == 0 => 40000 * v, _ => v })];
        if (x.Length > 2) (x[0], x[1], x[2]) = (float.NaN, float.PositiveInfinity, 1e-7f);
        return type switch
        {
            DType.Float32 => Views.Of(layout, x),
            DType.Float16 => Views.Of(layout, Array.ConvertAll(x, v => (Half)v)),
            _ => Views.Of(layout, Array.ConvertAll(x, v => (BFloat16)v)),
        };
    }

    /// <summary>The bits of every element, all NaN alike.</summary>
    static string[] Bits(View x)
    {
        float[] values = x.DType switch
        {
            DType.Float32 => Views.Get<float>(x),
            DType.Float16 => Array.ConvertAll(Views.Get<Half>(x), v => (float)v),
            _ => Array.ConvertAll(Views.Get<BFloat16>(x), v => (float)v),
        };
        return Array.ConvertAll(values, v => float.IsNaN(v) ? "NaN" : BitConverter.SingleToUInt32Bits(v).ToString("X8", CultureInfo.InvariantCulture));
    }

    static Layout Moved(Shape s, int offset)
    {
        var dense = Layout.Dense(s);
        return new Layout(s, dense.Strides, offset);
    }
}
