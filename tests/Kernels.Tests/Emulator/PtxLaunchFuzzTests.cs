using System.Diagnostics;
using System.Globalization;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>
/// Damaged kernels with random arguments and geometry give results or an exception of Tessera: never another exception, a crash, a hang or
/// unbounded memory. TESSERA_FUZZ is how many to try; a failure names its number, and TESSERA_FUZZ_FIRST starts there.
/// </summary>
public sealed class PtxLaunchFuzzTests
{
    static readonly string[] words = ["0", "1", "-1", "31", "32", "255", "65536", "2147483647", "4294967295", "0f7F800000", "0f00000000", "0dFFF0000000000000", "%tid.x", "%laneid", "[%rd1]", "[%rd1+4]", "[%r1]", "_", "%p1", "0x8000000000000000"];

    static readonly string[] lines = ["bar.sync 0;", "bar.sync 1, 64;", "bar.arrive 2, 32;", "exit;", "ret;", "trap;", "membar.gl;", "nanosleep.u32 9;", "barrier.cluster.arrive;", "barrier.cluster.wait;"];

    [Test, CancelAfter(3_600_000)]
    public void DamagedKernels()
    {
        int first = Number("TESSERA_FUZZ_FIRST", 0), count = Number("TESSERA_FUZZ", 3_000), ran = 0, refused = 0, ended = 0;
        string[] texts = Texts();
        List<string> faults = [];
        using Process process = Process.GetCurrentProcess();
        long peak = process.PeakWorkingSet64;
        for (int n = first; n < first + count; n++)
        {
            Random random = new(n);
            string text = texts[random.Next(texts.Length)];
            for (int k = random.Next(4); k > 0; k--) text = Mutate(text, random);
            try
            {
                PtxModule module = PtxModule.Parse(text).Verify();
                if (module.Entries.Count == 0) continue;
                string entry = module.Entries[random.Next(module.Entries.Count)];
                PtxLaunch launch = Geometry(random);
                long blocks = Math.Abs((long)launch.Grid.X * launch.Grid.Y * launch.Grid.Z);
                long before = Environment.TickCount64, allocated = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    module.Launch(entry, launch, Arguments(module, entry, random));
                    ran++;
                }
                catch (PtxException e)
                {
                    Assert.That(e.Line, Is.InRange(1, text.Count(c => c == '\n') + 1), e.Message);
                    ended++;
                }
                Assert.That(Environment.TickCount64 - before, Is.LessThan(30_000), $"case {n}: time: {text}");
                if (text.Contains("vprintf", StringComparison.Ordinal)) continue; // each line is a text that is dropped at once: the memory of the process says more
                Assert.That(GC.GetAllocatedBytesForCurrentThread() - allocated, Is.LessThan((64 << 20) + (4096 * blocks)), $"case {n}: managed memory: {text}");
            }
            catch (PtxException)
            {
                refused++;
            }
            catch (Exception e) when (e is not AssertionException)
            {
                string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"fuzz{n}.ptx");
                File.WriteAllText(file, text);
                faults.Add($"case {n} ({file}): {e}");
                if (faults.Count == 5) break;
            }
        }
        Assert.That(faults, Is.Empty, string.Join('\n', faults));
        TestContext.Out.WriteLine($"{ran} ran, {ended} ended with an error, {refused} refused");
        process.Refresh();
        Assert.That(process.PeakWorkingSet64 - peak, Is.LessThan(1L << 30), "memory of the process");
        if (count < 1000) return;
        Assert.That(ran, Is.GreaterThan(count / 50));
        Assert.That(ended, Is.GreaterThan(count / 50));
    }

    [Test]
    public void VariablesThatAreTooLargeAreRefused()
    {
        PtxModule module = PtxModule.Parse(".version 7.0\n.target sm_70\n.address_size 64\n.global .b8 half[200000000];\n.global .b8 other[200000000];\n.visible .entry k() { ret; }").Verify();
        Assert.That(() => module.Launch("k", new((1, 1, 1), (1, 1, 1))), Throws.TypeOf<PtxException>().With.Property("Line").EqualTo(5).And.Message.Contains("'other' has 200000000 bytes: the variables of a module have 268435456 at most"));
        Assert.That(() => module.Launch(Device.Emulator, "k", new((1, 1, 1), (1, 1, 1))), Throws.TypeOf<CudaException>().With.Message.Contains("'other' has 200000000 bytes"));
    }

    internal static int Number(string variable, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int n) ? n : otherwise;

    /// <summary>Memory that kernels take and give back, and prints.</summary>
    const string takes = """
        .version 7.8
        .target sm_80
        .address_size 64
        .extern .func (.param .b64 r) malloc (.param .b64 size);
        .extern .func free (.param .b64 p);
        .extern .func (.param .b32 r) vprintf (.param .b64 format, .param .b64 values);
        .global .align 1 .b8 format[] = {37, 100, 32, 37, 115, 10, 0};
        .visible .entry k(.param .u64 y)
        {
        .local .align 8 .b8 values[16];
        .reg .pred %p<4>;
        .reg .b32 %r<8>;
        .reg .b64 %rd<8>;
        .param .b64 a;
        .param .b64 b;
        .param .b64 r;
        .param .b32 n;
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, 0;
        mov.u64 %rd4, format;
        cvta.global.u64 %rd4, %rd4;
        mov.u64 %rd5, values;
        cvta.local.u64 %rd5, %rd5;
        L:
        mul.wide.u32 %rd1, %r1, 24;
        st.param.b64 [a], %rd1;
        call (r), malloc, (a);
        ld.param.b64 %rd1, [r];
        setp.eq.u64 %p1, %rd1, 0;
        @%p1 bra E;
        st.u32 [%rd1+4], %r2;
        ld.u32 %r3, [%rd1+4];
        st.local.u32 [values], %r3;
        st.local.u64 [values+8], %rd4;
        setp.gt.u32 %p2, %r1, 1;
        @%p2 bra F;
        st.param.b64 [a], %rd4;
        st.param.b64 [b], %rd5;
        call (n), vprintf, (a, b);
        F:
        st.param.b64 [a], %rd1;
        call free, (a);
        add.u32 %r2, %r2, 1;
        setp.lt.u32 %p1, %r2, 20;
        @%p1 bra L;
        E:
        ret;
        }
        """;

    /// <summary>Kernels of ours, of nvcc, and a line of each instruction that the assembler takes.</summary>
    static string[] Texts() =>
    [
        .. Enumerable.Repeat(takes, 200),
        .. PtxModule.LibraryFiles.Select(PtxModule.LibraryText).Where(t => t.Length < 20_000),
        .. PtxasVerdict.All.Where(v => v.Accepted).Where((_, i) => i % 3 == 0).Select(v => v.Text()),
        .. ((string[])["k.sm_80.O0.ptx", "k.sm_80.O3.ptx", "k.sm_90.O3.ptx"]).Select(f => File.ReadAllText(Path.Combine(TestData.Golden("ptx-nvcc"), f))),
    ];

    /// <summary>Changes that often leave a text valid: other numbers, registers and instructions.</summary>
    static string Mutate(string text, Random random)
    {
        string[] all = text.Split('\n');
        int a = random.Next(all.Length), b = random.Next(all.Length);
        switch (random.Next(6))
        {
            case 0: (all[a], all[b]) = (all[b], all[a]); break;
            case 1: all[a] = all[b]; break;
            case 2: all[a] = ""; break;
            case 3: all[a] += "\n" + lines[random.Next(lines.Length)]; break;
            case 4: all[a] = ReplaceOperand(all[a], words[random.Next(words.Length)], random); break;
            default: all[a] = ReplaceOperand(all[a], Operand(all[b], random), random); break;
        }
        return string.Join('\n', all);
    }

    static (int Start, int Length)[] Operands(string line)
    {
        List<(int, int)> found = [];
        for (int at = line.IndexOf(' ', StringComparison.Ordinal); at >= 0 && at < line.Length; at++)
        {
            int start = at;
            while (at < line.Length && (char.IsAsciiLetterOrDigit(line[at]) || line[at] is '%' or '_' or '$' or '.')) at++;
            if (at > start) found.Add((start, at - start));
        }
        return [.. found];
    }

    static string Operand(string line, Random random) => Operands(line) is { Length: > 0 } all && all[random.Next(all.Length)] is var (start, length) ? line.Substring(start, length) : "0";

    static string ReplaceOperand(string line, string with, Random random) => Operands(line) is { Length: > 0 } all && all[random.Next(all.Length)] is var (start, length) ? line[..start] + with + line[(start + length)..] : line;

    static void Ignore(string text) { }

    static PtxLaunch Geometry(Random random)
    {
        int Size(int most) => random.Next(20) == 0 ? random.Next(-1, 70_000) : random.Next(1, most);
        return new((Size(4), Size(3), random.Next(1, 3)), (Size(80), Size(4), random.Next(1, 3)))
        {
            SharedBytes = random.Next(4) switch { 0 => 0, 1 => random.Next(4096), 2 => 48 << 10, _ => random.Next(-5, 300_000) },
            Cluster = random.Next(5) == 0 ? (random.Next(1, 4), random.Next(1, 3), 1) : null,
            Seed = random.Next(),
            Threads = random.Next(3),
            StepLimit = 20_000,
            Checks = random.Next(2) == 0 ? PtxChecks.None : (PtxChecks)random.Next(32),
            Count = random.Next(4) == 0,
            Approximation = (PtxApproximation)random.Next(3),
            Contraction = (PtxContraction)random.Next(2),
            Print = random.Next(2) == 0 ? Ignore : null,
        };
    }

    static PtxArgument[] Arguments(PtxModule module, string entry, Random random) =>
        [.. module.Syntax.Functions.First(f => f.IsEntry && f.Body != null && f.Name == entry).Parameters.Select(p => (p.Bytes, random.Next(10)) switch
        {
            (8, < 7) => PtxArgument.Buffer(Content(random)),
            (4, < 7) => PtxArgument.Value(random.Next(200)),
            (_, 9) => PtxArgument.Value(random.Next()),
            _ => PtxArgument.Bytes(Bytes(random, (int)Math.Min(p.Bytes, 8192))),
        })];

    static byte[] Content(Random random) => Bytes(random, random.Next(3) == 0 ? random.Next(64) : 65_536);

    static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
