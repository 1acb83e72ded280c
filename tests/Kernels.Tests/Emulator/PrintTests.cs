using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>What kernels print: in which order, how much of it, and where.</summary>
public sealed class PrintTests
{
    const string text = """
        .version 7.0
        .target sm_70
        .address_size 64
        .extern .func (.param .b32 r) vprintf (.param .b64 format, .param .b64 values);
        .global .align 1 .b8 format[] = {37, 100, 46, 37, 100, 10, 0};
        // Thread 0 of each block prints "block.number" for all numbers below n.
        .visible .entry k(.param .u32 n)
        {
        .local .align 8 .b8 values[8];
        .reg .pred %p<2>;
        .reg .b32 %r<8>;
        .reg .b64 %d<4>;
        ld.param.u32 %r1, [n];
        mov.u32 %r2, %ctaid.x;
        mov.u32 %r3, 0;
        mov.u64 %d1, format;
        cvta.global.u64 %d1, %d1;
        mov.u64 %d2, values;
        cvta.local.u64 %d3, %d2;
        L: st.local.v2.u32 [%d2], {%r2, %r3};
        { .param .b64 a; .param .b64 b; .param .b32 r; st.param.b64 [a], %d1; st.param.b64 [b], %d3; call (r), vprintf, (a, b); }
        add.u32 %r3, %r3, 1;
        setp.lt.u32 %p1, %r3, %r1;
        @%p1 bra L;
        ret;
        }
        """;

    static List<string> Run(int blocks, int n, int threads)
    {
        List<string> lines = [];
        PtxModule.Parse(text).Launch("k", new((blocks, 1, 1), (1, 1, 1)) { Print = lines.Add, Threads = threads }, PtxArgument.Value(n));
        return lines;
    }

    [Test]
    public void Blocks_print_in_their_order([Values(1, 4)] int threads)
        => Assert.That(Run(50, 3, threads), Is.EqualTo(Enumerable.Range(0, 50).SelectMany(b => Enumerable.Range(0, 3).Select(i => $"{b}.{i}\n"))));

    /// <summary>A text of 8 characters takes 24 bytes: of a block's 30,000 and its neighbours' the last 43,690 fit.</summary>
    [Test]
    public void Of_more_than_a_buffer_the_first_is_lost([Values(1, 4)] int threads)
    {
        List<string> lines = Run(4, 30_000, threads);
        string[] all = [.. Enumerable.Range(0, 4).SelectMany(b => Enumerable.Range(0, 30_000).Select(i => $"{b}.{i}\n"))];
        int kept = lines.Count - 1;
        Assert.That(lines[0], Is.EqualTo($"[{120_000 - kept} texts that were printed before these are lost: the buffer of a launch has 1048576 bytes]\n"));
        Assert.That(lines.Skip(1), Is.EqualTo(all[^kept..]));
        int size = all[^kept..].Sum(t => t.Length + 16);
        Assert.That(size, Is.LessThanOrEqualTo(1 << 20).And.GreaterThan((1 << 20) - 30), "no more than must be");
    }

    [Test]
    public void A_followed_warp_prints_at_once()
    {
        List<string> seen = [];
        PtxWatch watch = new(step =>
        {
            if (step.Line == 23) seen.Add("added");
            return true;
        });
        PtxModule.Parse(text).Launch("k", new((1, 1, 1), (1, 1, 1)) { Print = seen.Add, Watch = watch }, PtxArgument.Value(2));
        Assert.That(seen, Is.EqualTo(new[] { "0.0\n", "added", "0.1\n", "added" }));
    }

    [Test]
    public unsafe void The_driver_prints()
    {
        List<string> lines = [];
        using EmulatedCudaDriver driver = new() { Printed = lines.Add };
        driver.ModuleLoadData(text, out nint module, out _);
        driver.ModuleGetFunction(module, "k", out nint kernel);
        int n = 1;
        void* argument = &n;
        Assert.That(driver.LaunchKernel(kernel, new(2, 1, 1), new(1, 1, 1), 0, 0, &argument), Is.EqualTo(CudaResult.Success));
        Assert.That(lines, Is.EqualTo(new[] { "0.0\n", "1.0\n" }));
    }

    [Test]
    public void A_launch_on_the_emulator_as_a_device_prints_where_it_is_asked_to()
    {
        List<string> lines = [];
        PtxModule.Parse(text).Launch(Device.Parse("emulator"), "k", new((2, 1, 1), (1, 1, 1)) { Print = lines.Add }, PtxArgument.Value(1));
        Assert.That(lines, Is.EqualTo(new[] { "0.0\n", "1.0\n" }));
    }
}
