using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Kernels that take memory themselves, and what they must not do with it.</summary>
public sealed class HeapTests
{
    const string head = ".version 7.8\n.target sm_80\n.address_size 64\n.extern .func (.param .b64 r) malloc (.param .b64 size);\n.extern .func free (.param .b64 p);\n";

    const string begin = head + """
        .visible .entry k(.param .u64 y)
        {
        .reg .pred %p<4>;
        .reg .b32 %r<8>;
        .reg .b64 %d<8>;
        .param .b64 a;
        .param .b64 r;
        ld.param.u64 %d1, [y];
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, %ctaid.x;
        mov.u32 %r3, %ntid.x;
        mad.lo.u32 %r1, %r2, %r3, %r1;
        mad.wide.u32 %d1, %r1, 4, %d1;

        """;

    static string Malloc(int bytes) => $"st.param.b64 [a], {bytes}; call (r), malloc, (a); ld.param.b64 %d2, [r];\n";

    const string free = "st.param.b64 [a], %d2; call free, (a);\n";

    static int[] Run(string body, int threads, int blocks = 1, long heap = 8 << 20, PtxChecks checks = PtxChecks.None)
    {
        int[] y = new int[threads * blocks];
        var report = PtxModule.Parse(begin + body + "ret;\n}\n", "k.ptx").Launch("k", new((blocks, 1, 1), (threads, 1, 1)) { HeapBytes = heap, Checks = checks, StepLimit = 10_000_000 }, PtxArgument.Buffer(y));
        Assert.That(report.Findings, Is.Empty);
        return y;
    }

    [Test]
    public void Threads_have_memory_of_their_own([Values(PtxChecks.None, PtxChecks.All)] PtxChecks checks)
    {
        string body = Malloc(40) + "st.u32 [%d2+36], %r1;\nbar.sync 0;\nld.u32 %r4, [%d2+36];\nst.global.u32 [%d1], %r4;\n" + free;
        Assert.That(Run(body, 100, 3, checks: checks), Is.EqualTo(Enumerable.Range(0, 300)));
    }

    /// <summary>A round of 64 KB in a heap of 1 MB, 1000 times: what was freed is given out again, and nobody's earlier accesses are called a race.</summary>
    [Test]
    public void What_was_freed_is_given_out_again([Values(PtxChecks.None, PtxChecks.All)] PtxChecks checks)
    {
        string body = "mov.u32 %r5, 0;\nL: " + Malloc(65536) + "st.global.u32 [%d2+65532], %r5;\n" + free + "add.u32 %r5, %r5, 1;\nsetp.lt.u32 %p1, %r5, 1000;\n@%p1 bra L;\nst.global.u32 [%d1], %r5;\n";
        Assert.That(Run(body, 2, 2, 1 << 20, checks), Is.All.EqualTo(1000));
    }

    // Of 8 MB, 7 parts of 1 MB and one byte fit; of 64 KB, none.
    [TestCase(8 << 20, 7), TestCase(64 << 10, 0), TestCase(0, 0)]
    public void Without_room_there_is_no_memory(long heap, int given)
    {
        string body = Malloc((1 << 20) + 1) + "setp.ne.u64 %p1, %d2, 0;\nselp.u32 %r4, 1, 0, %p1;\nst.global.u32 [%d1], %r4;\n";
        Assert.That(Run(body, 20, heap: heap).Sum(), Is.EqualTo(given));
    }

    [TestCase("st.u32 [%d2+8], %r1;\n", "k.ptx:20:1: memory: 4 bytes at address 0x", "8 bytes after the start of what malloc gave at line 19, which has 8")]
    [TestCase(free + "st.u32 [%d2], %r1;\n", "k.ptx:21:1: memory: 4 bytes at address 0x", "were freed at line 20: 0 bytes after the start of what malloc gave at line 19, which had 8")]
    [TestCase(free + free, "k.ptx:21:24: memory: free of 0x", ", what malloc gave at line 19: it was freed before, at line 20")]
    [TestCase("add.u64 %d2, %d2, 4;\n" + free, "k.ptx:21:24: memory: free of 0x", ": expected an address that malloc gave")]
    [TestCase("mov.u64 %d2, %d1;\n" + free, "k.ptx:21:24: memory: free of 0x", ": expected an address that malloc gave")]
    public void Misuse_is_an_error_with_its_line(string body, string start, string why)
    {
        Assert.That(() => Run(Malloc(8) + body, 1), Throws.TypeOf<PtxException>().With.Message.StartsWith(start).And.Message.Contains(why).And.Message.Contains("(kernel 'k', block (0, 0, 0), thread (0, 0, 0))"));
        var report = PtxModule.Parse(begin + Malloc(8) + body + "ret;\n}\n", "k.ptx").Launch("k", new((1, 1, 1), (1, 1, 1)) { Checks = PtxChecks.All }, PtxArgument.Buffer(new int[1]));
        Assert.That(report.Failure?.ToString(), Does.StartWith(start).And.Contains(why), "with checks it is a finding");
    }

    [Test]
    public void No_memory_may_be_freed() => Assert.That(Run("mov.u64 %d2, 0;\n" + free + "st.global.u32 [%d1], 5;\n", 1), Is.EqualTo(new[] { 5 }));

    /// <summary>Two launches of a module: what the first takes, the second reads and frees.</summary>
    [Test]
    public unsafe void Memory_outlives_the_launch()
    {
        const string text = head + """
            .global .u64 kept;
            .visible .entry take() { .reg .b64 %d; .param .b64 a; .param .b64 r; st.param.b64 [a], 16; call (r), malloc, (a); ld.param.b64 %d, [r]; st.global.u64 [kept], %d; st.u32 [%d], 77; ret; }
            .visible .entry give(.param .u64 y) { .reg .b64 %d<3>; .reg .b32 %r; .param .b64 a; ld.global.u64 %d1, [kept]; ld.u32 %r, [%d1]; ld.param.u64 %d2, [y]; st.global.u32 [%d2], %r; st.param.b64 [a], %d1; call free, (a); ret; }
            """;
        using EmulatedCudaDriver driver = new();
        driver.ModuleLoadData(text, out nint module, out _);
        driver.ModuleGetFunction(module, "take", out nint take);
        driver.ModuleGetFunction(module, "give", out nint give);
        driver.MemAlloc(4, out nint y);
        void* argument = &y;
        Assert.That(driver.LaunchKernel(take, new(1, 1, 1), new(1, 1, 1), 0, 0, null), Is.EqualTo(CudaResult.Success));
        Assert.That(driver.LaunchKernel(give, new(1, 1, 1), new(1, 1, 1), 0, 0, &argument), Is.EqualTo(CudaResult.Success));
        Assert.That(*(int*)y, Is.EqualTo(77));
        Assert.That(driver.LaunchKernel(give, new(1, 1, 1), new(1, 1, 1), 0, 0, &argument), Is.EqualTo(CudaResult.ErrorIllegalAddress), "it was freed");
    }
}
