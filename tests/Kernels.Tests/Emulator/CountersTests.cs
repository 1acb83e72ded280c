namespace Tessera.Tests;

/// <summary>Counters against numbers worked out by hand, and the estimates made from them.</summary>
public sealed class CountersTests
{
    const string head = """
        .version 7.8
        .target sm_80
        .address_size 64
        .visible .entry k(.param .u64 x, .param .u64 y)
        {
        .reg .b32 %r<32>;
        .reg .f32 %f<16>;
        .reg .f64 %g<4>;
        .reg .b64 %d<8>;
        .reg .pred %p<8>;
        .shared .align 16 .b8 tile[16384];
        """;

    static PtxCounters Run(string body, int threads = 32, int blocks = 1, int workers = 1) =>
        PtxModule.Parse(head + body + "\nret;\n}\n").Launch("k", new((blocks, 1, 1), (threads, 1, 1)) { Count = true, Threads = workers }, PtxArgument.Buffer(new float[4096]), PtxArgument.Buffer(new float[4096])).Counters!;

    const string saxpy = """
        ld.param.u64 %d1, [x];
        ld.param.u64 %d2, [y];
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, %ctaid.x;
        mad.lo.u32 %r1, %r2, 64, %r1;
        setp.ge.u32 %p1, %r1, 112;
        @%p1 bra END;
        mad.wide.u32 %d3, %r1, 4, %d1;
        mad.wide.u32 %d4, %r1, 4, %d2;
        ld.global.f32 %f1, [%d3];
        ld.global.f32 %f2, [%d4];
        fma.rn.f32 %f3, %f1, 0f40000000, %f2;
        st.global.f32 [%d4], %f3;
        END:
        """;

    [TestCase(1), TestCase(3)]
    public void AVectorSum(int workers)
    {
        // 2 blocks of 2 warps for 112 elements: in the last warp 16 lanes skip the body.
        PtxCounters c = Run(saxpy, 64, 2, workers);
        Assert.Multiple(() =>
        {
            Assert.That(c.WarpInstructions, Is.EqualTo(4 * 14));
            Assert.That(c.ThreadInstructions, Is.EqualTo(128 * 6 + 16 + 112 * 6 + 128));
            Assert.That((c.IntegerInstructions, c.FloatInstructions, c.MoveInstructions, c.ControlInstructions), Is.EqualTo((4L * 4, 4L, 4L * 2, 4L * 2)));
            Assert.That((c.GlobalInstructions, c.ParameterInstructions, c.SharedInstructions, c.LocalInstructions, c.SynchronizationInstructions, c.ConversionInstructions, c.MatrixInstructions), Is.EqualTo((12L, 8L, 0L, 0L, 0L, 0L, 0L)));
            Assert.That((c.SingleFlops, c.Flops, c.DivergentBranches), Is.EqualTo((224L, 224L, 1L)));
            Assert.That((c.GlobalBytesRead, c.GlobalBytesWritten), Is.EqualTo((896L, 448L)));
            Assert.That((c.GlobalRequests, c.GlobalSectors), Is.EqualTo((12L, 3 * (3 * 4 + 2L))));
            Assert.That((c.FootprintRead, c.FootprintWritten), Is.EqualTo((896L, 448L)));
            Assert.That(c.LaneUse, Is.EqualTo(c.ThreadInstructions / (32.0 * 56)));
        });
    }

    [TestCase("red.global.add.f32 [%d1], %f1;", 32, 0), TestCase("atom.global.add.f64 %g1, [%d1], %g2;", 0, 32), TestCase("red.global.add.u32 [%d1], %r1;", 0, 0), TestCase("red.global.or.b32 [%d1], %r1;", 0, 0)]
    public void SumsInMemoryAreOperations(string body, int singles, int doubles)
    {
        PtxCounters c = Run($"ld.param.u64 %d1, [x]; {body}");
        Assert.That((c.SingleFlops, c.DoubleFlops, c.GlobalInstructions), Is.EqualTo(((long)singles, (long)doubles, 1L)));
    }

    [TestCase("mul.lo.u32 %r2, %r1, 4", "b32", 4), TestCase("mul.lo.u32 %r2, %r1, 8", "b32", 8), TestCase("mul.lo.u32 %r2, %r1, 128", "b32", 32)]
    [TestCase("mov.u32 %r2, 0", "b32", 1), TestCase("mul.lo.u32 %r2, %r1, 8", "v2.b32", 8), TestCase("mul.lo.u32 %r2, %r1, 16", "v4.b32", 16)]
    [TestCase("sub.u32 %r2, 31, %r1; mul.lo.u32 %r2, %r2, 4", "b32", 4), TestCase("and.b32 %r2, %r1, 1; mul.lo.u32 %r2, %r2, 32", "b32", 2), TestCase("mad.lo.u32 %r2, %r1, 4, 4", "b32", 5)]
    public void SectorsOfARequest(string index, string type, int sectors)
    {
        string to = type switch { "v2.b32" => "{%r4, %r5}", "v4.b32" => "{%r4, %r5, %r6, %r7}", _ => "%r4" };
        PtxCounters c = Run($"ld.param.u64 %d1, [x]; mov.u32 %r1, %tid.x; {index}; cvt.u64.u32 %d2, %r2; add.u64 %d2, %d1, %d2; ld.global.{type} {to}, [%d2]; ld.global.{type} {to}, [%d2];");
        Assert.That((c.GlobalRequests, c.GlobalSectors, c.SectorsPerRequest), Is.EqualTo((2L, 2L * sectors, (double)sectors)));
        Assert.That((c.FootprintRead, c.FootprintWritten), Is.EqualTo((32L * sectors, 0L)), "the second time brings nothing new");
    }

    [TestCase("mul.lo.u32 %r2, %r1, 4", "b32", 0), TestCase("mul.lo.u32 %r2, %r1, 8", "b32", 1), TestCase("mul.lo.u32 %r2, %r1, 16", "b32", 3), TestCase("mul.lo.u32 %r2, %r1, 128", "b32", 31)]
    [TestCase("mul.lo.u32 %r2, %r1, 132", "b32", 0), TestCase("mov.u32 %r2, 0", "b32", 0), TestCase("mul.lo.u32 %r2, %r1, 2", "b16", 0), TestCase("mul.lo.u32 %r2, %r1, 8", "v2.b32", 0)]
    [TestCase("mul.lo.u32 %r2, %r1, 16", "v4.b32", 0), TestCase("mul.lo.u32 %r2, %r1, 32", "v4.b32", 4), TestCase("mul.lo.u32 %r2, %r1, 128", "v4.b32", 28), TestCase("mul.lo.u32 %r2, %r1, 64", "v2.b32", 14)]
    public void BankConflicts(string index, string type, int conflicts)
    {
        string value = type switch { "v2.b32" => "{%r4, %r5}", "v4.b32" => "{%r4, %r5, %r6, %r7}", "b16" => "%h1", _ => "%r4" };
        PtxCounters c = Run($".reg .b16 %h<2>; mov.u32 %r1, %tid.x; {index}; mov.u32 %r3, tile; add.u32 %r3, %r3, %r2; ld.shared.{type} {value}, [%r3];");
        Assert.That((c.SharedRequests, c.BankConflicts), Is.EqualTo((1L, (long)conflicts)));
    }

    [Test]
    public void OperationsByType()
    {
        PtxCounters c = Run("""
            add.rn.f32 %f1, %f2, %f3; min.f32 %f1, %f2, %f3; ex2.approx.f32 %f1, %f2;
            fma.rn.f64 %g1, %g2, %g3, %g1;
            fma.rn.f16x2 %r1, %r2, %r3, %r4; fma.rn.bf16x2 %r1, %r2, %r3, %r4;
            mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};
            mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};
            mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r11, %r12, %r13, %r14}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%r11, %r12, %r13, %r14};
            """, 64);
        Assert.That((c.SingleFlops, c.DoubleFlops, c.HalfFlops), Is.EqualTo((64L * 2, 64L * 2, 64L * 8)));
        Assert.That((c.MatrixFlops, c.Tf32MatrixFlops, c.IntegerMatrixOps, c.MatrixInstructions), Is.EqualTo((2L * 4096, 2L * 2048, 2L * 8192, 6L)));
    }

    [Test]
    public void EachSpaceHasItsBytes()
    {
        PtxCounters c = Run("""
            .local .align 8 .b8 l[16];
            ld.param.u64 %d1, [x];
            mov.u32 %r1, 0;
            st.local.v2.b32 [l], {%r1, %r1};
            ld.local.b32 %r2, [l+4];
            st.shared.b32 [tile], %r1;
            atom.shared.add.u32 %r3, [tile], 1;
            red.global.add.u32 [%d1], 1;
            cvta.shared.u64 %d3, tile;
            ld.b32 %r4, [%d3];
            bar.sync 0;
            """, 64);
        Assert.That((c.LocalBytesRead, c.LocalBytesWritten), Is.EqualTo((64L * 4, 64L * 8)));
        Assert.That((c.SharedBytesRead, c.SharedBytesWritten, c.SharedInstructions, c.SharedRequests), Is.EqualTo((64L * 8, 64L * 8, 6L, 6L)));
        Assert.That((c.GlobalBytesRead, c.GlobalBytesWritten, c.GlobalInstructions, c.SynchronizationInstructions, c.ConversionInstructions), Is.EqualTo((256L, 256L, 2L, 2L, 2L)));
    }

    [Test]
    public void TheRooflineFollowsFromTheDataSheet()
    {
        PtxRoofline r = Run(saxpy, 64, 2).Roofline("a100");
        Assert.Multiple(() =>
        {
            Assert.That(r.Intensity, Is.EqualTo(224.0 / 1344));
            Assert.That(r.Memory, Is.EqualTo(1344 / 2039e9).Within(1e-18));
            Assert.That(r.Compute, Is.EqualTo(224 / 19.5e12).Within(1e-20));
            Assert.That((r.IsMemoryBound, r.Least), Is.EqualTo((true, r.Memory)));
            Assert.That(r.ToString(), Does.StartWith("A100: 0.17 operations a byte, bound by memory, at least 0.001 us").And.Contain("estimate"));
        });
        PtxRoofline m = Run("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};").Roofline("RTX3090");
        Assert.That((m.IsMemoryBound, m.Compute), Is.EqualTo((false, 2048 / 35.5e12)));
        Assert.That(() => PtxGpu.Find("voodoo"), Throws.TypeOf<DeviceException>().With.Message.Contains("expected T4, RTX 3090, A100, RTX 4090, H100"));
    }

    [Test]
    public void NothingIsCountedUnlessAsked() =>
        Assert.That(PtxModule.Parse(head + "ret;\n}\n").Launch("k", new((1, 1, 1), (1, 1, 1)), PtxArgument.Value(0L), PtxArgument.Value(0L)).Counters, Is.Null);
}
