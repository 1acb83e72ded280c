namespace Tessera.Tests;

/// <summary>Memory that goes from thread to thread by locks and flags: right programs have no findings, and without their release or acquire, or with too small a scope, they race.</summary>
public sealed class HandoverTests
{
    const string head = """
        .version 8.0
        .target sm_90
        .address_size 64
        .visible .entry k(.param .u64 y)
        {
        .reg .b32 %r<32>;
        .reg .b64 %d<8>;
        .reg .pred %p<8>;
        .shared .align 16 .b32 tile[64];
        .shared .align 4 .b32 flag;
        ld.param.u64 %d1, [y];
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, %ctaid.x;
        mov.u32 %r3, tile;
        and.b32 %r4, %r1, 31;
        mad.lo.u32 %r4, %r4, 4, %r3;
        mad.wide.u32 %d2, %r1, 4, %d1;

        """;

    static (PtxReport Report, (string, int)[] Marked, int[] Y) Run(string body, int threads, int blocks, int seed, int workers, int cluster = 1)
    {
        string text = head + body + "\nret;\n}\n";
        string[] lines = text.Split('\n');
        var marked = lines.Select((line, i) => (line, i)).Where(l => l.line.Contains("// race", StringComparison.Ordinal)).Select(l => ("race", l.i + 1)).ToArray();
        int[] y = new int[1024];
        PtxLaunch launch = new((blocks, 1, 1), (threads, 1, 1)) { Checks = PtxChecks.All, Seed = seed, Threads = workers, StepLimit = 3_000_000, Cluster = (cluster, 1, 1) };
        return (PtxModule.Parse(text, "k.ptx").Launch("k", launch, PtxArgument.Buffer(y)), marked, y);
    }

    static void Expect(string body, int threads, int blocks, int cluster = 1)
    {
        foreach ((int seed, int workers) in new[] { (0, 1), (1, 1), (2, 2) })
        {
            var (report, marked, _) = Run(body, threads, blocks, seed, workers, cluster);
            Assert.That(report.Findings.Select(f => (f.Rule, f.Line)).Distinct(), Is.EqualTo(marked), $"{body}\n{string.Join('\n', report.Findings)}");
        }
    }

    const string relaxedTake = "atom.global.cas.b32 %r3, [%d1+256], 0, 1;", relaxedGive = "atom.global.exch.b32 %r5, [%d1+256], 0;";

    /// <summary>What takes a lock, orders after it, orders before its end, gives it back.</summary>
    static readonly (string Name, string Take, string After, string Before, string Give)[] locks =
    [
        ("acquire and release", "atom.acquire.gpu.global.cas.b32 %r3, [%d1+256], 0, 1;", "", "", "atom.release.gpu.global.exch.b32 %r5, [%d1+256], 0;"),
        ("membar", relaxedTake, "membar.gl;", "membar.gl;", relaxedGive),
        ("fence", relaxedTake, "fence.acq_rel.gpu;", "fence.acq_rel.gpu;", relaxedGive),
        ("volatile", relaxedTake, "membar.gl;", "membar.gl;", "st.volatile.global.u32 [%d1+256], 0;"),
        ("acquire and st.release", "atom.acquire.gpu.global.cas.b32 %r3, [%d1+256], 0, 1;", "", "", "st.release.gpu.global.u32 [%d1+256], 0;"),
    ];

    static string Spin((string Name, string Take, string After, string Before, string Give) l, string mark = "") =>
        $"L: {l.Take}\nsetp.ne.u32 %p1, %r3, 0;\n@%p1 bra L;\n{Counted(l, mark)}";

    static string Try((string Name, string Take, string After, string Before, string Give) l, string mark = "") =>
        $"mov.u32 %r9, 0;\nL: {l.Take}\nsetp.ne.u32 %p1, %r3, 0;\n@%p1 bra N;\n{Counted(l, mark)}\nmov.u32 %r9, 1;\nN: setp.eq.u32 %p2, %r9, 0;\n@%p2 bra L;";

    static string Counted((string Name, string Take, string After, string Before, string Give) l, string mark) =>
        $"{l.After}\nld.global.u32 %r4, [%d1+260];\nadd.u32 %r4, %r4, 1;\nst.global.u32 [%d1+260], %r4;{mark}\n{l.Before}\n{l.Give}";

    [Test, CancelAfter(60_000)]
    public void A_lock_orders_what_is_done_under_it([Values(0, 1, 2, 3, 4)] int kind, [Values] bool tries)
    {
        foreach ((int threads, int blocks) in new[] { (2, 1), (64, 1), (1, 4), (33, 2) })
        {
            string body = tries ? Try(locks[kind]) : Spin(locks[kind]);
            Expect(body, threads, blocks);
            Assert.That(Run(body, threads, blocks, 3, 1).Y[65], Is.EqualTo(threads * blocks));
        }
    }

    [Test, CancelAfter(60_000)]
    public void A_lock_without_release_or_acquire_does_not([Values(0, 1, 2, 3)] int kind, [Values] bool releases, [Values] bool tries)
    {
        var l = locks[kind];
        l = releases ? l with { Take = relaxedTake, After = "" } : l with { Before = "", Give = kind == 0 ? relaxedGive : l.Give };
        foreach ((int threads, int blocks) in new[] { (2, 1), (64, 1), (1, 4) }) Expect(tries ? Try(l, " // race") : Spin(l, " // race"), threads, blocks);
    }

    /// <summary>One warp writes, another waits for a flag in shared memory.</summary>
    static string Producer(string give, string wait, string sync = "bar.warp.sync -1;", string mark = "") => $"""
        setp.eq.u32 %p2, %r1, 0;
        @%p2 st.shared.u32 [flag], 0;
        bar.sync 0;
        setp.lt.u32 %p1, %r1, 32;
        @!%p1 bra C;
        st.shared.u32 [%r4], %r1;
        {sync}
        {give}
        bra E;
        C: {wait}
        ld.shared.u32 %r6, [%r4];{mark}
        st.global.u32 [%d2], %r6;
        E:
        """;

    const string poll = "ld.volatile.shared.u32 %r5, [flag]; setp.eq.u32 %p3, %r5, 0; @%p3 bra C;", acquire = "ld.acquire.cta.shared.u32 %r5, [flag]; setp.eq.u32 %p3, %r5, 0; @%p3 bra C;",
        release = "@%p2 st.release.cta.shared.u32 [flag], 1;", set = "@%p2 st.volatile.shared.u32 [flag], 1;";

    [TestCase(release, acquire), TestCase("membar.cta;" + set, poll + "membar.cta;"), TestCase("fence.acq_rel.cta;" + set, acquire), TestCase(release, poll + "fence.acq_rel.cta;")]
    [TestCase("@%p2 atom.release.cta.shared.exch.b32 %r7, [flag], 1;", "atom.acquire.cta.shared.or.b32 %r5, [flag], 0; setp.eq.u32 %p3, %r5, 0; @%p3 bra C;")]
    [CancelAfter(60_000)]
    public void A_warp_hands_a_tile_to_another(string give, string wait)
    {
        Expect(Producer(give, wait), 64, 2);
        Assert.That(Run(Producer(give, wait), 64, 1, 3, 1).Y[32..64], Is.EqualTo(Enumerable.Range(0, 32)));
    }

    [TestCase(set, acquire), TestCase(set, poll + "membar.cta;"), TestCase(release, poll), TestCase("membar.cta;" + set, poll), TestCase(set + "membar.cta;", poll + "membar.cta;"), TestCase(release, "membar.cta;" + poll)]
    [CancelAfter(60_000)]
    public void With_one_side_only_it_does_not(string give, string wait) => Expect(Producer(give, wait, mark: " // race"), 64, 1);

    /// <summary>Lane 0 releases what it did, and not what its neighbours have not handed to it.</summary>
    [Test, CancelAfter(60_000)]
    public void A_lane_hands_over_its_own_work() => Expect(Producer(release, acquire, sync: "", mark: " // race"), 64, 1);

    /// <summary>Block 0 writes a row and sets a flag, block 1 waits for it and reads the row.</summary>
    static string Blocks(string give, string wait, string mark = "") => $"""
        setp.eq.u32 %p2, %r1, 0;
        setp.eq.u32 %p1, %r2, 0;
        @!%p1 bra C;
        st.global.u32 [%d2], %r1;
        {give}
        bra E;
        C: {wait}
        ld.global.u32 %r6, [%d2];{mark}
        st.global.u32 [%d2+512], %r6;
        E:
        """;

    const string pollGlobal = "ld.volatile.global.u32 %r5, [%d1+1024]; setp.eq.u32 %p3, %r5, 0; @%p3 bra C;", acquireGlobal = "ld.acquire.gpu.global.u32 %r5, [%d1+1024]; setp.eq.u32 %p3, %r5, 0; @%p3 bra C;",
        releaseGlobal = "bar.sync 0; @%p2 st.release.gpu.global.u32 [%d1+1024], 1;", setGlobal = "@%p2 st.volatile.global.u32 [%d1+1024], 1;";

    [TestCase(releaseGlobal, acquireGlobal), TestCase("membar.gl; bar.sync 0;" + setGlobal, pollGlobal + "membar.gl;"), TestCase("bar.sync 0; membar.gl;" + setGlobal, pollGlobal + "membar.sys;")]
    [TestCase(releaseGlobal, "setp.ne.u32 %p4, %r1, 0; @%p4 bra W; D: ld.acquire.gpu.global.u32 %r5, [%d1+1024]; setp.eq.u32 %p3, %r5, 0; @%p3 bra D; W: bar.sync 1;", TestName = "A_block_hands_a_row_to_another(one thread acquires)")]
    [TestCase(releaseGlobal, "setp.ne.u32 %p4, %r1, 0; @%p4 bra W; D: ld.relaxed.gpu.global.u32 %r5, [%d1+1024]; setp.eq.u32 %p3, %r5, 0; @%p3 bra D; W: bar.sync 1; fence.acq_rel.gpu;", TestName = "A_block_hands_a_row_to_another(one thread polls)")]
    [CancelAfter(60_000)]
    public void A_block_hands_a_row_to_another(string give, string wait) => Expect(Blocks(give, wait), 64, 2);

    [TestCase("bar.sync 0;" + setGlobal, acquireGlobal), TestCase(releaseGlobal, pollGlobal), TestCase("membar.cta; bar.sync 0;" + setGlobal, pollGlobal + "membar.gl;"), TestCase("membar.gl; bar.sync 0;" + setGlobal, pollGlobal + "membar.cta;")]
    [CancelAfter(60_000)]
    public void With_one_side_or_a_small_scope_it_does_not(string give, string wait) => Expect(Blocks(give, wait, " // race"), 64, 2);

    /// <summary>A scope of the block does not reach another: neither the flag nor the row is ordered.</summary>
    [Test, CancelAfter(60_000)]
    public void A_flag_of_a_block_does_not_reach_another()
    {
        string body = Blocks("bar.sync 0; @%p2 st.release.cta.global.u32 [%d1+1024], 1;", "ld.acquire.cta.global.u32 %r5, [%d1+1024]; // race\nsetp.eq.u32 %p3, %r5, 0; @%p3 bra C;", " // race");
        Expect(body, 64, 2);
        Assert.That(Run(body, 64, 2, 0, 1).Report.Findings.Select(f => f.Message), Has.Some.Contains("their scopes leave each other out"));
    }

    [Test, CancelAfter(60_000)]
    public void A_scope_of_the_cluster_reaches_its_blocks()
    {
        string give = "bar.sync 0; @%p2 st.release.cluster.global.u32 [%d1+1024], 1;", wait = "ld.acquire.cluster.global.u32 %r5, [%d1+1024];{0} setp.eq.u32 %p3, %r5, 0;\n@%p3 bra C;";
        Expect(Blocks(give, string.Format(null, wait, "")), 64, 2, cluster: 2);
        Expect(Blocks(give, string.Format(null, wait, " // race\n"), " // race"), 64, 2);
    }

    /// <summary>Block 1 hands on what block 0 handed to it.</summary>
    [Test, CancelAfter(60_000)]
    public void What_was_acquired_is_released_too() => Expect("""
        setp.eq.u32 %p1, %r2, 0;
        @!%p1 bra B;
        st.global.u32 [%d1], 7;
        st.release.gpu.global.u32 [%d1+256], 1;
        ret;
        B: setp.eq.u32 %p1, %r2, 1;
        @!%p1 bra C;
        L: ld.acquire.gpu.global.u32 %r5, [%d1+256]; setp.eq.u32 %p3, %r5, 0;
        @%p3 bra L;
        st.release.gpu.global.u32 [%d1+512], 1;
        ret;
        C: ld.acquire.gpu.global.u32 %r5, [%d1+512]; setp.eq.u32 %p3, %r5, 0;
        @%p3 bra C;
        ld.global.u32 %r6, [%d1];
        """, 1, 3);

    /// <summary>The first release still counts when there is a second; what comes after both is handed over by neither.</summary>
    [Test, CancelAfter(60_000)]
    public void A_flag_may_be_set_several_times() => Expect("""
        setp.eq.u32 %p1, %r2, 0;
        @!%p1 bra C;
        st.global.u32 [%d1], 7;
        st.release.gpu.global.u32 [%d1+256], 1;
        st.global.u32 [%d1+4], 7;
        st.release.gpu.global.u32 [%d1+256], 2;
        st.global.u32 [%d1+8], 7;
        ret;
        C: ld.acquire.gpu.global.u32 %r5, [%d1+256]; setp.lt.u32 %p3, %r5, 1;
        @%p3 bra C;
        D: ld.relaxed.gpu.global.u32 %r5, [%d1+256]; setp.lt.u32 %p3, %r5, 2;
        @%p3 bra D;
        ld.global.u32 %r6, [%d1];
        fence.acq_rel.gpu;
        ld.global.u32 %r6, [%d1+4];
        ld.global.u32 %r6, [%d1+8]; // race
        st.global.u32 [%d1+256], 0;
        """, 1, 2);

    /// <summary>The last block reads what the others left.</summary>
    [TestCase("membar.gl;", "membar.gl;", ""), TestCase("membar.gl;", "", " // race"), TestCase("", "membar.gl;", " // race"), CancelAfter(60_000)]
    public void The_last_block_needs_a_fence_too(string before, string after, string mark)
    {
        string body = $"""
            mad.wide.u32 %d4, %r2, 4, %d1;
            st.global.b32 [%d4+64], %r2;
            {before}
            atom.global.add.u32 %r5, [%d1], 1;
            mov.u32 %r7, %nctaid.x;
            sub.u32 %r7, %r7, 1;
            setp.ne.u32 %p2, %r5, %r7;
            @%p2 ret;
            {after}
            and.b32 %r8, %r1, 3;
            ld.global.b32 %r9, [%d1+64];{mark}
            ld.global.b32 %r9, [%d1+68];{mark}
            """;
        foreach (int seed in new[] { 0, 1, 2 })
        {
            var (report, marked, _) = Run(body, 1, 4, seed, 1);
            Assert.That(report.Findings.Select(f => (f.Rule, f.Line)), Is.EqualTo(marked), string.Join('\n', report.Findings));
        }
    }
}
