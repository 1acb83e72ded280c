using System.Runtime.InteropServices;
using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>Mixed precision's verbs on the CPU and on the emulator: factors of 16 bits are exact, so that only the float32 sums, and the store, round.</summary>
[NonParallelizable]
public sealed class HalfKernelTests
{
    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    static readonly (string Name, Backend Backend)[] backends = [("composed", new Composed()), ("cpu", Device.Cpu.Backend), ("emulator", gpu)];

    static readonly string[] names = [.. backends.Select(b => b.Name)];

    static readonly DType[] types = [DType.Float16, DType.BFloat16];

    /// <summary>N, C, H, W, K and the window: products of pixels that tensor cores read as halves, kernels with borders and strides, depthwise ones.</summary>
    static readonly (int N, int C, int H, int W, int K, Window2d P)[] shapes =
    [
        (2, 16, 4, 4, 24, new(1, 1)), (2, 3, 5, 7, 4, new(1, 1)), (2, 8, 9, 8, 16, new(3, 3, 1, 1, 1, 1, 1, 1)), (1, 3, 10, 9, 12, new(7, 7, 2, 2, 3, 3, 3, 3)), (1, 16, 7, 7, 70, new(3, 3, 2, 2, 1, 1, 1, 1)),
        (1, 8, 6, 6, 8, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 8)), (0, 8, 4, 4, 8, new(3, 3)),
        (1, 72, 5, 6, 16, new(3, 3, 2, 2, 1, 1, 1, 1)), (1, 32, 5, 5, 16, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2)), (3, 8, 14, 9, 8, new(3, 2, 2, 1, 0, 1, 2, 0, 1, 2)),
        (3, 24, 6, 6, 72, new(3, 2, 1, 1, 1, 0, 1, 0)),
    ];

    [Test]
    public void CastsAreTheCpusBits([ValueSource(nameof(types))] DType type, [Values(1, 2, 3, 4, 5, 7, 1024, 9001)] int n, [Values(0, 1)] int offset)
    {
        float[] x = Normal(n + 4, 1);
        (x[0], x[^1]) = (float.PositiveInfinity, 1e-7f);
        byte[][] results = [.. new[] { Device.Cpu.Backend, gpu }.Select(k =>
        {
            View source = Part(Views.Of([n + 4], x), DType.Float32, n, offset), halves = Part(Whole(type, n + 4), type, n, offset), back = Part(Views.Of([n + 4], new float[n + 4]), DType.Float32, n, offset);
            k.Copy(source, halves);
            k.Copy(halves, back);
            return (byte[])[.. Bytes(halves), .. Bytes(back)];
        })];
        Assert.That(results[1], Is.EqualTo(results[0]));
    }

    [Test]
    public void ConvolutionsAgreeWithDoubles([ValueSource(nameof(names))] string backend, [ValueSource(nameof(types))] DType type, [Range(0, 10)] int shape, [Values] bool stored)
    {
        var k = backends.First(b => b.Name == backend).Backend;
        var (N, C, H, W, K, p) = shapes[shape];
        Shape xs = [N, C, H, W], ws = [K, C / p.Groups, p.R, p.S], ys = [N, K, p.OutH(H), p.OutW(W)];
        float[] x = Rounded(Normal(xs.Count, 1), type), w = Rounded(Normal(ws.Count, 2), type), b = Normal(K, 3), r = Rounded(Normal(ys.Count, 4), type), gy = Rounded(Normal(ys.Count, 5), type);
        double[] plain = Plain.Conv2d(xs, x, ws, w, null, ys, p), y = Plain.Conv2d(xs, x, ws, w, b, ys, p);
        double[] gx = Plain.Conv2dBackwardData(xs, ws, w, ys, gy, p), gw = Plain.Conv2dBackwardWeight(xs, x, ws, ys, gy, p);
        for (int i = 0; i < y.Length; i++) y[i] = Math.Max(0, y[i] + r[i]);
        View X = Halves(xs, x, type), Wt = Halves(ws, w, type), G = Halves(ys, gy, type), R = Halves(ys, r, type);
        View Result(Shape s) => stored ? Halves(s, new float[s.Count], type) : Views.Of(s, new float[s.Count]);
        View Y = Result(ys), YP = Result(ys), GX = Result(xs), GW = Result(ws), moments = Views.Of([2, K], new float[2 * K]);
        k.Conv2d16(X, Wt, Y, p, new Epilogue(Views.Of([K], b), R, Relu: true));
        k.Conv2d16(X, Wt, YP, p, new Epilogue(Moments: moments));
        k.Conv2d16BackwardData(G, Wt, GX, p);
        k.Conv2d16BackwardWeight(G, X, GW, p);
        double tolerance = 3e-6 + (stored ? type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256 : 0);
        Assert.That(Error(Floats(Y), y).Max, Is.LessThan(tolerance), "forward");
        Assert.That(Error(Floats(YP), plain).Max, Is.LessThan(tolerance), "forward, nothing added");
        Assert.That(Error(Floats(GX), gx).Max, Is.LessThan(tolerance), "data");
        Assert.That(Error(Floats(GW), gw).Max, Is.LessThan(tolerance), "weight");
        if (N == 0) return;
        float[] mean = Views.Get<float>(moments)[..K];
        int pixels = (int)(ys.Count / K);
        double[] means = [.. Enumerable.Range(0, K).Select(c => Enumerable.Range(0, plain.Length).Where(i => i / (ys[2] * ys[3]) % K == c).Average(i => plain[i]))];
        Assert.That(Error(mean, means).Max, Is.LessThan(1e-4), $"means of {pixels} float32 sums each");
    }

    [Test]
    public void ProductsAgreeWithDoubles([ValueSource(nameof(names))] string backend, [ValueSource(nameof(types))] DType type, [Values] bool transposed)
    {
        var k = backends.First(b => b.Name == backend).Backend;
        const int M = 9, N = 16, K = 24;
        float[] a = Rounded(Normal(M * K, 1), type), b = Rounded(Normal(K * N, 2), type), y0 = Normal(M * N, 3);
        View A = Halves([M, K], a, type), y = Views.Of([M, N], y0);
        View B = transposed ? Halves([N, K], [.. Enumerable.Range(0, N * K).Select(i => b[(i % K * N) + (i / K)])], type).Permute(1, 0) : Halves([K, N], b, type);
        k.Gemm16(A, B, y, 0.5f, 2);
        Assert.That(Error(Views.Get<float>(y), GemmTests.Reference(a, b, y0, M, N, K, 0.5f, 2)).Max, Is.LessThan(2e-6));
        View repeated = Halves([1, K, N], b, type).BroadcastTo([3, K, N]), rows = Halves([3, 3, K], a, type), batch = Views.Of([3, 3, N], new float[3 * 3 * N]);
        k.Gemm16(rows, repeated, batch);
        Assert.That(Error(Views.Get<float>(batch), GemmTests.Reference(a, b, null, M, N, K, 1, 0)).Max, Is.LessThan(2e-6));
        Assert.That(() => k.Gemm16(y, y, y), Throws.TypeOf<DTypeException>());
    }

    /// <summary>Rows of 16 bits against the same numbers in float32: results differ by their rounding only, gradients of parameters by the order of sums.</summary>
    [Test]
    public void BatchNormsAgreeWithFloat32([ValueSource(nameof(names))] string backend, [ValueSource(nameof(types))] DType type, [Values(8, 6)] int channels, [Values] bool withResidual, [Values] bool relu, [Values] bool given)
    {
        var k = backends.First(b => b.Name == backend).Backend;
        Shape s = [3, channels, 5, 4], c = [channels];
        float[] x = Rounded(Normal(s.Count, 1), type), r = Rounded(Normal(s.Count, 2), type), gy = Rounded(Normal(s.Count, 3), type);
        ChannelNorm norm = new(Views.Of(c, Normal(channels, 4)), Views.Of(c, [.. Normal(channels, 5).Select(v => 0.5f + (v * v))]), 1e-5f, Views.Of(c, Normal(channels, 6)), Views.Of(c, Normal(channels, 7)));
        View X = Halves(s, x, type), R = Halves(s, r, type), G = Halves(s, gy, type), Y = Halves(s, x, type), GX = Halves(s, x, type), GR = Halves(s, x, type), gw = Views.Of(c, new float[channels]), gb = Views.Of(c, new float[channels]);
        View x32 = Views.Of(s, x), g32 = Views.Of(s, gy), y32 = Views.Of(s, x), gx32 = Views.Of(s, x), gr32 = Views.Of(s, x), gw32 = Views.Of(c, new float[channels]), gb32 = Views.Of(c, new float[channels]);
        Views.Cpu.BatchNorm(x32, norm, withResidual ? Views.Of(s, r) : null, relu, y32);
        k.BatchNorm16(X, norm, withResidual ? R : null, relu, Y);
        double rounding = type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256;
        Close(Floats(Y), Views.Get<float>(y32), rounding, "y");
        View? stored = withResidual && relu ? Y : null, wide = withResidual && relu ? Views.Of(s, Floats(Y)) : null;
        Views.Cpu.BatchNormBackward(g32, x32, wide, norm, relu, given, gx32, withResidual ? gr32 : null, gw32, gb32);
        k.BatchNorm16Backward(G, X, stored, norm, relu, given, GX, withResidual ? GR : null, gw, gb);
        Close(Floats(GX), Views.Get<float>(gx32), rounding, "gx");
        if (withResidual) Close(Floats(GR), Views.Get<float>(gr32), rounding, "gresidual");
        Close(Views.Get<float>(gw), Views.Get<float>(gw32), 1e-5, "gw");
        Close(Views.Get<float>(gb), Views.Get<float>(gb32), 1e-5, "gb");
    }

    static void Close(float[] actual, float[] expected, double tolerance, string what)
        => Assert.That(Error(actual, Array.ConvertAll(expected, v => (double)v)).Max, Is.LessThan(tolerance), what);

    [Test]
    public void TheKernelsPassEveryCheckOfTheEmulator([ValueSource(nameof(types))] DType type)
    {
        using CheckedGpu own = new();
        var (checkedGpu, device, kernels) = (own.Backend, own.Device, own.Launched);
        Temporary Of(Layout layout, ulong seed)
        {
            Temporary floats = new(device, layout), halves = new(device, layout, type);
            float[] x = Normal(layout.Count, seed);
            checkedGpu.Upload(MemoryMarshal.AsBytes(x.AsSpan()), floats.View.Storage);
            checkedGpu.Copy(floats.View, halves.View);
            return halves;
        }
        Window2d p = new(3, 3, 1, 1, 1, 1, 1, 1);
        using Temporary x = Of(Layout.ChannelsLast([1, 8, 7, 7]), 1), w = Of(Layout.ChannelsLast([12, 8, 3, 3]), 2), gy = Of(Layout.ChannelsLast([1, 12, 7, 7]), 3);
        using Temporary y = new(device, Layout.ChannelsLast([1, 12, 7, 7]), type), gx = new(device, Layout.ChannelsLast([1, 8, 7, 7]), type), gw = new(device, Layout.ChannelsLast([12, 8, 3, 3]));
        checkedGpu.Conv2d16(x.View, w.View, y.View, p);
        checkedGpu.Conv2d16BackwardData(gy.View, w.View, gx.View, p);
        checkedGpu.Conv2d16BackwardWeight(gy.View, x.View, gw.View, p);
        int narrow = kernels.Count;
        using Temporary statistics = new(device, Layout.RowMajor([2, 12]));
        checkedGpu.Conv2d16(x.View, w.View, y.View, p, new Epilogue(Moments: statistics.View));
        Assert.That(kernels.Skip(narrow), Is.EqualTo(new[] { "conv2d_tf32", "moments", "moments_combine" }), "what measures rounds");
        using Temporary sixteen = Of(Layout.ChannelsLast([1, 16, 7, 7]), 4), wide = new(device, Layout.ChannelsLast([16, 8, 3, 3]));
        int before = kernels.Count;
        checkedGpu.Conv2d16BackwardWeight(sixteen.View, x.View, wide.View, p);
        Assert.That(kernels.Skip(before), Has.Member("conv2d_weight_half").And.All.StartsWith("conv2d_weight"), "nor for the weights");
        using Temporary numbers = new(device, Layout.RowMajor([4, 12])), sums = new(device, Layout.RowMajor([2, 12]));
        checkedGpu.Fill(numbers.View, 0.5);
        View Row(Temporary rows, int i) => rows.View.Slice(0, i, 1).Reshape([12]);
        ChannelNorm norm = new(Row(numbers, 0), Row(numbers, 1), 1e-5f, Row(numbers, 2), Row(numbers, 3));
        using Temporary z = new(device, Layout.ChannelsLast([1, 12, 7, 7]), type), gz = new(device, Layout.ChannelsLast([1, 12, 7, 7]), type), gr = new(device, Layout.ChannelsLast([1, 12, 7, 7]), type);
        checkedGpu.BatchNorm16(y.View, norm, gy.View, true, z.View);
        checkedGpu.BatchNorm16Backward(gy.View, y.View, z.View, norm, true, false, gz.View, gr.View, Row(sums, 0), Row(sums, 1));
        Assert.That(own.Findings, Is.Empty);
        Assert.That(kernels.TakeLast(4), Is.EqualTo(new[] { "batch_norm", "batch_norm_sums", "batch_norm_totals", "batch_norm_gradient" }), "nothing is widened");
        Assert.That(kernels.GetRange(3, 1), Is.EqualTo(new[] { "conv2d_tf32" }), "eight channels are read as halves, nothing is widened or rounded");
        Assert.That(kernels.Take(narrow).Skip(4), Has.Some.StartsWith("widen_"), "twelve channels are no whole number of eights");
    }

    static float[] Rounded(float[] x, DType type) => Array.ConvertAll(x, v => type == DType.Float16 ? (float)(Half)v : (float)(BFloat16)v);

    static View Halves(Shape shape, float[] values, DType type) => type == DType.Float16 ? Views.Of(shape, Array.ConvertAll(values, v => (Half)v)) : Views.Of(shape, Array.ConvertAll(values, v => (BFloat16)v));

    static View Whole(DType type, int n) => Halves([n], new float[n], type);

    static View Part(View whole, DType type, int n, int offset) => new(whole.Storage, type, new Layout([n], [1], offset));

    static float[] Floats(View x) => x.DType switch
    {
        DType.Float32 => Views.Get<float>(x),
        DType.Float16 => Array.ConvertAll(Views.Get<Half>(x), v => (float)v),
        _ => Array.ConvertAll(Views.Get<BFloat16>(x), v => (float)v),
    };

    static byte[] Bytes(View x) => MemoryMarshal.AsBytes<float>(Floats(x)).ToArray();
}
