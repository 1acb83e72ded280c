namespace Tessera.Tests;

/// <summary>mbarrier objects, bulk copies, and calls of functions whose address is in a register.</summary>
public sealed class MbarrierTests
{
    static uint[] Run(string body, int threads = 64, uint[]? x = null, string before = "", PtxChecks checks = PtxChecks.All, string? finding = null)
    {
        string text = $$"""
            .version 8.6
            .target sm_90
            .address_size 64
            {{before}}
            .visible .entry k(.param .u64 x, .param .u64 y)
            {
                .reg .b64 %d<16>;
                .reg .b32 %r<16>;
                .reg .pred %p<8>;
                .shared .align 16 .b8 s[1024];
                .shared .align 8 .b64 bar;
                ld.param.u64 %d1, [x];
                ld.param.u64 %d2, [y];
                mov.u32 %r1, %tid.x;
                mad.wide.u32 %d2, %r1, 4, %d2;
                setp.eq.u32 %p1, %r1, 0;
                mov.u32 %r9, 0;
                {{body}}
                st.global.b32 [%d2], %r9;
                ret;
            }
            """;
        uint[] y = new uint[threads];
        for (int seed = 0; seed < 4; seed++)
        {
            PtxReport report = PtxModule.Parse(text).Launch("k", new((1, 1, 1), (threads, 1, 1)) { Checks = checks, StepLimit = 100_000, Seed = seed }, PtxArgument.Buffer(x ?? new uint[256]), PtxArgument.Buffer(y));
            if (finding is null) Assert.That(report.Findings, Is.Empty, string.Join('\n', report.Findings));
            else Assert.That(report.Findings.Select(f => f.Rule), Does.Contain(finding));
        }
        return y;
    }

    const string start = "@%p1 mbarrier.init.shared.b64 [bar], 64; bar.sync 0; shl.b32 %r2, %r1, 2; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; xor.b32 %r4, %r2, 252; mov.u32 %r5, s; add.u32 %r5, %r5, %r4; ";

    // Each thread writes its number, and reads that of the thread opposite once all have arrived.
    [Test]
    public void WhatCameBeforeAnArrivalIsSeenAfterTheWait() =>
        Assert.That(Run(start + "st.shared.u32 [%r3], %r1; mbarrier.arrive.shared.b64 %d3, [bar]; WAIT: mbarrier.test_wait.shared.b64 %p2, [bar], %d3; @!%p2 bra WAIT; ld.shared.u32 %r9, [%r5];"),
            Is.EqualTo(Enumerable.Range(0, 64).Select(i => (uint)(63 - i))));

    [Test]
    public void WithoutTheWaitItIsARace() =>
        Run(start + "st.shared.u32 [%r3], %r1; mbarrier.arrive.shared.b64 %d3, [bar]; ld.shared.u32 %r9, [%r5];", finding: "race");

    // The parity of the phase waited for goes 0, 1; the sum over both phases is 63 - i + 10 (63 - i).
    [Test]
    public void PhasesAlternate() =>
        Assert.That(Run(start + """
            st.shared.u32 [%r3], %r1; mbarrier.arrive.shared.b64 _, [bar];
            W0: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0; @!%p2 bra W0;
            ld.shared.u32 %r6, [%r5]; bar.sync 0; mul.lo.u32 %r7, %r1, 10; st.shared.u32 [%r3], %r7; mbarrier.arrive.shared.b64 _, [bar];
            W1: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 1; @!%p2 bra W1;
            ld.shared.u32 %r9, [%r5]; add.u32 %r9, %r9, %r6;
            """), Is.EqualTo(Enumerable.Range(0, 64).Select(i => (uint)(11 * (63 - i)))));

    [Test]
    public void DroppedArrivalsAreNotExpectedAgain() =>
        Assert.That(Run("""
            mbarrier.init.shared.b64 [bar], 3; mbarrier.arrive.noComplete.shared.b64 %d3, [bar], 2; mbarrier.pending_count.b64 %r4, %d3;
            mbarrier.arrive_drop.shared.b64 %d4, [bar]; mbarrier.pending_count.b64 %r5, %d4;
            mbarrier.arrive.shared.b64 %d5, [bar]; mbarrier.pending_count.b64 %r6, %d5; mbarrier.test_wait.shared.b64 %p2, [bar], %d3; selp.u32 %r7, 1000, 0, %p2;
            mad.lo.u32 %r9, %r4, 100, %r7; mad.lo.u32 %r9, %r5, 10, %r9; add.u32 %r9, %r9, %r6;
            """, threads: 1)[0], Is.EqualTo(1312u));

    [TestCase("mbarrier.arrive.shared.b64 %d3, [bar];", "there is no mbarrier"), TestCase("mbarrier.init.shared.b64 [bar], 0;", "expects 1 to"), TestCase("mbarrier.init.shared.b64 [bar], 2; mbarrier.arrive.noComplete.shared.b64 %d3, [bar], 3;", "2 more arrivals: got 3")]
    [TestCase("mbarrier.init.shared.b64 [bar], 2; mbarrier.arrive.noComplete.shared.b64 %d3, [bar], 2;", "noComplete"), TestCase("mbarrier.init.b64 [%d1], 2;", "lies in shared memory"), TestCase("mbarrier.init.shared.b64 [bar], 2; W: mbarrier.test_wait.parity.shared.b64 %p2, [bar], 0; @!%p2 bra W;", "more than 100000")]
    public void MistakesAreNamed(string body, string message) => Assert.That(() => Run(body, threads: 1, checks: PtxChecks.None), Throws.TypeOf<PtxException>().With.Message.Contains(message));

    // Thread 0 fetches 1024 bytes; a phase is complete when its arrival and all bytes are there.
    [Test]
    public void BulkCopiesTellABarrierOfTheirBytes()
    {
        uint[] x = [.. Enumerable.Range(0, 256).Select(i => (uint)(i * i))];
        Assert.That(Run("""
            @%p1 mbarrier.init.shared.b64 [bar], 1; bar.sync 0;
            @!%p1 bra W;
            mbarrier.arrive.expect_tx.shared.b64 _, [bar], 1024;
            cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%d1], 1024, [bar];
            W: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0; @!%p2 bra W;
            shl.b32 %r2, %r1, 4; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; ld.shared.u32 %r9, [%r3+4];
            """, x: x), Is.EqualTo(Enumerable.Range(0, 64).Select(i => (uint)(((4 * i) + 1) * ((4 * i) + 1)))));
    }

    [Test]
    public void BulkCopiesToGlobalMemory()
    {
        uint[] x = new uint[256];
        Run("shl.b32 %r2, %r1, 2; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; st.shared.u32 [%r3], %r1; fence.proxy.async.shared::cta; bar.sync 0; @%p1 cp.async.bulk.global.shared::cta.bulk_group [%d1+64], [s+16], 128; @%p1 cp.async.bulk.commit_group; @%p1 cp.async.bulk.wait_group 0;", x: x);
        Assert.That(x[16..48], Is.EqualTo(Enumerable.Range(4, 32).Select(i => (uint)i)));
        Assert.That(x[..16].Concat(x[48..]), Is.All.Zero);
    }

    // 1 + i of 64 numbers, and of pairs of f16 (0x3C00 is 1, 0x4000 is 2).
    [TestCase("add.u32", 5u, 6u), TestCase("max.s32", 0xFFFFFFFFu, 1u), TestCase("add.noftz.f16", 0x3C003C00u, 0x3C003C00u)]
    public void BulkReductionsJoinWithWhatIsThere(string op, uint there, uint expected)
    {
        uint[] x = [.. Enumerable.Repeat(there, 256)];
        Run($"shl.b32 %r2, %r1, 2; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; st.shared.u32 [%r3], {(op[^1] == '6' ? 0 : 1)}; fence.proxy.async.shared::cta; bar.sync 0; setp.eq.u32 %p2, %r9, 0; @!%p1 bra L; ld.global.u32 %r5, [%d1+128]; setp.ne.u32 %p2, %r5, {there}; @%p2 bra L; cp.reduce.async.bulk.global.shared::cta.bulk_group.{op} [%d1+64], [s+16], 128; @%p1 cp.async.bulk.commit_group; @%p1 cp.async.bulk.wait_group 0; L:", x: x);
        Assert.That(x[16..48], Is.All.EqualTo(expected));
        Assert.That(x[..16].Concat(x[48..]), Is.All.EqualTo(there));
    }

    // A warp that spins on shared memory lets the warp run that will write it.
    [Test]
    public void AWarpMaySpinOnAnother() =>
        Assert.That(Run("mov.u32 %r3, s; @%p1 st.shared.u32 [%r3], 0; bar.sync 0; setp.ge.u32 %p2, %r1, 32; @%p2 bra TELL; SPIN: ld.volatile.shared.u32 %r9, [%r3]; setp.eq.u32 %p3, %r9, 0; @%p3 bra SPIN; bra DONE; TELL: mov.u32 %r9, 7; st.volatile.shared.u32 [%r3], 7; DONE:", checks: PtxChecks.None),
            Is.All.EqualTo(7u));

    const string functions = """
        .func (.reg .u32 y) twice(.reg .u32 x) { add.u32 y, x, x; ret; }
        .func (.reg .u32 y) square(.reg .u32 x) { mul.lo.u32 y, x, x; ret; }
        .func (.param .u32 y) third(.param .u32 x) { .reg .u32 %a; ld.param.u32 %a, [x]; div.u32 %a, %a, 3; st.param.u32 [y], %a; ret; }
        .global .u64 table[2] = { twice, square };
        """;

    // Lanes of one warp call different functions, and meet again.
    [TestCase("and.b32 %r2, %r1, 1; setp.eq.u32 %p2, %r2, 0; mov.u64 %d3, twice; mov.u64 %d4, square; selp.b64 %d3, %d3, %d4, %p2;")]
    [TestCase("and.b32 %r2, %r1, 1; mov.u64 %d4, table; mad.wide.u32 %d4, %r2, 8, %d4; ld.global.u64 %d3, [%d4];")]
    public void CallsThroughARegister(string choose) =>
        Assert.That(Run(choose + "P: .callprototype (.reg .u32 _) _ (.reg .u32 _); call (%r9), %d3, (%r1), P; activemask.b32 %r3; setp.eq.s32 %p3, %r3, -1; @!%p3 mov.u32 %r9, 9999;", before: functions),
            Is.EqualTo(Enumerable.Range(0, 64).Select(i => (uint)(i % 2 == 0 ? 2 * i : i * i))));

    [Test]
    public void CallsThroughARegisterByATableOfTargets() =>
        Assert.That(Run("mov.u64 %d3, square; T: .calltargets twice, square; call (%r9), %d3, (%r1), T;", before: functions), Is.EqualTo(Enumerable.Range(0, 64).Select(i => (uint)(i * i))));

    [Test]
    public void CallsWithParametersInMemory() =>
        Assert.That(Run("mov.u64 %d3, third; P: .callprototype (.param .u32 _) _ (.param .u32 _); { .param .u32 a; .param .u32 b; st.param.u32 [a], %r1; call (b), %d3, (a), P; ld.param.u32 %r9, [b]; }", before: functions), Is.EqualTo(Enumerable.Range(0, 64).Select(i => (uint)(i / 3))));

    [Test]
    public void ACallOfNoFunctionIsNamed() =>
        Assert.That(() => Run("mov.u64 %d3, 64; P: .callprototype (.reg .u32 _) _ (.reg .u32 _); call (%r9), %d3, (%r1), P;", before: functions, checks: PtxChecks.None), Throws.TypeOf<PtxException>().With.Message.Contains("0x40 is the address of no function"));
}
