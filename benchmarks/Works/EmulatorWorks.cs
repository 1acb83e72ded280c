using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>The PTX emulator on a tiled matrix product: its speed on one thread, what a second thread adds, and what all checks cost.</summary>
static class EmulatorWorks
{
    const string Speed = "emulator, tiled sgemm", Scaling = "emulator, two threads", Checks = "emulator, all checks";

    /// <summary>Million warp instructions a second and thread.</summary>
    const double WantedRate = 10;

    public static IEnumerable<Work> All => [new(Speed, b => [SpeedOf(b)]), new(Scaling, b => [ScalingOf(b)]), new(Checks, b => [ChecksOf(b)])];

    static Row SpeedOf(Bench bench)
    {
        var target = new Target(Speed, "10 million/s", 1, 3);
        var product = new Product(bench.Size);
        var time = bench.Sampling.Alternate(() => product.Run(1))[0];
        double rate = product.Instructions / time.Milliseconds / 1e3;
        return new(target.Work, target.Peer, rate, WantedRate, "million/s", rate / WantedRate, target.Gate, target.Goal, false, time.Samples, time.Disturbed,
            string.Create(CultureInfo.InvariantCulture, $"warp instructions a second, one thread, no checks; {product.Instructions} in all"));
    }

    static Row ScalingOf(Bench bench)
    {
        var target = new Target(Scaling, "one thread", 1.5, 1.9);
        var product = new Product(bench.Size);
        var (two, one, _) = bench.Sampling.Compare(() => product.Run(2), () => product.Run(1));
        return Row.OfTimes(target, two, one, string.Create(CultureInfo.InvariantCulture, $"{Machine.Threads} threads on this machine"));
    }

    static Row ChecksOf(Bench bench)
    {
        var target = new Target(Checks, "no checks", 6, 3);
        var product = new Product(bench.Size);
        var (with, without, _) = bench.Sampling.Compare(() => product.Run(1, PtxChecks.All), () => product.Run(1));
        double Each(Timing t) => t.Milliseconds * 1e6 / product.Instructions;
        return Row.OfTimes(target, with, without, "a warp instruction; ratio: how much longer it takes") with
        {
            Ours = Each(with),
            Theirs = Each(without),
            Unit = "ns",
            Ratio = with.Milliseconds / without.Milliseconds,
            LowerIsBetter = true,
        };
    }

    /// <summary>C = A·B, n by n: a block of 256 threads a tile of 16 by 16, which goes through shared memory.</summary>
    sealed class Product
    {
        readonly PtxModule module = PtxModule.Parse(Text()).Verify();
        readonly int n;
        readonly float[] a, b, c;

        public Product(BenchSize size)
        {
            n = size.IsTiny ? 32 : 256;
            (a, b, c) = (Ramp(n * n, 7), Ramp(n * n, 5), new float[n * n]);
            Instructions = Launch(new(Grid, Block) { Count = true }).Counters!.WarpInstructions;
            Check();
        }

        (int, int, int) Grid => (n / 16, n / 16, 1);

        static (int, int, int) Block => (16, 16, 1);

        /// <summary>Warp instructions of one run.</summary>
        public long Instructions { get; }

        public void Run(int threads, PtxChecks checks = PtxChecks.None)
        {
            var report = Launch(new(Grid, Block) { Threads = threads, Checks = checks });
            if (report.Findings.Count > 0) throw new InvalidOperationException($"emulator: {report.Findings[0]}");
        }

        PtxReport Launch(PtxLaunch launch) =>
            module.Launch("sgemm", launch, PtxArgument.Buffer(a), PtxArgument.Buffer(b), PtxArgument.Buffer(c), PtxArgument.Value(n));

        /// <summary>Small whole numbers: every order of summation gives the same.</summary>
        static float[] Ramp(int length, int period) => [.. Enumerable.Range(0, length).Select(i => (float)(i % period))];

        void Check()
        {
            for (int row = 0; row < n; row++)
            {
                float sum = 0;
                for (int k = 0; k < n; k++) sum += a[(row * n) + k] * b[(k * n) + row];
                if (c[(row * n) + row] != sum) throw new InvalidOperationException($"emulator: row {row}: got {c[(row * n) + row]}, expected {sum}.");
            }
        }

        static string Text()
        {
            var steps = Enumerable.Range(0, 16).Select(k => string.Create(CultureInfo.InvariantCulture, $"""
                ld.shared.f32 %a, [%rowA+{4 * k}];
                ld.shared.f32 %b, [%columnB+{64 * k}];
                fma.rn.f32 %sum, %a, %b, %sum;
                """));
            return $$"""
                .version 7.0
                .target sm_70
                .address_size 64
                // Thread (x, y) of block (bx, by) computes C[16 by + y][16 bx + x] = sum over k of A[.][k] B[k][.]; n is a multiple of 16.
                .visible .entry sgemm(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)
                {
                    .shared .align 4 .f32 tileA[256];
                    .shared .align 4 .f32 tileB[256];
                    .reg .pred %more;
                    .reg .b32 %n, %x, %y, %block, %row, %column, %at, %k, %here, %rowA, %columnB, %base;
                    .reg .b64 %pa, %pb, %pc, %step;
                    .reg .f32 %a, %b, %sum;
                    ld.param.u64 %pa, [a];
                    ld.param.u64 %pb, [b];
                    ld.param.u64 %pc, [c];
                    ld.param.u32 %n, [n];
                    mov.u32 %x, %tid.x;
                    mov.u32 %y, %tid.y;
                    mov.u32 %block, %ctaid.y;
                    mad.lo.u32 %row, %block, 16, %y;
                    mov.u32 %block, %ctaid.x;
                    mad.lo.u32 %column, %block, 16, %x;
                    // A[row][x], B[y][column], C[row][column]
                    mad.lo.u32 %at, %row, %n, %x;
                    mad.wide.u32 %pa, %at, 4, %pa;
                    mad.lo.u32 %at, %y, %n, %column;
                    mad.wide.u32 %pb, %at, 4, %pb;
                    mad.lo.u32 %at, %row, %n, %column;
                    mad.wide.u32 %pc, %at, 4, %pc;
                    mul.wide.u32 %step, %n, 64;
                    mov.u32 %base, tileA;
                    mad.lo.u32 %rowA, %y, 64, %base;
                    mad.lo.u32 %here, %x, 4, %rowA;
                    mov.u32 %base, tileB;
                    mad.lo.u32 %columnB, %x, 4, %base;
                    mad.lo.u32 %at, %y, 64, %columnB;
                    mov.f32 %sum, 0f00000000;
                    mov.u32 %k, 0;
                NEXT:
                    ld.global.f32 %a, [%pa];
                    ld.global.f32 %b, [%pb];
                    st.shared.f32 [%here], %a;
                    st.shared.f32 [%at], %b;
                    bar.sync 0;
                {{string.Join('\n', steps)}}
                    bar.sync 0;
                    add.u64 %pa, %pa, 64;
                    add.u64 %pb, %pb, %step;
                    add.u32 %k, %k, 16;
                    setp.lt.u32 %more, %k, %n;
                    @%more bra NEXT;
                    st.global.f32 [%pc], %sum;
                    ret;
                }
                """;
        }
    }
}
