namespace Tessera.Tests;

/// <summary>Threads that wait for each other get on, and what waits for ever ends with an error.</summary>
public sealed class ProgressTests
{
    const string head = ".version 7.0\n.target sm_75\n.address_size 64\n";

    const string kernel = head + """
        .visible .entry k(.param .u64 y)
        {
        .reg .b32 %r<16>;
        .reg .b64 %d<8>;
        .reg .pred %p<4>;
        ld.param.u64 %d1, [y];
        mov.u32 %r1, %tid.x;

        """;

    static (int[] Result, PtxReport Report) Run(string text, int threads, int blocks = 1, PtxLaunch? launch = null)
    {
        int[] y = new int[64];
        launch ??= new((1, 1, 1), (1, 1, 1));
        var report = PtxModule.Parse(text).Launch("k", launch with { Grid = (blocks, 1, 1), Block = (threads, 1, 1), StepLimit = 40_000_000 }, PtxArgument.Buffer(y));
        return (y, report);
    }

    /// <summary>On GPUs of today a lane that spins does not keep the holder of the lock from going on, though both are of one warp.</summary>
    [Test, CancelAfter(60_000)]
    public void A_lock_goes_from_lane_to_lane([Values(1, 3)] int blocks, [Values] bool inAFunction)
    {
        const string locked = """
            L: atom.global.cas.b32 %r2, [%d1], 0, 1;
            setp.ne.s32 %p1, %r2, 0;
            @%p1 bra L;
            membar.gl;
            ld.volatile.global.u32 %r3, [%d1+4];
            add.u32 %r3, %r3, 1;
            st.volatile.global.u32 [%d1+4], %r3;
            membar.gl;
            atom.global.exch.b32 %r2, [%d1], 0;
            ret;
            }
            """;
        string text = !inAFunction ? kernel + locked
            : head + ".func add(.reg .b64 %d1)\n{\n.reg .b32 %r<4>;\n.reg .pred %p<2>;\n" + locked + "\n" + kernel[head.Length..] + "call add, (%d1);\nret;\n}\n";
        Assert.That(Run(text, 40, blocks).Result[..2], Is.EqualTo(new[] { 0, 40 * blocks }));
    }

    /// <summary>Blocks that are on a GPU at the same time may wait for each other; here there are more of them than threads of the processor.</summary>
    [Test, CancelAfter(60_000)]
    public void Blocks_wait_for_all_blocks([Values(1, 2)] int workers, [Values(PtxChecks.None, PtxChecks.All)] PtxChecks checks)
    {
        const int blocks = 20;
        const string body = """
            mov.u32 %r2, %nctaid.x;
            mov.u32 %r5, %ctaid.x;
            mad.wide.u32 %d2, %r5, 4, %d1;
            st.global.u32 [%d2+4], 7;
            membar.gl;
            atom.global.add.u32 %r3, [%d1], 1;
            L: ld.volatile.global.u32 %r4, [%d1];
            setp.lt.u32 %p1, %r4, %r2;
            @%p1 bra L;
            membar.gl;
            add.u32 %r5, %r5, 1;
            rem.u32 %r5, %r5, %r2;
            mad.wide.u32 %d3, %r5, 4, %d1;
            ld.global.u32 %r6, [%d3+4];
            st.global.u32 [%d2+128], %r6;
            ret;
            }
            """;
        var (y, report) = Run(kernel + body, 1, blocks, new((1, 1, 1), (1, 1, 1)) { Threads = workers, Checks = checks });
        Assert.That(report.Findings, Is.Empty);
        Assert.That(y[0], Is.EqualTo(blocks));
        Assert.That(y[32..(32 + blocks)], Is.All.EqualTo(7));
    }

    /// <summary>They come to a barrier between any two looks: no turn of theirs ends early.</summary>
    [Test, CancelAfter(60_000)]
    public void Blocks_with_barriers_wait_for_all_blocks()
    {
        const string body = """
            atom.global.add.u32 %r3, [%d1], 1;
            L: bar.sync 0;
            ld.volatile.global.u32 %r4, [%d1];
            setp.lt.u32 %p1, %r4, 320;
            barrier.red.or.pred %p2, 0, %p1;
            @%p2 bra L;
            ret;
            }
            """;
        Assert.That(Run(kernel + body, 64, 5, new((1, 1, 1), (1, 1, 1)) { Threads = 1 }).Result[0], Is.EqualTo(320));
    }

    /// <summary>One block after the other is the fastest: their memory stays in the cache.</summary>
    [Test]
    public void A_block_of_many_barriers_ends_before_the_next_begins()
    {
        string barriers = string.Concat(Enumerable.Repeat("bar.sync 0;\n", 300));
        string text = kernel + $$"""
            mov.u32 %r5, %ctaid.x;
            mad.wide.u32 %d2, %r5, 8, %d1;
            setp.ne.u32 %p1, %r1, 0;
            @%p1 bra WAIT;
            atom.global.add.u32 %r2, [%d1+128], 1;
            st.global.u32 [%d2], %r2;
            WAIT:
            {{barriers}}
            @%p1 bra END;
            atom.global.add.u32 %r2, [%d1+128], 1;
            st.global.u32 [%d2+4], %r2;
            END: ret;
            }
            """;
        Assert.That(Run(text, 64, 4, new((1, 1, 1), (1, 1, 1)) { Threads = 1 }).Result[..8], Is.EqualTo(Enumerable.Range(0, 8)));
    }

    [Test, CancelAfter(60_000)]
    public void Recursion_without_end_or_registers_comes_to_the_end_of_the_stack()
        => Assert.That(() => Run(head + ".func f() { call f, (); ret; }\n.visible .entry k(.param .u64 y) { call f, (); ret; }", 64),
            Throws.TypeOf<PtxException>().With.Property("Rule").EqualTo("memory").And.Message.Contains("nested too deeply"));

    [Test]
    public void A_variable_lies_where_its_alignment_says()
    {
        string text = head + ".global .align 4096 .b8 a[12];\n.const .align 1024 .b8 c[12];\n" + kernel[head.Length..]
            + "mov.u64 %d2, a; and.b64 %d2, %d2, 4095; mov.u64 %d3, c; and.b64 %d3, %d3, 1023; st.global.u64 [%d1], %d2; st.global.u64 [%d1+8], %d3; ret;\n}\n";
        Assert.That(Run(text, 1).Result[..4], Is.All.Zero);
    }

    // The last warp counts as a whole one.
    [TestCase(40, 64, null), TestCase(33, 64, null), TestCase(64, 64, null)]
    [TestCase(32, 64, "deadlock: of 32 threads, 32 wait"), TestCase(40, 96, "deadlock: of 40 threads, 40 wait")]
    public void A_barrier_counts_whole_warps(int threads, int count, string? fault)
    {
        string text = kernel + $"bar.sync 0, {count};\nst.global.u32 [%d1], 1;\nret;\n}}\n";
        if (fault == null) Assert.That(Run(text, threads).Result[0], Is.EqualTo(1));
        else Assert.That(() => Run(text, threads), Throws.TypeOf<PtxException>().With.Message.Contains(fault));
    }

    /// <summary>Three warps, the last with 8 threads: the first and the last meet.</summary>
    [Test]
    public void Some_warps_of_a_block_meet() => Assert.That(Run(kernel + """
        and.b32 %r2, %r1, 32;
        setp.ne.s32 %p1, %r2, 0;
        @%p1 ret;
        bar.sync 1, 64;
        st.global.u32 [%d1], 1;
        ret;
        }
        """, 72).Result[0], Is.EqualTo(1));

    /// <summary>A thread that only has to return before a barrier misses nothing, as in every kernel that begins with <c>if (i >= n) return;</c>.</summary>
    [Test]
    public void Threads_that_end_need_not_come_to_an_aligned_barrier()
    {
        const string early = "setp.ge.u32 %p1, %r1, 40;\n@%p1 bra END;\nbar.sync 0;\nst.global.u32 [%d1], 1;\n";
        PtxLaunch launch = new((1, 1, 1), (1, 1, 1)) { Checks = PtxChecks.Barriers };
        Assert.That(Run(kernel + early + "END: ret;\n}\n", 64, launch: launch).Report.Findings, Is.Empty);
        Assert.That(Run(kernel + early + "END: st.global.u32 [%d1+4], 1; ret;\n}\n", 64, launch: launch).Report.Findings, Has.Count.EqualTo(1), "these do something in between");
    }
}
