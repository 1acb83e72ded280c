namespace Tessera.Tests;

[NonParallelizable]
public sealed class Conv2dTests
{
    static readonly Backend cpu = Device.Cpu.Backend, composed = new Composed();
    static readonly int best = Cpu.GemmKernel.Lanes, threads = CpuThreads.Count;

    /// <summary>N, C, H, W, K and the window.</summary>
    static readonly (int N, int C, int H, int W, int K, Window2d P)[] cases =
    [
        (2, 3, 5, 7, 4, new(1, 1)), (1, 64, 6, 5, 33, new(1, 1)), (2, 16, 7, 6, 32, new(1, 1, 2, 2)), (1, 5, 4, 4, 8, new(1, 1, 1, 1, 1, 1, 1, 1)),
        (2, 8, 9, 8, 16, new(3, 3, 1, 1, 1, 1, 1, 1)), (1, 33, 10, 10, 5, new(3, 3, 1, 1, 1, 1, 1, 1)), (3, 64, 10, 10, 64, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (2, 16, 9, 11, 40, new(3, 3, 2, 2, 1, 1, 1, 1)), (1, 32, 8, 8, 32, new(3, 3, 2, 2, 1, 1, 1, 1)), (2, 3, 20, 22, 64, new(7, 7, 2, 2, 3, 3, 3, 3)),
        (1, 4, 7, 9, 6, new(2, 2)), (1, 4, 11, 9, 6, new(5, 3, 3, 2, 2, 0, 1, 4)), (1, 6, 12, 12, 8, new(3, 3, 1, 1, 2, 2, 2, 2, 2, 2)),
        (2, 6, 9, 9, 9, new(3, 3, 2, 1, 1, 1, 1, 1, 1, 2, 3)), (1, 8, 7, 7, 8, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 8)), (1, 4, 6, 6, 8, new(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 4)),
        (1, 512, 4, 4, 40, new(3, 3, 1, 1, 1, 1, 1, 1)), (1, 1024, 5, 3, 36, new(1, 1, 2, 2)), (2, 256, 6, 6, 70, new(3, 3, 2, 2, 1, 1, 1, 1)),
        (1, 2, 3, 3, 3, new(3, 3)), (1, 2, 2, 2, 3, new(5, 5, 1, 1, 3, 3, 3, 3)), (1, 3, 4, 4, 2, new(1, 1, 4, 4)), (1, 3, 9, 9, 2, new(2, 2, 3, 3)),
        (1, 3, 1, 40, 20, new(1, 3, 1, 1, 0, 1, 0, 1)), (1, 3, 40, 1, 20, new(3, 1, 1, 1, 1, 0, 1, 0)), (0, 3, 4, 4, 2, new(3, 3)), (16, 20, 12, 12, 24, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (4, 16, 13, 10, 33, new(3, 3, 1, 1, 1, 1, 1, 1)), (3, 40, 14, 11, 18, new(3, 3, 1, 1, 0, 2, 1, 0)), (7, 144, 8, 9, 130, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (2, 40, 9, 10, 40, new(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 40)), (1, 17, 8, 11, 17, new(5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 17)), (2, 33, 12, 9, 33, new(3, 2, 2, 3, 0, 2, 1, 0, 2, 1, 33)),
        (1, 3, 1, 1, 3, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 3)), (3, 64, 7, 6, 64, new(7, 7, 3, 3, 3, 3, 3, 3, 1, 1, 64)), (0, 16, 5, 5, 16, new(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 16)),
        (2, 16, 12, 15, 16, new(3, 3, 1, 1, 3, 0, 2, 4)), (6, 160, 8, 8, 160, new(3, 3, 1, 1, 1, 1, 1, 1)),
        (1, 1024, 3, 6, 200, new(1, 1)), (2, 32, 6, 6, 160, new(3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 2)), (2, 32, 7, 7, 160, new(1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 2)),
        (2, 256, 6, 6, 257, new(3, 3, 1, 1, 0, 1, 1, 0)),
    ];

    static readonly string[] Names = [.. cases.Select(c => FormattableString.Invariant(
        $"{c.N}x{c.C}x{c.H}x{c.W}-{c.K} {c.P.R}x{c.P.S}/{c.P.StrideH},{c.P.StrideW} pad {c.P.Top},{c.P.Left},{c.P.Bottom},{c.P.Right} dilation {c.P.DilationH},{c.P.DilationW} groups {c.P.Groups}"))];

    [Test]
    public void AgreesWithDoublesAndIsTheSameForEveryWidthAndThreadCount([ValueSource(nameof(Names))] string name, [Values] bool winograd)
    {
        var (N, C, H, W, K, p) = cases[Array.IndexOf(Names, name)];
        Determinism.Exact = !winograd;
        Shape xs = [N, C, H, W], ws = [K, C / p.Groups, p.R, p.S], ys = [N, K, p.OutH(H), p.OutW(W)];
        if (winograd && !Enum.GetValues<ConvolutionPass>().Any(pass => ConvolutionPlan.Of(pass, xs, ws, p).Algorithm is ConvolutionAlgorithm.Winograd or ConvolutionAlgorithm.WinogradSmall)) return; // the same as without
        float[] x = Arrays.Normal(xs.Count, 1), w = Arrays.Normal(ws.Count, 2), b = Arrays.Normal(K, 3), gy = Arrays.Normal(ys.Count, 4);
        var y = Plain.Conv2d(xs, x, ws, w, null, ys, p);
        var yb = Plain.Conv2d(xs, x, ws, w, b, ys, p);
        var gx = Plain.Conv2dBackwardData(xs, ws, w, ys, gy, p);
        var gw = Plain.Conv2dBackwardWeight(xs, x, ws, ys, gy, p);
        View X = Views.Of(xs, x), Wt = Views.Of(ws, w), B = Views.Of([K], b), GY = Views.Of(ys, gy);
        View Y = Views.Empty<float>(ys), YB = Views.Empty<float>(ys), GX = Views.Empty<float>(xs), GW = Views.Empty<float>(ws);
        List<float[]> first = [];
        double limit = !winograd ? 3e-6 : 6e-6;
        foreach (var (lanes, count) in ((int, int)[])[(16, 1), (16, 2), (16, 3), (8, 2), (1, 1), (0, 2)])
        {
            if (lanes > best) continue;
            var k = lanes == 0 ? composed : cpu;
            Cpu.GemmKernel.Use(lanes == 0 ? best : lanes);
            CpuThreads.Count = count;
            foreach (var view in (View[])[Y, YB, GX, GW]) Views.Clear(view);
            k.Conv2d(X, Wt, Y, p);
            k.Conv2d(X, Wt, YB, p, new Epilogue(B));
            k.Conv2dBackwardData(GY, Wt, GX, p);
            k.Conv2dBackwardWeight(GY, X, GW, p);
            List<float[]> results = [Views.Get<float>(Y), Views.Get<float>(YB), Views.Get<float>(GX), Views.Get<float>(GW)];
            using (Assert.EnterMultipleScope())
            {
                string what = lanes == 0 ? "composed" : $"{lanes} lanes, {count} threads";
                Assert.That(Arrays.Error(results[0], y).Rms, Is.LessThan(limit), "y, " + what);
                Assert.That(Arrays.Error(results[0], y).Max, Is.LessThan(5 * limit), "y, largest error, " + what);
                Assert.That(Arrays.Error(results[1], yb).Rms, Is.LessThan(limit), "y with bias, " + what);
                Assert.That(Arrays.Error(results[2], gx).Rms, Is.LessThan(limit), "gx, " + what);
                Assert.That(Arrays.Error(results[3], gw).Rms, Is.LessThan(limit), "gw, " + what);
            }
            if (count == 1) first = results;
            else if (lanes == best)
                for (int i = 0; i < 4; i++) Assert.That(results[i], Is.EqualTo(first[i]), $"result {i}, {count} threads");
        }
    }

    /// <summary>As in inference, where transformed weights are kept from the second use on; then the weights change.</summary>
    [TestCase(1, 256, 7, 260, ConvolutionAlgorithm.WinogradSmall)]
    [TestCase(2, 20, 7, 24, ConvolutionAlgorithm.WinogradSmall)]
    [TestCase(1, 64, 13, 70, ConvolutionAlgorithm.Winograd)]
    [TestCase(1, 512, 7, 40, ConvolutionAlgorithm.Direct)]
    public void WeightsThatAreKeptGiveTheBitsOfThoseThatAreNot(int N, int C, int size, int K, ConvolutionAlgorithm algorithm)
    {
        ConvolutionPlan.Forced = algorithm;
        var p = new Window2d(3, 3, 1, 1, 1, 1, 1, 1);
        Shape xs = [N, C, size, size], ws = [K, C, 3, 3], ys = [N, K, size, size];
        View x = Views.Of(xs, Arrays.Normal(xs.Count, 1)), w = Views.Of(ws, Arrays.Normal(ws.Count, 2)), b = Views.Of([K], Arrays.Normal(K, 3)), residual = Views.Of(ys, Arrays.Normal(ys.Count, 4)), y = Views.Empty<float>(ys);
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, xs, ws, p), Is.EqualTo(new ConvolutionPlan(algorithm, "forced")));
        float[] once = Run(1);
        foreach (int count in (int[])[1, 2, 3]) Assert.That(Run(count), Is.EqualTo(once), $"{count} threads, weights kept");
        Views.Set(w, Arrays.Normal(ws.Count, 5));
        w.Storage.Touch();
        float[] changed = Run(2);
        Assert.That(changed, Is.Not.EqualTo(once));
        Assert.That(Run(2), Is.EqualTo(changed));

        float[] Run(int count)
        {
            CpuThreads.Count = count;
            Views.Clear(y);
            cpu.Conv2d(x, w, y, p, new Epilogue(b, residual, Relu: true));
            return Views.Get<float>(y);
        }
    }

    [TearDown]
    public void Restore()
    {
        ConvolutionPlan.Forced = ConvolutionAlgorithm.Auto;
        Cpu.GemmKernel.Use(best);
        Determinism.Exact = false;
        CpuThreads.Count = threads;
    }
}
