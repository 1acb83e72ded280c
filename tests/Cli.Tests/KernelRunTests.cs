using System.Globalization;
using System.Text.Json;
using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

/// <summary><c>tessera kernels run</c> and <c>step</c>.</summary>
public sealed class KernelRunTests
{
    static readonly string scale = Path.Combine(TestData.RepositoryRoot, "examples", "scale.ptx");

    /// <summary>x of the example: 100 numbers, 0, 0.5, 1 ...</summary>
    static string Halves(TemporaryFolder folder) => FileOf(folder, "x.bin", [.. Enumerable.Range(0, 100).Select(i => i / 2f)]);

    static IEnumerable<TestCaseData> Recorded()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestData.FindGolden("ptx-nvcc")!, "tests.json")));
        foreach (JsonElement c in json.RootElement.Clone().EnumerateArray())
            foreach (string device in new[] { "emulator", "cuda:0" }) yield return new TestCaseData(c, device).SetArgDisplayNames(c.GetProperty("kernel").GetString()!, device);
    }

    [TestCaseSource(nameof(Recorded)), Category("Golden")]
    public void RunsWhatNvccCompiles(JsonElement c, string device)
    {
        if (Device.All().First(d => d.Name == device).WhyNot is string whyNot) Assert.Ignore(whyNot);
        using var folder = new TemporaryFolder();
        string golden = TestData.Golden("ptx-nvcc");
        List<string> outs = [], args = [Path.Combine(golden, c.GetProperty("modules")[0].GetString()!), "--entry", c.GetProperty("kernel").GetString()!,
            "--grid", string.Join(',', c.GetProperty("grid").EnumerateArray()), "--block", string.Join(',', c.GetProperty("block").EnumerateArray()), "--shared", $"{c.GetProperty("shared")}"];
        List<(string Got, string Want, string Type)> results = [];
        foreach (var (i, a) in c.GetProperty("args").EnumerateArray().Index())
        {
            string kind = a.GetProperty("dir").GetString()!, type = a.TryGetProperty("type", out JsonElement t) ? t.GetString()! : "";
            string input = a.TryGetProperty("in_file", out JsonElement f) ? $"@{Path.Combine(golden, f.GetString()!)}" : "";
            args.AddRange("--arg", kind switch { "bytes" => $"bytes:{a.GetProperty("hex")}", "scalar" => $"{type}:{a.GetProperty("value")}", _ => $"{type}[{a.GetProperty("count")}]{input}" });
            if (!a.TryGetProperty("out_file", out JsonElement output)) continue;
            results.Add((folder.File($"{i}.bin"), Path.Combine(golden, output.GetString()!), type));
            outs.AddRange("--out", $"{i}={folder.File($"{i}.bin")}");
        }
        var (code, _, error) = Kernels(["run", .. args, .. outs, "--device", device]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(results, Is.Not.Empty);
        foreach (var (got, want, type) in results) Compare(File.ReadAllBytes(got), File.ReadAllBytes(want), type, c.GetProperty("compare").GetString()!.Split(' '));

        if (device != "emulator") return;
        var steps = Kernels(["step", .. args, "--steps", "200"]);
        Assert.That((steps.Code, steps.Error), Is.EqualTo((0, "")));
        Assert.That(steps.Output.Split('\n')[..^1], Has.Length.InRange(10, 200).And.All.Match(@"^ *\d+  [0-9a-f]{8}  (\S+ )*\S*;"));
    }

    /// <summary>Equal bytes, or <c>rel R abs A</c>.</summary>
    static void Compare(byte[] got, byte[] want, string type, string[] how)
    {
        if (how[0] != "rel") { Assert.That(got, Is.EqualTo(want)); return; }
        double[] a = Numbers(got, type), b = Numbers(want, type);
        Assert.That(a, Has.Length.EqualTo(b.Length));
        double rel = double.Parse(how[1], CultureInfo.InvariantCulture), abs = double.Parse(how[3], CultureInfo.InvariantCulture);
        for (int i = 0; i < a.Length; i++) Assert.That(a[i], Is.EqualTo(b[i]).Within(abs + (rel * Math.Abs(b[i]))), $"element {i}");
    }

    static double[] Numbers(byte[] data, string type) => type == "f64"
        ? [.. Enumerable.Range(0, data.Length / 8).Select(i => BitConverter.ToDouble(data, i * 8))]
        : [.. Enumerable.Range(0, data.Length / 4).Select(i => (double)BitConverter.ToSingle(data, i * 4))];

    static string[] Scale(string x, string y, params string[] more) => Sized("2", "64", x, y, more);

    static string[] Sized(string grid, string block, string x, string y, params string[] more) => ["run", scale, "--grid", grid, "--block", block, "--arg", x, "--arg", y, "--arg", "f32:2.5", "--arg", "u32:100", .. more];

    [Test]
    public void ShowsBuffersAndWritesFiles()
    {
        using var folder = new TemporaryFolder();
        string x = Halves(folder), y = folder.File("y.bin");
        var (code, output, error) = Kernels(Scale($"f32[100]@{x}", "f32[100]", "--out", $"1={y}"));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Is.EqualTo($"""
            scale: 2 x 1 x 1 blocks of 64 x 1 x 1 threads
            argument 0: f32[100] 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, ...
            argument 1: f32[100] 0, 1.25, 2.5, 3.75, 5, 6.25, 7.5, 8.75, ...
            wrote {y}: argument 1, 400 bytes

            """.ReplaceLineEndings("\n")));
        Assert.That(Numbers(File.ReadAllBytes(y), "f32"), Is.EqualTo(Enumerable.Range(0, 100).Select(i => i * 1.25)));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(2), "no temporary file is left");
    }

    [Test]
    public void PrintsJson()
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Kernels(Scale("f32[100]", "f32[100]", "--shared", "16", "--json", "--out", $"1={folder.File("y.bin")}"));
        Assert.That((code, error), Is.EqualTo((0, "")));
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement root = json.RootElement;
        Assert.That(root.GetProperty("kernel").GetString(), Is.EqualTo("scale"));
        Assert.That(root.GetProperty("grid").EnumerateArray().Select(n => n.GetInt32()), Is.EqualTo(new[] { 2, 1, 1 }));
        Assert.That(root.GetProperty("block").EnumerateArray().Select(n => n.GetInt32()), Is.EqualTo(new[] { 64, 1, 1 }));
        Assert.That(root.GetProperty("shared").GetInt32(), Is.EqualTo(16));
        Assert.That(root.GetProperty("completed").GetBoolean());
        Assert.That(root.GetProperty("findings").GetArrayLength(), Is.Zero);
        Assert.That(root.GetProperty("counters").GetProperty("singleFlops").GetInt32(), Is.EqualTo(100));
        Assert.That(root.GetProperty("out")[0].GetProperty("bytes").GetInt32(), Is.EqualTo(400));
    }

    /// <summary>A kernel that copies its one parameter, 8-byte words, to where the structure's second field points.</summary>
    static string Dump(int words)
    {
        string copies = string.Concat(Enumerable.Range(0, words).Select(k => $"ld.param.u64 %d2, [s+{k * 8}];\nst.global.u64 [%d1+{k * 8}], %d2;\n"));
        return $".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry dump(.param .align 8 .b8 s[{words * 8}])\n{{\n.reg .b64 %d<3>;\nld.param.u64 %d1, [s+8];\n{copies}ret;\n}}\n";
    }

    [Test]
    public void AStructureLiesAsInC()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("dump.ptx"), y = folder.File("y.bin"), x = FileOf(folder, "x.bin", 7L, 0, 0, 0, 0, 0);
        File.WriteAllText(file, Dump(6));
        // struct { char a; long *y; short b; struct { float c; char d; } e; double f; char g[3]; }: offsets 0, 8, 16, 20, 32, 40; 48 bytes.
        var (code, output, error) = Kernels("run", file, "--arg", $$"""{u8:1, u64[6]@{{x}}, s16:-2,{ f32:1.5,b8:0xff } ,f64:0.5, bytes:A1B2C3}""", "--out", $"0={y}");
        Assert.That((code, error), Is.EqualTo((0, "")));
        byte[] got = File.ReadAllBytes(y);
        Assert.That(got[0], Is.EqualTo(1));
        Assert.That(BitConverter.ToInt16(got, 16), Is.EqualTo(-2));
        Assert.That(BitConverter.ToSingle(got, 20), Is.EqualTo(1.5f));
        Assert.That(got[24], Is.EqualTo(255));
        Assert.That(BitConverter.ToDouble(got, 32), Is.EqualTo(0.5));
        Assert.That(got[40..44], Is.EqualTo(new byte[] { 0xA1, 0xB2, 0xC3, 0 }));
        Assert.That(output, Does.Contain("argument 0.1: u64[6] 1"));
        Assert.That(Kernels("run", file, "--arg", "{u8:1, u64[6], f64:1, f64:1, f64:1, f64:1}", "--out", $"0.1={y}").Code, Is.Zero);
        Assert.That(File.ReadAllBytes(y)[0], Is.EqualTo(1));
    }

    [TestCase("f16:-1.5", "00BE"), TestCase("bf16:1.00390625", "803F"), TestCase("bf16:1.01171875", "823F"), TestCase("f32:-inf", "000080FF"), TestCase("f64:1e300", "9C7500883CE4377E")]
    [TestCase("s8:-1", "FF"), TestCase("u16:0xBEEF", "EFBE"), TestCase("b64:0x123456789abcdef0", "F0DEBC9A78563412"), TestCase("s32:-2147483648", "00000080")]
    public void ScalarsHaveTheBytesOfTheirType(string argument, string hex)
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("k.ptx"), y = folder.File("y.bin");
        File.WriteAllText(file, Dump(2));
        string padding = new('0', 16 - hex.Length);
        Assert.That(Kernels("run", file, "--arg", $"{{{argument}, u64[2]}}", "--out", $"0={y}").Error, Is.Empty);
        Assert.That(Convert.ToHexString(File.ReadAllBytes(y)[..8]), Is.EqualTo(hex + padding));
    }

    static IEnumerable<TestCaseData> Mistakes()
    {
        TestCaseData Case(int code, string message, params string[] args) => new(code, message, args);
        yield return Case(2, "f32[3': got its end, expected ']'", Scale("f32[3", "f32[100]"));
        yield return Case(2, "got 'q:3', expected a type (f32,", Scale("q:3", "f32[100]"));
        yield return Case(2, "got '3', expected nothing more", Scale("f32[2]", "f32[1]3"));
        yield return Case(2, "expected ',' or '}'", Scale("{f32[2], s64:3", "f32[100]"));
        yield return Case(2, "a number of elements", Scale("f32[99999999999]", "f32[100]"));
        yield return Case(2, "expected a number of type u32", Scale("u32:-1", "f32[100]"));
        yield return Case(2, "expected a number of type f32", Scale("f32:1e39", "f32[100]"));
        yield return Case(2, "two hexadecimal digits", Scale("bytes:123", "f32[100]"));
        yield return Case(2, "no.bin: no such file", Scale("f32[2]@no.bin", "f32[100]"));
        yield return Case(2, "expected 400, 4 for each of 100", Scale($"f32[100]@{scale}", "f32[100]"));
        yield return Case(2, "--grid: got '0'", Sized("0", "64", "f32[100]", "f32[100]"));
        yield return Case(2, "--block: got '1,2,3,4'", Sized("2", "1,2,3,4", "f32[100]", "f32[100]"));
        yield return Case(2, "--shared: got -1", Scale("f32[100]", "f32[100]", "--shared", "-1"));
        yield return Case(2, "'cuda:999' cannot be used: ", Scale("f32[100]", "f32[100]", "--device", "cuda:999"));
        yield return Case(2, "\nhint: use --device emulator.\n", Scale("f32[100]", "f32[100]", "--device", "cuda:999"));
        yield return Case(2, "unknown device: got 'tpu'", Scale("f32[100]", "f32[100]", "--device", "tpu"));
        yield return Case(2, "'cpu' cannot be used: it does not run PTX.\nhint: use --device emulator.", Scale("f32[100]", "f32[100]", "--device", "cpu"));
        yield return Case(1, "no.ptx: no such file", "run", "no.ptx");
        yield return Case(1, "there is no kernel 'k'.\nhint: it has scale.", Scale("f32[100]", "f32[100]", "--entry", "k"));
        yield return Case(1, "a block has 1 to 1024 threads", Sized("2", "2000", "f32[100]", "f32[100]"));
        yield return Case(1, "64 in z", Sized("2", "1,1,128", "f32[100]", "f32[100]"));
        yield return Case(1, "bytes of shared memory, 232448 are the most", Scale("f32[100]", "f32[100]", "--shared", "300000"));
        yield return Case(1, "a grid has whole clusters of (3, 1, 1) blocks: got a grid of (2, 1, 1)", Scale("f32[100]", "f32[100]", "--cluster", "3"));
        yield return Case(2, "--cluster: got '0'", Scale("f32[100]", "f32[100]", "--cluster", "0"));
        yield return Case(1, "it has 4 parameters: got 0, expected .u64 x, .u64 y, .f32 a, .u32 n", "run", scale);
        yield return Case(1, "parameter 1 'y' has 8 bytes: got 4", Scale("f32[100]", "f32:1"));
        yield return Case(1, ":27:5: memory: 4 bytes at address 0x0 are outside every allocation: a null pointer (kernel 'scale', block (0, 0, 0), thread (0, 0, 0))", Sized("1", "32", "u64:0", "f32[100]"));
        yield return Case(1, "at address 0xABCDEF000000 are outside every allocation (", Sized("1", "32", "u64:0xABCDEF000000", "f32[100]"));
        yield return Case(1, "396 bytes after the start of argument 1, which has 396", Scale("f32[100]", "f32[99]"));
        yield return Case(1, "is not a buffer.\nhint: buffers are 0, 1.", Scale("f32[100]", "f32[100]", "--out", "2=y.bin"));
        yield return Case(1, "has several buffers", Scale("{f32[1], f32[2]}", "f32[100]", "--out", "0=y.bin"));
        yield return Case(1, "expected the number of an argument and a file", Scale("f32[100]", "f32[100]", "--out", "1"));
        yield return Case(1, "no warp 2 with a lane 0 in block (0, 0, 0)", ["step", .. Scale("f32[100]", "f32[100]", "--warp", "2")[1..]]);
        yield return Case(1, "block (2, 0, 0)", ["step", .. Scale("f32[100]", "f32[100]", "--at", "2")[1..]]);
        yield return Case(1, "lane 32", ["step", .. Scale("f32[100]", "f32[100]", "--lane", "32")[1..]]);
        yield return Case(1, "does not come to line 99", ["step", .. Scale("f32[100]", "f32[100]", "--from", "99")[1..]]);
    }

    [TestCaseSource(nameof(Mistakes))]
    public void MistakesAreOneClearMessage(int code, string message, string[] args)
    {
        var result = Kernels(args);
        Assert.That(result.Error, Does.StartWith("error: ").And.Contain(message));
        Assert.That(result.Error.Split('\n').Count(l => l.StartsWith("error:", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That((result.Code, result.Output), Is.EqualTo((code, "")));
        Assert.That(File.Exists("y.bin"), Is.False);
    }

    [Test]
    public void WrongPtxAndLimitsOfTheKernelAreNamed()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("k.ptx");
        string Kernel(string directives, string body = "") => $".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k(){directives}\n{{\n{body}ret;\n}}\n.visible .entry other(){{ret;}}\n";
        File.WriteAllText(file, Kernel("", ".reg .f32 %f<3>;\nadd.f32 %f1, %f2, 1;\n"));
        Assert.That(Kernels("run", file, "--entry", "k").Error, Does.StartWith($"error: {file}:7:19: operand: "));
        File.WriteAllText(file, Kernel(".maxntid 32, 2, 1"));
        Assert.That(Kernels("run", file).Error, Does.Contain("has 2 kernels: k, other").And.Contain("--entry"));
        Assert.That(Kernels("run", file, "--entry", "k", "--block", "64").Code, Is.Zero);
        Assert.That(Kernels("run", file, "--entry", "k", "--block", "65").Error, Does.Contain(".maxntid wants blocks of at most (32, 2, 1) threads: got (65, 1, 1)"));
        File.WriteAllText(file, Kernel(".reqntid 32, 2"));
        Assert.That(Kernels("run", file, "--entry", "k", "--block", "32,2").Code, Is.Zero);
        Assert.That(Kernels("run", file, "--entry", "k", "--block", "64").Error, Does.Contain(".reqntid wants blocks of exactly (32, 2, 1) threads: got (64, 1, 1)"));
    }

    [Test]
    public void CheckWritesFindingsToStandardErrorAndTheJson()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(TestData.RepositoryRoot, "examples", "shift.ptx"), y = folder.File("y.bin");
        string[] Args(int threads) => ["check", file, "--block", $"{threads}", "--arg", "u32[64]", "--arg", "u32[64]", "--out", $"1={y}"];

        var (code, output, error) = Kernels(Args(63));
        Assert.That(code, Is.EqualTo(1));
        string[] findings = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(findings, Has.Length.EqualTo(2).And.All.StartWith($"{file}:23:5: "));
        Assert.That(error, Does.Contain(": race: ").And.Contain(": uninitialized: ").And.Contain("wrote at line 22"));
        Assert.That(output, Does.EndWith("2 findings\n"));
        Assert.That(new FileInfo(y).Length, Is.EqualTo(256), "the launch went through");
        File.Delete(y);

        // Thread 63 reads behind the tile, which ends the launch: no result is written.
        (code, output, error) = Kernels([.. Args(64), "--json"]);
        Assert.That((code, error.Split('\n')[^2], File.Exists(y)), Is.EqualTo((1, $"{file}:23:5: memory: shared address 256 is outside the 256 bytes of shared memory (kernel 'shift', block (0, 0, 0), thread (63, 0, 0))", false)));
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.That(json.RootElement.GetProperty("completed").GetBoolean(), Is.False);
        JsonElement last = json.RootElement.GetProperty("findings").EnumerateArray().Last();
        Assert.That((last.GetProperty("rule").GetString(), last.GetProperty("line").GetInt32(), last.GetProperty("thread")[0].GetInt32()), Is.EqualTo(("memory", 23, 63)));

        Assert.That(last.GetProperty("place").GetString(), Is.EqualTo("shared memory + 256 of 256"));

        string Rules(params string[] options) => string.Join(' ', Kernels([.. Args(63), .. options]).Error.Split('\n')[..^1].Select(line => line.Split(": ")[1]));
        Assert.Multiple(() =>
        {
            Assert.That(Rules(), Is.EqualTo("uninitialized race"));
            Assert.That(Rules("--only", "uninitialized"), Is.EqualTo("uninitialized"));
            Assert.That(Rules("--without", "uninitialized,masks"), Is.EqualTo("race"));
            Assert.That(Rules("--without", "shared-races, uninitialized"), Is.Empty);
            Assert.That(Kernels([.. Args(63), "--only", "races"]).Error, Does.Contain("--only: got 'races', expected some of uninitialized, shared-races, global-races, barriers, masks, with commas between."));
            Assert.That(Kernels([.. Args(63), "--only", "masks", "--without", "masks"]).Error, Does.Contain("--without: got --only too, expected one of them."));
        });

        var clean = Kernels(["check", .. Scale("f32[100]", "f32[100]")[1..]]);
        Assert.That((clean.Code, clean.Error), Is.EqualTo((0, "")));
        Assert.That(clean.Output, Does.EndWith("no findings\n"));
        Assert.That(Kernels("run", file, "--block", "63", "--arg", "u32[64]", "--arg", "u32[64]").Code, Is.Zero, "without checks it runs");
    }

    [Test]
    public void CountPrintsCountersAndRooflines()
    {
        // 4 warps of 17 instructions. Of 128 threads, 100 go on, so that 28 branch; the last 4 of them share one sector, the others 4 a warp.
        string[] args = ["count", .. Scale("f32[100]", "f32[100]", "--gpu", "t4")[1..]];
        var (code, output, error) = Kernels(args);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.StartWith("""
            scale: 2 x 1 x 1 blocks of 64 x 1 x 1 threads
              warp instructions                          68
                integer                                  20
                float                                     4
                move                                     12
                control                                   8
                global memory                             8
                parameters, constants                    16
              thread instructions                     1,824
              divergent branches                          1
              operations, f32                           100
              global bytes read                         400
              global bytes written                      400
              global requests                             8
              global sectors                             26
              different bytes read                      416
              different bytes written                   416
              lanes in use                           83.8 %
              sectors per request                      3.25
            T4: 0.12 operations a byte, bound by memory
            """.ReplaceLineEndings("\n")).And.Contain("an estimate"));
        Assert.That(Kernels(args[..^2]).Output.Split('\n').Count(l => l.Contains("an estimate", StringComparison.Ordinal)), Is.EqualTo(PtxGpu.All.Count));
        Assert.That(Kernels([.. args[..^1], "GeForce 256"]).Error, Does.Contain("expected T4, "));

        using JsonDocument json = JsonDocument.Parse(Kernels([.. args, "--json"]).Output);
        Assert.That(json.RootElement.GetProperty("counters").GetProperty("globalSectors").GetInt32(), Is.EqualTo(26));
        JsonElement roofline = json.RootElement.GetProperty("rooflines")[0];
        Assert.That((roofline.GetProperty("gpu").GetString(), roofline.GetProperty("isMemoryBound").GetBoolean()), Is.EqualTo(("T4", true)));
        Assert.That(roofline.GetProperty("least").GetDouble(), Is.EqualTo(832 / 320e9).Within(1e-15));
    }

    [Test]
    public void StepDoesWhatItIsTold()
    {
        using var folder = new TemporaryFolder();
        string x = Halves(folder);
        string[] args = ["step", .. Scale($"f32[100]@{x}", "f32[100]", "--at", "1", "--warp", "1", "--lane", "3", "--interactive")[1..]];
        var (code, output, error) = Told([.. args, "--from", "21"], """
            n
            p %d1
            p %f3
            b 27
            b 28
            c
            m %d4
            m argument 0 + 392 8
            m argument 1 + 399 2

            m argument 0
            b 27
            b x
            m nowhere
            c
            what
            c
            """);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Is.EqualTo($"""
               21  0000000f  ld.param.u64 %d1, [x];                        %d1 = argument 0 + 0
               22  0000000f  ld.param.u64 %d2, [y];                        %d2 = argument 1 + 0
            %d1 = argument 0 + 0
            %f3: nothing was written to it in this lane
            breakpoint at line 27
            breakpoint at line 28
               27  0000000f  ld.global.f32 %f2, [%d4];                     %f2 = 49.5
            m: got '%d4': 16 bytes there are nobody's; expected an address such as argument 0 + 4, shared + 16, or a register that holds one
            argument 0 + 392  00 00 44 42 00 00 46 42  49 49.5
            m: got 'argument 1 + 399 2': 2 bytes there are nobody's; expected an address such as argument 0 + 4, shared + 16, or a register that holds one
               28  0000000f  mul.rn.f32 %f3, %f2, %f1;                     %f3 = 123.75
            argument 0  00 00 00 00 00 00 00 3f 00 00 80 3f 00 00 c0 3f  0 0.5 1 1.5
            no breakpoint at line 27
            b: a line: got 'x', expected its number, such as b 20
            m: got 'nowhere': 16 bytes there are nobody's; expected an address such as argument 0 + 4, shared + 16, or a register that holds one
            the warp has ended

            """.ReplaceLineEndings("\n")));
        Assert.That(Told(args, "p\nq\n").Output, Does.Contain("\n%").And.Not.Contain("ended"));
        Assert.That(Told(args, "what\n").Output, Does.Contain("q            quit"));
        Assert.That(Told(args, "").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(1), "the end of the input quits");
        Assert.That(Told([.. args, "--from", "99"], "c\n").Code, Is.EqualTo(1));
    }

    [Test]
    public void StepShowsSharedMemory()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("shared.ptx");
        File.WriteAllText(path, """
            .version 7.0
            .target sm_70
            .address_size 64
            .visible .entry k()
            {
                .reg .b32 %r1;
                .shared .align 4 .b32 words[4];
                mov.u32 %r1, 0x3fc00000;
                st.shared.b32 [words+4], %r1;
                ret;
            }
            """);
        var (_, output, _) = Told(["step", path, "--interactive"], "n\nm shared + 4 8\nm shared + 12 8\nq\n");
        Assert.That(output, Does.Contain("shared + 4  00 00 c0 3f 00 00 00 00  1.5 0\nm: got 'shared + 12 8'"));
    }

    /// <summary>A run with a text as its standard input.</summary>
    static (int Code, string Output, string Error) Told(string[] args, string commands)
    {
        TextReader before = Console.In;
        try
        {
            Console.SetIn(new StringReader(commands));
            return Kernels(args);
        }
        finally
        {
            Console.SetIn(before);
        }
    }

    [Test]
    public void StepShowsLinesMasksAndResults()
    {
        using var folder = new TemporaryFolder();
        string x = Halves(folder);
        string[] args = ["step", .. Scale($"f32[100]@{x}", "f32[100]", "--at", "1", "--warp", "1")[1..]];
        var (code, output, error) = Kernels([.. args, "--lane", "3", "--from", "18"]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Is.EqualTo("""
               18  ffffffff  setp.ge.u32 %p, %r1, %r4;                     %p = false (lanes fffffff0)
               19  fffffff0  @%p bra DONE;
               21  0000000f  ld.param.u64 %d1, [x];                        %d1 = argument 0 + 0
               22  0000000f  ld.param.u64 %d2, [y];                        %d2 = argument 1 + 0
               23  0000000f  mul.wide.u32 %d3, %r1, 4;                     %d3 = 0x18c
               24  0000000f  add.u64 %d4, %d1, %d3;                        %d4 = argument 0 + 396
               25  0000000f  add.u64 %d5, %d2, %d3;                        %d5 = argument 1 + 396
               26  0000000f  ld.param.f32 %f1, [a];                        %f1 = 2.5
               27  0000000f  ld.global.f32 %f2, [%d4];                     %f2 = 49.5
               28  0000000f  mul.rn.f32 %f3, %f2, %f1;                     %f3 = 123.75
               29  0000000f  st.global.f32 [%d5], %f3;
               31  ffffffff  ret;

            """.ReplaceLineEndings("\n")));
        string[] first = Kernels([.. args, "--lane", "4", "--steps", "8"]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(first, Has.Length.EqualTo(8));
        Assert.That(first[3], Does.EndWith("%r1 = 100"));
        Assert.That(first[7], Does.Contain("21  0000000f  ld.param.u64 %d1, [x];").And.Not.Contain(" = "), "lane 4 has left");
    }
}
