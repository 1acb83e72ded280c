using System.Text.Json;
using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

public sealed class KernelsTests
{
    const string good = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k()\n{\nret;\n}\n";
    const string bad = ".version 7.0\n.target sm_70\n.address_size 64\n.visible .entry k()\n{\n.reg .f32 %f<4>;\n    add.f32 %f1, %f2, 1;\nret;\n}\n";

    static (int Code, string[] Lines, string Error) Verify(params string[] args)
    {
        var (code, output, error) = Kernels(["verify", .. args]);
        return (code, output.Split('\n', StringSplitOptions.RemoveEmptyEntries), error);
    }

    [Test]
    public void VerifyPrintsOneLineAFileInOrder()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("deep"));
        string a = folder.File("a.ptx"), b = folder.File("b.ptx"), c = folder.File("deep/c.ptx");
        File.WriteAllText(a, good);
        File.WriteAllText(b, bad);
        File.WriteAllText(c, good);
        File.WriteAllText(folder.File("notes.txt"), "not PTX");

        var (code, output, error) = Verify(folder.Path);
        Assert.That((code, error), Is.EqualTo((1, "")));
        Assert.That(output, Has.Length.EqualTo(3));
        Assert.That(output[0], Is.EqualTo($"accept {a}"));
        Assert.That(output[1], Does.StartWith($"reject {b}:7:23 operand: "));
        Assert.That(output[2], Is.EqualTo($"accept {c}"));
        Assert.That(Verify(a, c).Code, Is.Zero);
    }

    [Test]
    public void AFileMayIncludeOneOfItsFolder()
    {
        using var folder = new TemporaryFolder();
        string a = folder.File("a.ptx");
        File.WriteAllText(a, good.Replace("ret;", "#include \"end.inc\"\n", StringComparison.Ordinal));
        Assert.That(Verify(a).Lines.Single(), Does.StartWith($"reject {a}:6:1 "), "there is no such file yet");
        File.WriteAllText(folder.File("end.inc"), "ret;\n");
        Assert.That(Verify(a).Lines, Is.EqualTo((string[])[$"accept {a}"]));
        Assert.That(Kernels("run", a, "--entry", "k", "--grid", "1", "--block", "1").Code, Is.Zero);
    }

    [Test]
    public void VerifyPrintsJson()
    {
        using var folder = new TemporaryFolder();
        string a = folder.File("a.ptx"), b = folder.File("b.ptx");
        File.WriteAllText(a, good);
        File.WriteAllText(b, bad);
        var (code, output, _) = Verify(a, b, "--json");
        Assert.That(code, Is.EqualTo(1));
        using JsonDocument first = JsonDocument.Parse(output[0]), second = JsonDocument.Parse(output[1]);
        Assert.That(first.RootElement.GetProperty("verdict").GetString(), Is.EqualTo("accept"));
        Assert.That(second.RootElement.GetProperty("rule").GetString(), Is.EqualTo("operand"));
        Assert.That(second.RootElement.GetProperty("line").GetInt32(), Is.EqualTo(7));
        Assert.That(second.RootElement.GetProperty("file").GetString(), Is.EqualTo(b));
    }

    [Test]
    public void WhatCannotBeVerifiedIsAMistakeOfUsage()
    {
        using var folder = new TemporaryFolder();
        Assert.That(Verify(folder.Path), Is.EqualTo((2, Array.Empty<string>(), $"error: {folder.Path}: no .ptx files in this folder.\n")));
        Assert.That(Verify("no.ptx").Error, Does.StartWith("error: no.ptx: no such file"));
        Assert.That(Verify().Code, Is.EqualTo(2));
        Assert.That(Verify().Error, Does.Contain("tessera kernels verify --help"));
        Assert.That(Verify("--fast", "x.ptx").Code, Is.EqualTo(2));
    }

    [Test]
    public void AFileThatCannotBeReadIsALineAndTheOthersGoOn()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("links need a privilege there");
        using var folder = new TemporaryFolder();
        string a = folder.File("a.ptx"), b = folder.File("b.ptx"), c = folder.File("c.ptx");
        File.WriteAllText(a, good);
        File.CreateSymbolicLink(b, folder.File("gone.ptx"));
        File.WriteAllText(c, good);
        Directory.CreateSymbolicLink(folder.File("again"), folder.Path);
        Directory.CreateDirectory(folder.File("d.ptx"));
        var (code, output, error) = Verify(folder.Path);
        Assert.That((code, error), Is.EqualTo((1, "")));
        Assert.That(output, Has.Length.EqualTo(3));
        Assert.That((output[0], output[2]), Is.EqualTo(($"accept {a}", $"accept {c}")));
        Assert.That(output[1], Does.StartWith($"reject {b}:1:1 file: it cannot be read: "));
    }

    [Test]
    public void ALoopWithoutEndComesToItsLimit()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a.ptx");
        File.WriteAllText(path, good.Replace("ret;", "L: bra L;", StringComparison.Ordinal));
        foreach (string command in (string[])["run", "count", "check"])
        {
            var (code, _, error) = Kernels(command, path, "--limit", "1000");
            Assert.That(code, Is.EqualTo(1));
            Assert.That(error, Does.Contain($"{path}:6:4: steps: the launch took more than 1000 warp instructions, its limit"));
        }
        Assert.That(Kernels("run", path, "--limit", "0").Error, Does.StartWith("error: --limit: got 0, expected at least 1."));
    }

    [Test]
    public void WhatThreadsPrintIsTheOutput()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a.ptx");
        File.WriteAllText(path, ".version 7.0\n.target sm_70\n.address_size 64\n.extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 v);\n.global .align 1 .b8 f[] = {104, 105, 10, 0};\n"
            + ".visible .entry k() { .reg .b64 %d; mov.u64 %d, f; cvta.global.u64 %d, %d; { .param .b64 a; .param .b64 b; .param .b32 r; st.param.b64 [a], %d; st.param.b64 [b], 0; call (r), vprintf, (a, b); } ret; }\n");
        Assert.That(Kernels("run", path, "--block", "2"), Is.EqualTo((0, "hi\nhi\nk: 1 x 1 x 1 blocks of 2 x 1 x 1 threads\n", "")));
        var (code, output, error) = Kernels("check", path, "--json");
        Assert.That((code, error), Is.EqualTo((0, "hi\n")));
        Assert.That(output, Does.StartWith("{\"kernel\":\"k\""));
    }
}
