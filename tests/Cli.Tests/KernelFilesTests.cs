using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

/// <summary>Which files <c>tessera kernels</c> takes, and which it writes.</summary>
public sealed class KernelFilesTests
{
    const string good = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 a, .param .u64 b)\n{\nret;\n}\n";

    static string Kernel(TemporaryFolder folder, string name = "k.ptx")
    {
        string file = folder.File(name);
        File.WriteAllText(file, good);
        return file;
    }

    [Test]
    public void AByteOrderMarkIsNoPtx()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("k.ptx");
        File.WriteAllBytes(file, [0xEF, 0xBB, 0xBF, .. System.Text.Encoding.ASCII.GetBytes(good)]);
        var (code, output, _) = Kernels("verify", file);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(output, Does.StartWith($"reject {file}:1:1 "));
    }

    [Test]
    public void VerifyForAGpu()
    {
        using var folder = new TemporaryFolder();
        string file = Kernel(folder);
        Assert.That(Kernels("verify", file, "--arch", "sm_90"), Is.EqualTo((0, $"accept {file}\n", "")));
        var (code, output, _) = Kernels("verify", file, "--arch", "sm_75");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(output, Does.StartWith($"reject {file}:2:").And.Contain("target: "));
        Assert.That(Kernels("verify", file, "--arch", "sm_1").Output, Does.Contain("there is no architecture sm_1\n"));
    }

    [Test]
    public void AMissingFileDoesNotHideTheOthers()
    {
        using var folder = new TemporaryFolder();
        string a = Kernel(folder, "a.ptx"), b = Kernel(folder, "b.ptx"), none = folder.File("none.ptx");
        Assert.That(Kernels("verify", a, none, b), Is.EqualTo((2, $"accept {a}\naccept {b}\n", $"error: {none}: no such file or folder.\n")));
    }

    [Test]
    public void OutputsOverwriteNothingThatIsNeeded()
    {
        using var folder = new TemporaryFolder();
        string kernel = Kernel(folder), x = FileOf(folder, "x.bin", 1f, 2, 3, 4), y = folder.File("y.bin");
        string[] run = ["run", kernel, "--arg", $"f32[4]@{x}", "--arg", "f32[4]"];
        void Refused(string message, params string[] outputs)
        {
            var (code, output, error) = Kernels([.. run, .. outputs.SelectMany(o => new[] { "--out", o })]);
            Assert.That((code, output), Is.EqualTo((1, "")));
            Assert.That(error, Does.StartWith($"error: --out {outputs[^1]}: {message}").And.Contain("\nhint: "));
        }
        Refused($"there is no folder {folder.File("deep")}.", $"1={folder.File("deep")}{Path.DirectorySeparatorChar}y.bin");
        Refused($"{folder.Path} is a folder.", $"1={folder.Path}");
        Refused($"{y} is already the file of argument 1.", $"1={y}", $"0={y}");
        Refused($"{x} is already the file of the content of argument 0.", $"0={x}");
        Refused($"{kernel} is already the file of the kernel.", $"1={kernel}");
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(2));
        Assert.That(Kernels([.. run, "--out", $"1={y}", "--out", $"0={folder.File("z.bin")}"]).Code, Is.Zero);
        Assert.That(File.ReadAllBytes(folder.File("z.bin")), Is.EqualTo(File.ReadAllBytes(x)));
    }

    [TestCase("f32:1e400"), TestCase("f64:-1e400"), TestCase("f16:65520"), TestCase("bf16:3.4e38"), TestCase("bf16:1e400")]
    public void NumbersBeyondTheirTypeAreRefused(string argument) =>
        Assert.That(Kernels("run", "no.ptx", "--arg", argument).Error, Does.StartWith($"error: --arg {argument}: got '{argument.Split(':')[1]}', expected a number of type {argument.Split(':')[0]}."));

    [TestCase("bf16:3.38e38", "7E7F"), TestCase("bf16:inf", "807F"), TestCase("bf16:1.00390625000001", "813F"), TestCase("bf16:1.00390624999999", "803F"), TestCase("f64:Infinity", "000000000000F07F")]
    public void NumbersAreRoundedOnce(string argument, string hex)
    {
        using var folder = new TemporaryFolder();
        string kernel = folder.File("k.ptx"), y = folder.File("y.bin");
        File.WriteAllText(kernel, ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .align 8 .b8 s[16])\n{\n.reg .b64 %d<3>;\nld.param.b64 %d1, [s]; ld.param.b64 %d2, [s+8]; st.global.b64 [%d2], %d1; ret;\n}\n");
        Assert.That(Kernels("run", kernel, "--arg", $"{{{argument}, u64[1]}}", "--out", $"0={y}").Error, Is.Empty);
        Assert.That(Convert.ToHexString(File.ReadAllBytes(y)).TrimEnd('0'), Is.EqualTo(hex.TrimEnd('0')));
    }

    [Test]
    public void ABreakpointIsALineOfTheFile()
    {
        using var folder = new TemporaryFolder();
        string kernel = Kernel(folder);
        TextReader before = Console.In;
        try
        {
            Console.SetIn(new StringReader("b 9999\nb 6\nq\n"));
            Assert.That(Kernels("step", kernel, "--arg", "u64:0", "--arg", "u64:0", "--interactive").Output, Does.Contain("b: the file has 7 lines: got 9999\nbreakpoint at line 6\n"));
        }
        finally
        {
            Console.SetIn(before);
        }
    }
}
