using Tessera.Cuda;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The convolutions of the GPU path, on the emulator, against double precision.</summary>
[NonParallelizable]
public sealed class CudaConv2dTests
{
    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    /// <summary>N, C, H, W, K and the window: channels and pixels beside multiples of tiles and vectors, strides, dilations, groups, borders.</summary>
    static readonly (int N, int C, int H, int W, int K, Window2d P)[] cases =
    [
        (2, 3, 5, 7, 4, new(1, 1)), (1, 64, 6, 5, 33, new(1, 1)), (2, 16, 7, 6, 32, new(1, 1, 2, 2)), (1, 5, 4, 4, 8, new(1, 1, 1, 1, 1, 1, 1, 1)),
        (2, 8, 9, 8, 16, new(3, 3, 1, 1, 1, 1, 1, 1)), (1, 33, 10, 10, 5, new(3, 3, 1, 1, 1, 1, 1, 1)), (3, 32, 10, 10, 64, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (2, 16, 9, 11, 40, new(3, 3, 2, 2, 1, 1, 1, 1)), (2, 3, 12, 14, 64, new(7, 7, 2, 2, 3, 3, 3, 3)), (1, 4, 7, 9, 6, new(2, 2)),
        (1, 4, 11, 9, 6, new(5, 3, 3, 2, 2, 0, 1, 4)), (1, 6, 12, 12, 8, new(3, 3, 1, 1, 2, 2, 2, 2, 2, 2)), (2, 6, 9, 9, 9, new(3, 3, 2, 1, 1, 1, 1, 1, 1, 2, 3)),
        (1, 8, 9, 9, 12, new(3, 3, 2, 2, 2, 2, 2, 2, 2, 2)), (1, 4, 13, 12, 8, new(3, 2, 6, 4, 1, 1, 1, 1, 4, 2)), (1, 16, 6, 6, 24, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2)), (2, 140, 3, 4, 24, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2)), (1, 8, 6, 6, 128, new(3, 3, 2, 2, 1, 1, 1, 1)),
        (1, 8, 7, 7, 8, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 8)), (1, 4, 6, 6, 8, new(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 4)), (1, 128, 4, 4, 40, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (1, 256, 5, 3, 36, new(1, 1, 2, 2)), (1, 2, 3, 3, 3, new(3, 3)), (1, 2, 2, 2, 3, new(5, 5, 1, 1, 3, 3, 3, 3)), (1, 3, 4, 4, 2, new(1, 1, 4, 4)), (1, 3, 9, 9, 2, new(2, 2, 3, 3)),
        (1, 3, 1, 40, 20, new(1, 3, 1, 1, 0, 1, 0, 1)), (1, 3, 40, 1, 20, new(3, 1, 1, 1, 1, 0, 1, 0)), (0, 3, 4, 4, 2, new(3, 3)), (1, 1, 1, 1, 1, new(1, 1)), (3, 20, 14, 11, 18, new(3, 3, 1, 1, 0, 2, 1, 0)),
        (2, 40, 9, 10, 40, new(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 40)), (1, 17, 8, 11, 17, new(5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 17)), (2, 33, 12, 9, 33, new(3, 2, 2, 3, 0, 2, 1, 0, 2, 1, 33)),
        (1, 3, 1, 1, 3, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 3)), (2, 68, 7, 6, 68, new(7, 7, 3, 3, 3, 3, 3, 3, 1, 1, 68)), (0, 16, 5, 5, 16, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 16)),
    ];

    static readonly string[] Names = [.. cases.Select(c => FormattableString.Invariant(
        $"{c.N}x{c.C}x{c.H}x{c.W}-{c.K} {c.P.R}x{c.P.S}/{c.P.StrideH},{c.P.StrideW} pad {c.P.Top},{c.P.Left},{c.P.Bottom},{c.P.Right} dilation {c.P.DilationH},{c.P.DilationW} groups {c.P.Groups}"))];

    /// <summary>Elements between the start of a storage and the tensor: 1 leaves no 16-byte alignment.</summary>
    [Test]
    public void AgreesWithDoubles([ValueSource(nameof(Names))] string name, [Values(0, 1)] int offset)
    {
        var (N, C, H, W, K, p) = cases[Array.IndexOf(Names, name)];
        Shape xs = [N, C, H, W], ws = [K, C / p.Groups, p.R, p.S], ys = [N, K, p.OutH(H), p.OutW(W)];
        float[] x = Normal(xs.Count, 1), w = Normal(ws.Count, 2), b = Normal(K, 3), r = Normal(ys.Count, 4), gy = Normal(ys.Count, 5);
        double[] y = Plain.Conv2d(xs, x, ws, w, null, ys, p), yb = Plain.Conv2d(xs, x, ws, w, b, ys, p);
        double[] gx = Plain.Conv2dBackwardData(xs, ws, w, ys, gy, p), gw = Plain.Conv2dBackwardWeight(xs, x, ws, ys, gy, p);
        for (int i = 0; i < yb.Length; i++) yb[i] = Math.Max(0, yb[i] + r[i]);
        View X = Of(xs, x, offset), Wt = Of(ws, w, offset), GY = Of(ys, gy, offset), B = Of([K], b, offset), R = Of(ys, r, offset);
        View Y = Of(ys, new float[y.Length], offset), YB = Of(ys, new float[y.Length], offset), GX = Of(xs, new float[gx.Length], offset), GW = Of(ws, new float[gw.Length], offset);
        float[][]? plain = null;
        // Tensor cores are slow on the emulator, and see copies of what is not aligned.
        List<Conv2dVersion?> versions = [Conv2dVersion.Plain, Conv2dVersion.Tiled];
        if (offset == 0) versions.Add(Conv2dVersion.Tf32x3);
        if (p is { R: 1, S: 1, StrideH: 1 }) versions.Add(null);
        foreach (var version in versions)
        {
            gpu.OnlyConv2d = version;
            foreach (var view in (View[])[Y, YB, GX, GW]) Views.Clear(view);
            gpu.Conv2d(X, Wt, Y, p);
            gpu.Conv2d(X, Wt, YB, p, new Epilogue(B, R, Relu: true));
            gpu.Conv2dBackwardData(GY, Wt, GX, p);
            gpu.Conv2dBackwardWeight(GY, X, GW, p);
            using (Assert.EnterMultipleScope())
            {
                Close(Y, y, 3e-6, $"{version}: y");
                Close(YB, yb, 3e-6, $"{version}: relu(y + bias + residual)");
                Close(GX, gx, 3e-6, $"{version}: gx");
                Close(GW, gw, 3e-6, $"{version}: gw");
            }
            float[][] results = [Views.Get<float>(Y), Views.Get<float>(YB), Views.Get<float>(GX)];
            plain ??= results;
            if (version == Conv2dVersion.Tiled) Assert.That(results, Is.EqualTo(plain), "the order of summation is that of the plain kernel");
        }
    }

    [Test]
    public void ADimensionOfSizeOneMayHaveAnyStride([Values(3, 4)] int channels, [Values(1, 4)] int filters)
    {
        Shape xs = [70, channels, 3, 3], ws = [filters, channels, 3, 3], ys = [70, filters, 1, 1];
        var p = new Window2d(3, 3);
        float[] x = Normal(xs.Count, 1), w = Normal(ws.Count, 2), gy = Normal(ys.Count, 3);
        var layout = new Layout(ys, [filters, filters == 1 ? 9 : 1, 7, 5]);
        View X = Views.Of(xs, x), Wt = Views.Of(ws, w), Y = Views.Empty<float>(layout), GY = Views.Of(layout, gy), GX = Views.Empty<float>(xs), GW = Views.Empty<float>(ws);
        foreach (var version in (Conv2dVersion[])[Conv2dVersion.Plain, Conv2dVersion.Tiled, Conv2dVersion.Tf32x3])
        {
            gpu.OnlyConv2d = version;
            gpu.Conv2d(X, Wt, Y, p);
            gpu.Conv2dBackwardData(GY, Wt, GX, p);
            gpu.Conv2dBackwardWeight(GY, X, GW, p);
            Close(Y, Plain.Conv2d(xs, x, ws, w, null, ys, p), 3e-6, $"{version}: y");
            Close(GX, Plain.Conv2dBackwardData(xs, ws, w, ys, gy, p), 3e-6, $"{version}: gx");
            Close(GW, Plain.Conv2dBackwardWeight(xs, x, ws, ys, gy, p), 3e-6, $"{version}: gw");
        }
    }

    [Test]
    public void Tf32RoundsToElevenBits()
    {
        Shape xs = [2, 12, 9, 8], ws = [72, 12, 3, 3], ys = [2, 72, 5, 4];
        var p = new Window2d(3, 3, 2, 2, 1, 1, 1, 1);
        float[] x = Normal(xs.Count, 1), w = Normal(ws.Count, 2), gy = Normal(ys.Count, 3);
        View Y = Views.Empty<float>(ys), GX = Views.Empty<float>(xs), GW = Views.Empty<float>(ws), X = Views.Of(xs, x), Wt = Views.Of(ws, w), GY = Views.Of(ys, gy);
        gpu.OnlyConv2d = Conv2dVersion.Tf32;
        gpu.Conv2d(X, Wt, Y, p);
        gpu.Conv2dBackwardData(GY, Wt, GX, p);
        gpu.Conv2dBackwardWeight(GY, X, GW, p);
        Close(Y, Plain.Conv2d(xs, x, ws, w, null, ys, p), 5e-4, "y");
        Close(GX, Plain.Conv2dBackwardData(xs, ws, w, ys, gy, p), 5e-4, "gx");
        Close(GW, Plain.Conv2dBackwardWeight(xs, x, ws, ys, gy, p), 5e-4, "gw");
        Assert.That(Error(Views.Get<float>(Y), Plain.Conv2d(xs, x, ws, w, null, ys, p)).Rms, Is.GreaterThan(5e-5), "tensor cores were not used");
    }

    [Test]
    public void Tf32TilesOf64AndOf128Channels([Values("Tf32", "Tf32Narrow", "Tf32x3Wide")] string name, [Values("1 132 8", "2 72 12", "1 68 60")] string sizes)
    {
        int[] s = [.. sizes.Split(' ').Select(int.Parse)];
        (int groups, int K, int C) = (s[0], s[1], s[2]);
        Shape xs = [3, C * groups, 10, 9], ws = [K * groups, C, 3, 3], ys = [3, K * groups, 9, 8];
        var p = new Window2d(3, 3, 1, 1, 1, 0, 0, 1, 1, 1, groups);
        float[] x = Normal(xs.Count, 1), w = Normal(ws.Count, 2), gy = Normal(ys.Count, 3), b = Normal(ys[1], 4);
        View Y = Views.Empty<float>(ys), GX = Views.Empty<float>(xs), Wt = Views.Of(ws, w);
        double limit = name == "Tf32x3Wide" ? 3e-6 : 5e-4;
        gpu.OnlyConv2d = Enum.Parse<Conv2dVersion>(name);
        gpu.Conv2d(Views.Of(xs, x), Wt, Y, p, new Epilogue(Views.Of([ys[1]], b)));
        gpu.Conv2dBackwardData(Views.Of(ys, gy), Wt, GX, p);
        Close(Y, Plain.Conv2d(xs, x, ws, w, b, ys, p), limit, "y");
        Close(GX, Plain.Conv2dBackwardData(xs, ws, w, ys, gy, p), limit, "gx");
    }

    [Test]
    public void MeasuresTheChannelsOfItsResult()
    {
        Shape xs = [3, 8, 6, 5], ws = [12, 8, 3, 3], ys = [3, 12, 6, 5];
        var p = new Window2d(3, 3, 1, 1, 1, 1, 1, 1);
        float[] x = Normal(xs.Count, 1), w = Normal(ws.Count, 2);
        View Y = Views.Empty<float>(ys), moments = Views.Empty<float>([2, 12]);
        gpu.Conv2d(Views.Of(xs, x), Views.Of(ws, w), Y, p, new Epilogue(Moments: moments));
        double[] y = Plain.Conv2d(xs, x, ws, w, null, ys, p), expected = new double[24];
        for (int i = 0; i < y.Length; i++) expected[i / 30 % 12] += y[i] / 90;
        for (int i = 0; i < y.Length; i++) expected[12 + (i / 30 % 12)] += Math.Pow(y[i] - expected[i / 30 % 12], 2) / 90;
        Close(Y, y, 3e-6, "y");
        Close(moments, expected, 3e-6, "mean and variance");
    }

    [TearDown]
    public void Restore() => gpu.OnlyConv2d = null;

    static void Close(View actual, double[] expected, double limit, string what)
    {
        var (max, rms) = Error(Views.Get<float>(actual), expected);
        Assert.That(rms, Is.LessThan(limit), what);
        Assert.That(max, Is.LessThan(5 * limit), what + ", largest error");
    }

    static View Of(Shape shape, float[] values, int offset)
    {
        var dense = Layout.Dense(shape);
        return Views.Of(new Layout(shape, dense.Strides, offset), values);
    }
}
