namespace Tessera.Tests;

/// <summary>Clusters: blocks that meet at a barrier of their own and reach into each other's shared memory.</summary>
public sealed class ClusterTests
{
    const string both = "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned; ";

    /// <summary>%r1 is the thread, %r2 the block's rank, %r10 the rank of the next block; y[thread of the grid] = %r9.</summary>
    static string Text(string body, string directives = "") => $$"""
        .version 9.0
        .target sm_90
        .address_size 64
        .visible .entry k(.param .u64 x, .param .u64 y)
        {{directives}}
        {
            .reg .b64 %d<16>;
            .reg .b32 %r<32>;
            .reg .b16 %h<4>;
            .reg .pred %p<8>;
            .shared .align 16 .b8 s[1024];
            .shared .align 8 .b64 bar;
            ld.param.u64 %d1, [x];
            ld.param.u64 %d2, [y];
            mov.u32 %r1, %tid.x;
            mov.u32 %r2, %cluster_ctarank;
            mov.u32 %r3, %ctaid.x;
            mov.u32 %r4, %ntid.x;
            mad.lo.u32 %r5, %r3, %r4, %r1;
            mad.wide.u32 %d2, %r5, 4, %d2;
            mov.u32 %r6, s;
            mad.lo.u32 %r7, %r1, 4, %r6;
            mov.u32 %r8, %cluster_nctarank;
            add.u32 %r10, %r2, 1;
            rem.u32 %r10, %r10, %r8;
            setp.eq.u32 %p1, %r1, 0;
            mov.u32 %r9, 0;
            {{body}}
            st.global.b32 [%d2], %r9;
            ret;
        }
        """;

    static PtxReport Launch(string text, uint[] y, int blocks = 4, int threads = 64, (int, int, int)? cluster = null, uint[]? x = null, PtxChecks checks = PtxChecks.All, int seed = 0, int workers = 1) =>
        PtxModule.Parse(text, "k.ptx").Launch("k", new((blocks, 1, 1), (threads, 1, 1)) { Cluster = cluster, Checks = checks, Seed = seed, Threads = workers, StepLimit = 100_000 }, PtxArgument.Buffer(x ?? new uint[256]), PtxArgument.Buffer(y));

    /// <summary>The result of a kernel that no check has anything against, in clusters of two blocks.</summary>
    static uint[] Run(string body, int blocks = 4, int threads = 64, uint[]? x = null)
    {
        uint[] y = new uint[blocks * threads];
        foreach ((int seed, int workers) in new[] { (0, 1), (1, 1), (2, 4) })
        {
            Array.Clear(y);
            PtxReport report = Launch(Text(body), y, blocks, threads, (2, 1, 1), x, seed: seed, workers: workers);
            Assert.That(report.Findings, Is.Empty, string.Join('\n', report.Findings));
        }
        return y;
    }

    static (string Rule, string Message)[] Findings(string body, int threads = 32) => [.. Launch(Text(body), new uint[2 * threads], 2, threads, (2, 1, 1)).Findings.Select(f => (f.Rule, f.ToString()))];

    static uint[] Each(Func<uint, uint, uint> f, int blocks = 4, uint threads = 64) => [.. Enumerable.Range(0, blocks * (int)threads).Select(i => f((uint)i / threads, (uint)i % threads))];

    [Test]
    public void BlocksKnowTheirPlace()
    {
        string[] names = ["%cluster_ctaid.x", "%cluster_ctaid.y", "%cluster_ctaid.z", "%clusterid.x", "%clusterid.y", "%nclusterid.x", "%nclusterid.y", "%cluster_nctaid.x", "%cluster_nctaid.y", "%cluster_ctarank", "%cluster_nctarank"];
        string text = $$"""
            .version 7.8
            .target sm_90
            .address_size 64
            .visible .entry k(.param .u64 y)
            {
                .reg .b64 %d<3>;
                .reg .b32 %r<9>;
                .reg .pred %p<2>;
                ld.param.u64 %d1, [y];
                mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ctaid.y; mov.u32 %r3, %nctaid.x;
                mad.lo.u32 %r1, %r2, %r3, %r1;
                mad.wide.u32 %d1, %r1, {{4 * (names.Length + 1)}}, %d1;
                {{string.Concat(names.Select((n, i) => $"mov.u32 %r4, {n}; st.global.u32 [%d1+{4 * i}], %r4;\n"))}}
                mov.pred %p1, %is_explicit_cluster;
                selp.u32 %r4, 1, 0, %p1;
                st.global.u32 [%d1+{{4 * names.Length}}], %r4;
            }
            """;
        foreach ((int x, int y) in new[] { (2, 2), (3, 1), (1, 1) })
        {
            uint[] got = new uint[6 * 4 * (names.Length + 1)];
            PtxModule.Parse(text).Launch("k", new((6, 4, 1), (1, 1, 1)) { Cluster = x * y == 1 ? null : (x, y, 1) }, PtxArgument.Buffer(got));
            var expected = Enumerable.Range(0, 24).SelectMany(b => (int[])[b % 6 % x, b / 6 % y, 0, b % 6 / x, b / 6 / y, 6 / x, 4 / y, x, y, (b % 6 % x) + (b / 6 % y * x), x * y, x * y == 1 ? 0 : 1]);
            Assert.That(got, Is.EqualTo(expected.Select(v => (uint)v)), $"{x} x {y}");
        }
    }

    const string write = "mad.lo.u32 %r11, %r2, 100, %r1; st.shared.u32 [%r7], %r11; ", generic = "cvt.u64.u32 %d3, %r7; cvta.shared.u64 %d3, %d3; mapa.u64 %d4, %d3, %r10; ";

    // Each thread reads what its like in the next block wrote.
    [TestCase("mapa.shared::cluster.u32 %r12, %r7, %r10; ld.shared::cluster.u32 %r9, [%r12];")]
    [TestCase("mapa.shared::cluster.u32 %r12, s, %r10; mad.lo.u32 %r12, %r1, 4, %r12; ld.shared::cluster.u32 %r9, [%r12+0];")]
    [TestCase(generic + "ld.u32 %r9, [%d4];"), TestCase(generic + "cvta.to.shared::cluster.u64 %d4, %d4; cvt.u32.u64 %r12, %d4; ld.shared::cluster.u32 %r9, [%r12];")]
    public void BlocksReadEachOthersSharedMemory(string read) =>
        Assert.That(Run(write + both + read + both), Is.EqualTo(Each((b, t) => ((b + 1) % 2 * 100) + t)));

    // The address of a block's own memory is one of the cluster's, also when mapa made it.
    [TestCase("ld.shared::cluster.u32 %r9, [%r7];"), TestCase("mapa.shared::cluster.u32 %r12, %r7, %r2; ld.shared::cluster.u32 %r9, [%r12];")]
    public void ABlockIsInItsCluster(string read) => Assert.That(Run(write + read), Is.EqualTo(Each((b, t) => (b % 2 * 100) + t)));

    // Blocks count into the counters of block 0; all 128 threads of a cluster count.
    [Test]
    public void AtomicsOnAnotherBlock() =>
        Assert.That(Run("st.shared.u32 [%r7], 0; " + both + "mapa.shared::cluster.u32 %r12, s, 0; and.b32 %r13, %r1, 3; mad.lo.u32 %r12, %r13, 4, %r12; atom.shared::cluster.add.u32 %r14, [%r12], 1; " + both + "setp.eq.u32 %p2, %r2, 0; and.b32 %r13, %r1, 3; shl.b32 %r13, %r13, 2; add.u32 %r13, %r13, %r6; @%p2 ld.shared.u32 %r9, [%r13];"),
            Is.EqualTo(Each((b, _) => b % 2 == 0 ? 32u : 0)));

    [Test]
    public void AddressesKnowTheirBlock() => // own block as 1, the next as 2: bits of what isspacep says, and the ranks
        Assert.That(Run(generic + "isspacep.shared::cta %p2, %d3; @%p2 or.b32 %r9, %r9, 1; isspacep.shared::cluster %p2, %d3; @%p2 or.b32 %r9, %r9, 2; isspacep.shared::cta %p2, %d4; @%p2 or.b32 %r9, %r9, 4; isspacep.shared::cluster %p2, %d4; @%p2 or.b32 %r9, %r9, 8; getctarank.u64 %r12, %d4; mad.lo.u32 %r9, %r12, 16, %r9; mapa.shared::cluster.u32 %r12, %r7, %r10; getctarank.shared::cluster.u32 %r12, %r12; mad.lo.u32 %r9, %r12, 32, %r9; getctarank.shared::cluster.u32 %r12, %r7; mad.lo.u32 %r9, %r12, 64, %r9;"),
            Is.EqualTo(Each((b, _) => 11 + ((b + 1) % 2 * 48) + (b % 2 * 64))));

    // The barrier orders global memory too.
    [Test]
    public void BlocksOfAClusterShareGlobalMemory() =>
        Assert.That(Run("mad.wide.u32 %d4, %r5, 4, %d1; st.global.u32 [%d4], %r5; " + both + "xor.b32 %r12, %r5, 64; mad.wide.u32 %d4, %r12, 4, %d1; ld.global.u32 %r9, [%d4];"), Is.EqualTo(Each((b, t) => ((b ^ 1) * 64) + t)));

    const string start = "@%p1 mbarrier.init.shared.b64 [bar], 1; fence.mbarrier_init.release.cluster; barrier.cluster.arrive.relaxed; barrier.cluster.wait; mapa.shared::cluster.u32 %r12, %r7, %r10; mapa.shared::cluster.u32 %r13, bar, %r10; ",
        wait = "W: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p2, [bar], 0; @!%p2 bra W; ld.shared.u32 %r9, [%r7]; ";

    // Each block's barrier is told by the block before it.
    [Test]
    public void ABarrierInAnotherBlock() =>
        Assert.That(Run(start + "mad.lo.u32 %r11, %r2, 100, %r1; st.shared::cluster.u32 [%r12], %r11; bar.sync 0; @%p1 mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r13]; " + wait + both), Is.EqualTo(Each((b, t) => ((b ^ 1) % 2 * 100) + t)));

    [TestCase("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r12], %r11, [%r13];", 1u), TestCase("red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 [%r12], %r11, [%r13];", 2u)]
    public void StoresThatTellABarrierOfTheirBytes(string store, uint start7) =>
        Assert.That(Run("st.shared.u32 [%r7], " + (start7 == 2 ? "7" : "0") + "; fence.acq_rel.cluster; " + start + "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [bar], 256; mad.lo.u32 %r11, %r2, 100, %r1; " + store + wait + both),
            Is.EqualTo(Each((b, t) => ((b ^ 1) % 2 * 100) + t + (start7 == 2 ? 7u : 0))));

    // Block 0 fetches 256 bytes for both.
    [Test]
    public void OneCopyForAllBlocks()
    {
        uint[] x = [.. Enumerable.Range(0, 256).Select(i => (uint)(i * i))];
        Assert.That(Run(start + "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [bar], 256; " + both + "setp.eq.and.u32 %p3, %r2, 0, %p1; mov.b16 %h1, 3; @%p3 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [s], [%d1+64], 256, [bar], %h1; " + wait + both, x: x),
            Is.EqualTo(Each((_, t) => (t + 16) * (t + 16))));
    }

    [TestCase("mapa.shared::cluster.u32 %r12, %r7, %r10; ld.shared::cluster.u32 %r9, [%r12]; " + both, "which thread (0, 0, 0) wrote")]
    [TestCase("barrier.cluster.arrive.relaxed; barrier.cluster.wait; mapa.shared::cluster.u32 %r12, %r7, %r10; ld.shared::cluster.u32 %r9, [%r12]; " + both, "shared variable 's' + ")]
    public void WithoutTheBarrierItIsARace(string read, string message)
    {
        var findings = Findings(write + read);
        Assert.That(findings.Select(f => f.Rule), Does.Contain("race"));
        Assert.That(findings.Last(f => f.Rule == "race").Message, Does.Contain(message).And.Contain(" in block (").And.Contain("nothing orders the blocks"));
    }

    [TestCase(write + both + "mapa.shared::cluster.u32 %r12, %r7, %r10; ld.shared::cluster.u32 %r9, [%r12];", "memory", "shared memory of block (1, 0, 0), which has ended")]
    [TestCase("mapa.shared::cluster.u32 %r12, %r7, 2;", "memory", "no block 2 in a cluster of 2"), TestCase("ld.shared::cluster.u32 %r9, [%r7+0x5000000];", "memory", "in no block of the cluster, which has 2"), TestCase("mapa.u64 %d3, %d1, 0;", "memory", "no address of shared memory")]
    [TestCase("mapa.shared::cluster.u32 %r12, %r7, %r10; ld.shared.u32 %r9, [%r12];", "memory", "is outside the 1032 bytes of shared memory")]
    [TestCase("barrier.cluster.arrive; barrier.cluster.arrive;", "barrier", "has arrived at the cluster's barrier before"), TestCase("barrier.cluster.wait;", "barrier", "without having arrived")]
    [TestCase("setp.lt.u32 %p2, %r1, 16; @%p2 bra L; " + both + "bra M; L: " + both + "M:", "barrier", "needs all threads of the warp together")]
    [TestCase("mov.b16 %h1, 5; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [s], [%d1], 16, [bar], %h1;", "memory", "names blocks that a cluster of 2 has not")]
    public void MistakesAreNamed(string body, string rule, string message)
    {
        var findings = Findings(body);
        Assert.That(findings.Select(f => f.Rule), Does.Contain(rule));
        Assert.That(findings.Select(f => f.Message), Has.Some.Contains(message));
    }

    // A warp of block 1 stays at its block's barrier.
    [Test]
    public void ADeadlockNamesWhoWaitsForTheCluster() =>
        Assert.That(Findings("setp.lt.u32 %p2, %r1, 32; setp.eq.and.u32 %p2, %r2, 1, %p2; @%p2 bra L;\n" + both + "bra M;\nL: bar.sync 1;\nM:", threads: 64).Single().Message,
            Does.Contain("deadlock: of 128 threads, 96 wait at line 29 for the cluster, 32 wait at line 30 for barrier 1"));

    // Who has ended is not waited for.
    [Test]
    public void ThreadsThatEndAreNotWaitedFor() =>
        Assert.That(Run("setp.eq.u32 %p2, %r2, 1; @%p2 bra END; barrier.cluster.arrive; barrier.cluster.wait; mov.u32 %r9, 5; END:"), Is.EqualTo(Each((b, _) => b % 2 == 0 ? 5u : 0)));

    [TestCase("", 3, "a grid has whole clusters of (2, 1, 1) blocks: got a grid of (3, 1, 1)"), TestCase(".reqnctapercluster 4, 1, 1", 4, "wants clusters of exactly (4, 1, 1) blocks: got (2, 1, 1)"), TestCase(".maxclusterrank 1", 4, "at most 1 blocks")]
    public void TheLaunchMustFitTheKernel(string directives, int blocks, string message) =>
        Assert.That(() => Launch(Text("", directives), new uint[1024], blocks, cluster: (2, 1, 1)), Throws.TypeOf<PtxException>().With.Message.Contains(message));

    [Test]
    public void AClusterHasItsLimits()
    {
        Assert.That(() => Launch(Text(""), new uint[4096], 34, cluster: (17, 1, 1)), Throws.TypeOf<PtxException>().With.Message.Contains("1 to 16 blocks: got (17, 1, 1)"));
        Assert.That(() => Launch(Text("", ".explicitcluster"), new uint[1024]), Throws.TypeOf<PtxException>().With.Message.Contains(".explicitcluster wants a launch"));
    }

    // The grid of such a kernel counts clusters: two of them are four blocks.
    [TestCase(".reqnctapercluster 2, 1, 1", 4), TestCase(".blocksareclusters\n.reqnctapercluster 2, 1, 1\n.reqntid 64, 1, 1", 2)]
    public void TheKernelSaysHowManyBlocks(string directives, int grid)
    {
        uint[] y = new uint[4 * 64];
        Launch(Text("mad.lo.u32 %r9, %r8, 10, %r2;", directives), y, grid);
        Assert.That(y, Is.EqualTo(Each((b, _) => 20 + (b % 2))));
    }

    [TestCase("cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [s], [%d1, {%r1}], [bar];", "does not run bulk copies of tensors")]
    public void WhatIsNotThereIsSaid(string body, string message) =>
        Assert.That(() => Launch(Text(body), new uint[1024]), Throws.TypeOf<PtxException>().With.Message.Contains(message).And.Message.Contains("unsupported"));
}
