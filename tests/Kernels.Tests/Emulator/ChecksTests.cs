using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Broken kernels: each mistake is found, at its line; the same kernels mended have no findings.</summary>
public sealed class ChecksTests
{
    const string head = """
        .version 7.8
        .target sm_80
        .address_size 64
        .visible .entry k(.param .u64 y)
        {
        .reg .b32 %r<32>;
        .reg .f32 %f<16>;
        .reg .b64 %d<8>;
        .reg .pred %p<8>;
        .shared .align 16 .b32 tile[256];
        ld.param.u64 %d1, [y];
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, %ctaid.x;
        mov.u32 %r3, tile;
        mad.lo.u32 %r4, %r1, 4, %r3;
        mad.wide.u32 %d2, %r1, 4, %d1;

        """;

    /// <summary>What a body gives: the rule and line of each finding, and the lines that the text marks with <c>// rule</c>.</summary>
    static (PtxReport Report, List<(string, int)> Marked) Run(string body, int threads = 64, int blocks = 1, PtxChecks checks = PtxChecks.All, int seed = 0, int workers = 1)
    {
        string text = head + body + "\nret;\n}\n";
        List<(string, int)> marked = [];
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++) if (lines[i].Split("// ") is [_, string rule]) marked.Add((rule, i + 1));
        PtxReport report = PtxModule.Parse(text, "k.ptx").Launch("k", new((blocks, 1, 1), (threads, 1, 1)) { Checks = checks, Seed = seed, Threads = workers, StepLimit = 1_000_000 }, PtxArgument.Buffer(new int[1024]));
        return (report, marked);
    }

    static IEnumerable<TestCaseData> Broken()
    {
        TestCaseData Case(string name, string body, string message, int threads = 64, int blocks = 1) => new TestCaseData(body, message, threads, blocks).SetArgDisplayNames(name);
        yield return Case("missing barrier", """
            mov.u32 %r10, 0;
            st.shared.b32 [%r4], %r10;
            bar.sync 0;
            st.shared.b32 [%r4], %r1;
            xor.b32 %r5, %r1, 32;
            mad.lo.u32 %r6, %r5, 4, %r3;
            bar.warp.sync 0xFFFFFFFF;
            setp.lt.u32 %p1, %r1, 32;
            @%p1 bra L;
            ld.shared.b32 %r7, [%r6]; // race
            L:
            """, "reads shared variable 'tile' + ");
        yield return Case("missing barrier before the next round", """
            mov.u32 %r10, 0;
            L:
            st.shared.b32 [%r4], %r10;
            bar.sync 0;
            xor.b32 %r5, %r1, 32;
            mad.lo.u32 %r6, %r5, 4, %r3;
            ld.shared.b32 %r7, [%r6]; // race
            add.u32 %r10, %r10, 1;
            setp.lt.u32 %p1, %r10, 3;
            @%p1 bra L;
            """, "which thread (");
        yield return Case("warp-synchronous sum without bar.warp.sync", """
            st.shared.b32 [%r4], %r1;
            xor.b32 %r5, %r1, 16;
            mad.lo.u32 %r6, %r5, 4, %r3;
            ld.shared.b32 %r7, [%r6]; // race
            """, "wrote at line 17: no barrier between", 32);
        yield return Case("two threads, one element", """
            shr.u32 %r5, %r1, 1;
            mad.lo.u32 %r6, %r5, 4, %r3;
            st.shared.b32 [%r6], %r1; // race
            """, "writes shared variable 'tile' + 0 of 1024, which thread (0, 0, 0) wrote at line 19", 32);
        yield return Case("two halves of a word, one by one", """
            .reg .b16 %h<2>;
            cvt.u16.u32 %h1, %r1;
            mad.lo.u32 %r6, %r1, 2, %r3;
            st.shared.b16 [%r6], %h1;
            xor.b32 %r7, %r6, 2;
            ld.shared.b16 %h0, [%r7]; // race
            """, "reads shared variable 'tile' + 2 of 1024", 32);
        yield return Case("blocks on one element", "st.global.b32 [%d2], %r2; // race", "writes argument 0 + 0 of 4096, which thread (0, 0, 0) wrote at line 17: block (0, 0, 0), and nothing orders the blocks", 32, 2);
        yield return Case("sum without an atomic", """
            ld.global.b32 %r5, [%d1];
            add.u32 %r5, %r5, %r1;
            st.global.b32 [%d1], %r5; // race
            """, "writes argument 0 + 0 of 4096", 2);
        yield return Case("atomic and plain", """
            atom.global.add.u32 %r5, [%d1], 1;
            ld.global.b32 %r6, [%d1]; // race
            """, "reads argument 0 + 0 of 4096, which thread (", 2);
        yield return Case("uninitialised shared memory", """
            setp.lt.u32 %p1, %r1, 60;
            @%p1 st.shared.b32 [%r4], %r1;
            bar.sync 0;
            ld.shared.b32 %r7, [%r4]; // uninitialized
            """, "reads 4 bytes at shared variable 'tile' + 240 of 1024: nobody has written byte 0 of them");
        yield return Case("vector load over a hole", """
            setp.eq.u32 %p1, %r1, 0;
            @%p1 st.shared.v2.b32 [tile], {%r1, %r1};
            @%p1 ld.shared.v4.b32 {%r5, %r6, %r7, %r8}, [tile]; // uninitialized
            """, "nobody has written byte 8 of them");
        yield return Case("asynchronous copy that nobody waits for", """
            cp.async.ca.shared.global [%r4], [%d2], 4;
            cp.async.commit_group;
            bar.sync 0;
            ld.shared.b32 %r7, [%r4]; // race
            """, "nobody has waited for this asynchronous copy");
        yield return Case("wait for too few groups", """
            cp.async.ca.shared.global [%r4], [%d2], 4;
            cp.async.commit_group;
            cp.async.ca.shared.global [%r4+512], [%d2+512], 4;
            cp.async.commit_group;
            cp.async.wait_group 1;
            bar.sync 0;
            ld.shared.b32 %r7, [%r4];
            ld.shared.b32 %r7, [%r4+512]; // race
            """, "nobody has waited for this asynchronous copy");
        yield return Case("wait behind the barrier", """
            cp.async.ca.shared.global [%r4], [%d2], 4;
            cp.async.commit_group;
            bar.sync 0;
            cp.async.wait_group 0;
            ld.shared.b32 %r8, [%r4];
            xor.b32 %r5, %r1, 32;
            mad.lo.u32 %r6, %r5, 4, %r3;
            bar.warp.sync 0xFFFFFFFF;
            setp.lt.u32 %p1, %r1, 32;
            @%p1 ld.shared.b32 %r7, [%r6]; // race
            bar.sync 0;
            """, "reads shared variable 'tile' + 128 of 1024, which thread (32, 0, 0) wrote at line 17");
        yield return Case("a warp that left before the barrier", """
            bar.sync 0;
            setp.lt.u32 %p1, %r1, 32;
            @%p1 bra L;
            st.shared.b32 [%r4], %r1;
            ret;
            L:
            bar.sync 0;
            st.shared.b32 [%r4], %r1;
            bar.sync 0;
            xor.b32 %r5, %r1, 32;
            mad.lo.u32 %r6, %r5, 4, %r3;
            ld.shared.b32 %r7, [%r6]; // race
            """, "which thread (32, 0, 0) wrote at line 20: no barrier between");
        yield return Case("rows of vectors without a barrier", """
            mov.u32 %r10, 0;
            setp.lt.u32 %p1, %r1, 16;
            shl.b32 %r5, %r1, 4;
            add.u32 %r5, %r5, %r3;
            @%p1 st.shared.v4.b32 [%r5], {%r10, %r10, %r10, %r10};
            bar.sync 0;
            @%p1 st.shared.v4.b32 [%r5], {%r1, %r1, %r1, %r1};
            bar.warp.sync 0xFFFFFFFF;
            setp.ge.u32 %p2, %r1, 32;
            @%p2 ld.shared.v2.b32 {%r6, %r7}, [tile+24]; // race
            """, "reads shared variable 'tile' + 24 of 1024, which thread (1, 0, 0) wrote at line 23");
        yield return Case("divergent barrier", """
            setp.lt.u32 %p1, %r1, 16;
            @%p1 bra L;
            bar.sync 0; // barrier
            bra M;
            L:
            bar.sync 0; // barrier
            M:
            """, "needs all threads of the warp together: only the lanes 0x0000FFFF of 0xFFFFFFFF", 32);
        yield return Case("deadlock", """
            setp.lt.u32 %p1, %r1, 32;
            @%p1 bra L;
            bar.sync 0; // barrier
            bra M;
            L:
            bar.sync 1;
            M:
            """, "deadlock: of 64 threads, 32 wait at line 19 for barrier 0, 32 wait at line 22 for barrier 1");
        yield return Case("barrier for more threads than there are", "bar.sync 0, 128; // barrier", "waits for 128 threads, but the block has 64");
        yield return Case("mask names lanes that are elsewhere", """
            setp.lt.u32 %p1, %r1, 16;
            @!%p1 bra L;
            shfl.sync.bfly.b32 %r5, %r1, 1, 31, 0xFFFFFFFF; // mask
            L:
            """, "the member mask 0xFFFFFFFF names lanes that do not come to the instruction: 0xFFFF0000", 32);
        yield return Case("mask without oneself", "vote.sync.ballot.b32 %r5, 1, 0x0000FFFF; // mask", "does not name the thread itself, lane 16", 32);
        yield return Case("masks that differ", """
            setp.lt.u32 %p1, %r1, 8;
            selp.b32 %r5, 0xFFFFFFFF, 0xFFFFFF00, %p1;
            bar.warp.sync %r5; // mask
            """, "name different members: 0xFFFFFFFF and 0xFFFFFF00", 32);
        yield return Case("shuffle from a lane that is not there", """
            mov.u32 %r5, %r1;
            setp.ge.u32 %p1, %r1, 16;
            @%p1 bra L;
            shfl.sync.down.b32 %r5, %r1, 8, 31, 0x0000FFFF; // mask
            L:
            """, "lane 8 reads from lane 16, which does not take part", 32);
        yield return Case("uninitialised local memory", """
            .local .align 8 .b32 l[4];
            st.local.v2.b32 [l], {%r1, %r2};
            mov.u64 %d3, l;
            ld.local.v2.b32 {%r5, %r6}, [%d3];
            cvta.local.u64 %d4, %d3;
            ld.b32 %r7, [%d4+8]; // uninitialized
            """, "reads 4 bytes at local variable 'l' + 8 of 16: nobody has written byte 0 of them");
        yield return Case("a register that nobody wrote", "add.u32 %r5, %r20, 1; // uninitialized", "reads register %r20: nobody has written it");
        yield return Case("a register that is written later", """
            setp.eq.u32 %p1, %r1, 0;
            @%p1 bra L;
            mov.u32 %r6, 0;
            L:
            add.u32 %r5, %r6, %r7; // uninitialized
            mov.u32 %r7, 1;
            """, "reads register %r7");
        yield return Case("a guard that nobody wrote", "@!%p3 bra L; // uninitialized\nL:", "reads register %p3");
        yield return Case("non-coherent load of what was written", """
            st.global.b32 [%d2], %r1;
            bar.sync 0;
            ld.global.nc.b32 %r5, [%d2]; // race
            """, "as memory that no thread writes (.nc), but thread (");
        yield return Case("behind the parameters", "ld.param.u32 %r5, [y+8]; // memory", "8 bytes after the start of the parameters, which has 8");
        yield return Case("off by one", "st.global.b32 [%d2+3844], %r1; // memory", "4096 bytes after the start of argument 0, which has 4096");
        yield return Case("misaligned vector", "ld.global.v2.b32 {%r5, %r6}, [%d2]; // memory", "is not aligned to 8 bytes: argument 0 + ");
        yield return Case("misaligned word", "ld.shared.b32 %r5, [tile+6]; // memory", "is not aligned to 4 bytes: shared variable 'tile' + 6 of 1024");
        yield return Case("misaligned rows", "add.u32 %r5, %r3, 8; ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r6}, [%r5]; // memory", "is not aligned to 16 bytes: shared variable 'tile' + 8 of 1024", 32);
        yield return Case("outside of shared memory", "ld.shared.b32 %r5, [tile+1024]; // memory", "shared address 1024 is outside the 1024 bytes");
        yield return Case("endless", "L: bra L; // steps", "more than 1000000 warp instructions");
    }

    [TestCaseSource(nameof(Broken)), CancelAfter(20_000)]
    public void EachMistakeIsFoundAtItsLine(string body, string message, int threads, int blocks)
    {
        for (int seed = 0; seed < 3; seed++)
        {
            var (report, marked) = Run(body, threads, blocks, seed: seed);
            Assert.That(report.Findings.Select(f => (f.Rule, f.Line)).Distinct(), Is.EqualTo(marked), string.Join('\n', report.Findings));
            if (seed == 0) Assert.That(report.Findings.Select(f => f.ToString()), Has.Some.Contains(message));
            Assert.That(report.Findings[0].Kernel, Is.EqualTo("k"));
            if (report.Failure != null) Assert.That(report.Findings, Has.Member(report.Failure));
        }
    }

    static IEnumerable<TestCaseData> Clean()
    {
        TestCaseData Case(string name, string body, int threads = 64, int blocks = 1) => new TestCaseData(body, threads, blocks).SetArgDisplayNames(name);
        yield return Case("barriers", """
            mov.u32 %r10, 0;
            L:
            st.shared.b32 [%r4], %r10;
            bar.sync 0;
            xor.b32 %r5, %r1, 32;
            mad.lo.u32 %r6, %r5, 4, %r3;
            ld.shared.b32 %r7, [%r6];
            bar.sync 0;
            add.u32 %r10, %r10, 1;
            setp.lt.u32 %p1, %r10, 3;
            @%p1 bra L;
            """);
        yield return Case("bar.warp.sync", "st.shared.b32 [%r4], %r1; bar.warp.sync 0xFFFFFFFF; xor.b32 %r5, %r1, 16; mad.lo.u32 %r6, %r5, 4, %r3; ld.shared.b32 %r7, [%r6];", 32);
        yield return Case("arrive and sync", """
            setp.lt.u32 %p1, %r1, 32;
            @!%p1 bra L;
            st.shared.b32 [%r4], %r1;
            bar.arrive 1, 64;
            bra M;
            L:
            bar.sync 1, 64;
            xor.b32 %r5, %r1, 32;
            mad.lo.u32 %r6, %r5, 4, %r3;
            ld.shared.b32 %r7, [%r6];
            M:
            """);
        yield return Case("asynchronous copies, two stages", """
            cp.async.ca.shared.global [%r4], [%d2], 4;
            cp.async.commit_group;
            mov.u32 %r10, 0;
            L:
            add.u32 %r11, %r10, 1;
            and.b32 %r12, %r11, 1;
            mad.lo.u32 %r13, %r12, 512, %r4;
            cp.async.ca.shared.global [%r13], [%d2+512], 4;
            cp.async.commit_group;
            cp.async.wait_group 1;
            bar.sync 0;
            and.b32 %r14, %r10, 1;
            mad.lo.u32 %r15, %r14, 512, %r3;
            xor.b32 %r16, %r1, 32;
            mad.lo.u32 %r16, %r16, 4, %r15;
            ld.shared.b32 %r17, [%r16];
            bar.sync 0;
            mov.u32 %r10, %r11;
            setp.lt.u32 %p1, %r10, 5;
            @%p1 bra L;
            cp.async.wait_all;
            """);
        yield return Case("registers by turns", """
            mov.u32 %r10, 0;
            L:
            setp.eq.u32 %p1, %r10, 0;
            @%p1 bra M;
            add.u32 %r11, %r11, 1;
            M:
            mov.u32 %r11, %r10;
            add.u32 %r10, %r10, 1;
            setp.lt.u32 %p1, %r10, 3;
            @%p1 bra L;
            xor.b32 %r12, %r12, %r12;
            mov.u32 %r13, %r14;
            ld.global.nc.b32 %r15, [%d2+64];
            """);
        yield return Case("one value from all", "mov.u32 %r5, 7; st.shared.b32 [tile], %r5; st.global.b32 [%d1], %r5;", 64, 3);
        yield return Case("atomics", "atom.global.add.u32 %r5, [%d1], 1; mov.u32 %r6, 0; st.shared.b32 [tile], %r6; bar.sync 0; atom.shared.max.u32 %r7, [tile], %r1; bar.sync 0; ld.shared.b32 %r8, [tile];", 64, 3);
        yield return Case("lanes that ended", """
            setp.ge.u32 %p1, %r1, 24;
            @%p1 ret;
            st.shared.b32 [%r4], %r1;
            bar.sync 0;
            bar.warp.sync 0xFFFFFFFF;
            ld.shared.b32 %r5, [tile];
            """, 32);
        yield return Case("unaligned barrier", """
            setp.lt.u32 %p1, %r1, 16;
            @%p1 bra L;
            barrier.sync 0;
            bra M;
            L:
            barrier.sync 0;
            M:
            """);
        yield return Case("halves of a warp", """
            setp.lt.u32 %p1, %r1, 16;
            selp.b32 %r5, 0xFFFF, 0xFFFF0000, %p1;
            shfl.sync.bfly.b32 %r6, %r1, 8, 0x101F, %r5;
            vote.sync.ballot.b32 %r7, 1, %r5;
            """, 32);
        yield return Case("the last block reads what the others left", """
            mov.u64 %d3, 64;
            mad.wide.u32 %d4, %r2, 4, %d1;
            setp.ne.u32 %p1, %r1, 0;
            @%p1 bra L;
            st.global.b32 [%d4+64], %r2;
            membar.gl;
            atom.global.add.u32 %r5, [%d1], 1;
            membar.gl;
            st.shared.b32 [tile], %r5;
            L:
            bar.sync 0;
            ld.shared.b32 %r6, [tile];
            mov.u32 %r7, %nctaid.x;
            sub.u32 %r7, %r7, 1;
            setp.ne.u32 %p2, %r6, %r7;
            @%p2 ret;
            and.b32 %r8, %r1, 3;
            mad.wide.u32 %d5, %r8, 4, %d1;
            ld.global.b32 %r9, [%d5+64];
            """, 64, 4);
    }

    [TestCaseSource(nameof(Clean)), CancelAfter(20_000)]
    public void NothingIsFoundInWhatIsRight(string body, int threads, int blocks)
    {
        foreach ((int seed, int workers) in new[] { (0, 1), (1, 1), (2, 4) })
        {
            var (report, _) = Run(body, threads, blocks, seed: seed, workers: workers);
            Assert.That(report.Findings, Is.Empty, string.Join('\n', report.Findings));
            Assert.That(report.Failure, Is.Null);
        }
    }

    [Test]
    public void WithoutItsFenceTheFlagOrdersNothing()
    {
        const string body = """
            mad.wide.u32 %d4, %r2, 4, %d1;
            st.global.b32 [%d4+64], %r2;
            atom.global.add.u32 %r5, [%d1], 1;
            mov.u32 %r7, %nctaid.x;
            sub.u32 %r7, %r7, 1;
            setp.ne.u32 %p2, %r5, %r7;
            @%p2 ret;
            ld.global.b32 %r9, [%d1+64]; // race
            """;
        var (report, marked) = Run(body, 1, 4);
        Assert.That(report.Findings.Select(f => (f.Rule, f.Line, f.OtherLine)), Is.EqualTo(new[] { ("race", marked[0].Item2, 18) }), string.Join('\n', report.Findings));
    }

    [Test]
    public unsafe void MemoryOfTheDriverHasNoContentAtFirstAndNoneAfterIsFreed()
    {
        const string text = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k(.param .u64 x, .param .u64 y) {\n.reg .b64 %d<4>; .reg .b32 %r<4>;\nld.param.u64 %d1, [x]; ld.param.u64 %d2, [y];\nld.global.b32 %r1, [%d1+8];\nst.global.b32 [%d2], %r1;\n}\n";
        List<PtxFinding> findings = [];
        using EmulatedCudaDriver driver = new() { Checks = PtxChecks.All, ChecksContent = true, Reported = (_, report) => findings.AddRange(report.Findings) };
        Assert.That(driver.ModuleLoadData(text, out nint module, out string log), Is.EqualTo(CudaResult.Success), log);
        Assert.That(driver.ModuleGetFunction(module, "k", out nint function), Is.EqualTo(CudaResult.Success));
        driver.MemAlloc(64, out nint x);
        driver.MemAlloc(64, out nint y);
        void** parameters = stackalloc void*[2] { &x, &y };
        CudaResult Launch() => driver.LaunchKernel(function, new(1, 1, 1), new(32, 1, 1), 0, 0, parameters);

        Assert.That(Launch(), Is.EqualTo(CudaResult.Success));
        Assert.That(findings.Select(f => (f.Rule, f.Line, f.Place)), Is.EqualTo(new[] { ("uninitialized", 7, "device memory + 8 of 64") }));
        findings.Clear();
        driver.MemsetD32Async(x, 5, 3, 0);
        Assert.That((Launch(), findings.Count), Is.EqualTo((CudaResult.Success, 0)));
        (x, y) = (y - 8, x);
        Assert.That((Launch(), findings.Count), Is.EqualTo((CudaResult.Success, 0)), "the kernel wrote y[0]");
        x += 8;

        driver.MemFree(x);
        Assert.That(Launch(), Is.EqualTo(CudaResult.ErrorIllegalAddress));
        Assert.That(findings.Select(f => (f.Rule, f.Line)), Is.EqualTo(new[] { ("memory", 7) }));
        Assert.That(findings[0].Message, Does.Contain("were freed: 8 bytes after the start of device memory, which had 64"));
    }

    [Test]
    public void EachCheckIsOnOrOff()
    {
        const string body = "setp.lt.u32 %p1, %r1, 16; @%p1 bra L; bar.sync 0; L: ld.shared.b32 %r5, [tile+512]; st.shared.b32 [tile], %r1; st.global.b32 [%d1], %r1; vote.sync.ballot.b32 %r7, 1, 1; ";
        foreach ((PtxChecks checks, string[] rules) in new (PtxChecks, string[])[]
        {
            (PtxChecks.Uninitialized, ["uninitialized"]), (PtxChecks.SharedRaces, ["race"]), (PtxChecks.GlobalRaces, ["race"]), (PtxChecks.Barriers, ["barrier"]), (PtxChecks.Masks, ["mask"]), (PtxChecks.None, []),
            (PtxChecks.All, ["barrier", "mask", "race", "race", "uninitialized"]),
        })
        {
            var (report, _) = Run(body, 32, 1, checks);
            Assert.That(report.Findings.Select(f => f.Rule).Order(), Is.EqualTo(rules), $"{checks}: {string.Join('\n', report.Findings)}");
        }
    }

    [Test]
    public void AFindingKnowsBlockThreadPlaceAndHowOften()
    {
        var (report, _) = Run("setp.eq.u32 %p1, %r2, 3; @%p1 ld.shared.b32 %r5, [%r4];", 40, 5);
        PtxFinding f = report.Findings.Single();
        Assert.Multiple(() =>
        {
            Assert.That((f.Rule, f.Kernel, f.Block, f.Thread, f.Column, f.Count), Is.EqualTo(("uninitialized", "k", (3, 0, 0), f.Thread, 26, 40L)));
            Assert.That(f.Place, Is.EqualTo($"shared variable 'tile' + {f.Thread.X * 4} of 1024"));
            Assert.That(Run("ld.global.v2.b32 {%r5, %r6}, [%d1+4];", 1).Report.Findings.Single().Place, Is.EqualTo("argument 0 + 4 of 4096"));
            Assert.That(Run("st.global.b32 [%d1+4096], %r1;", 1).Report.Findings.Single().Place, Is.EqualTo("argument 0 + 4096 of 4096"));
            Assert.That(Run("ld.shared.b32 %r5, [tile+1024];", 1).Report.Findings.Single().Place, Is.EqualTo("shared memory + 1024 of 1024"));
            Assert.That(Run(".local .b32 l[4]; ld.local.b32 %r5, [l+32];", 1).Report.Findings.Single().Place, Is.EqualTo("local memory + 32 of 16"));
            Assert.That(f.ToString(), Does.StartWith("k.ptx:17:26: uninitialized: ").And.Contain("(kernel 'k', block (3, 0, 0), thread (").And.EndWith(", 40 times"));
        });
    }
}
