using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>What a user sees of a PTX text: its kernels, and mistakes with their exact place.</summary>
public sealed class PtxModuleTests
{
    const string header = ".version 7.0\n.target sm_70\n.address_size 64\n";

    static string Kernel(string body) => $"{header}.visible .entry k(.param .u64 p)\n{{\n.reg .b32 %r<8>;\n.reg .f32 %f<8>;\n.reg .b64 %d<8>;\n.reg .pred %p<4>;\n{body}\nret;\n}}\n";

    static IEnumerable<TestCaseData> Mistakes()
    {
        // The body of Kernel starts in line 10.
        yield return new TestCaseData("add.f32 %f1, %f2 %f3;", 10, 18, "syntax", "got '%f3', expected ';'");
        yield return new TestCaseData("  addf.f32 %f1, %f2, %f3;", 10, 3, "instruction", "no instruction 'addf'");
        yield return new TestCaseData("add.b32 %r1, %r2, %r3;", 10, 1, "type", "'add' does not take .b32");
        yield return new TestCaseData("fma.f32 %f1, %f2, %f3, %f4;", 10, 1, "modifier", "needs .rn or .rz or .rm or .rp");
        yield return new TestCaseData("mul.rn.f32 %f1, %f2, %r3;\n", 10, 1, "", "");
        yield return new TestCaseData("\n\tadd.s32 %r1, %r2, %f3;", 11, 20, "operand", "expected a register or constant of type .s32");
        yield return new TestCaseData("fma.rn.f32 %f1, %f2, 0, %f3;", 10, 22, "operand", "of type .f32");
        yield return new TestCaseData("cp.async.wait_all;", 10, 1, "target", "needs .target sm_80 or newer");
        yield return new TestCaseData("createpolicy.cvt.L2.b64 %d1, %d2;", 10, 1, "target", "needs .version 7.4 or newer");
        yield return new TestCaseData("ld.shared.f32 %f1, [p];", 10, 20, "space", "'p' is in .param");
        yield return new TestCaseData("ld.global.f32 %f1, [nothing];", 10, 20, "symbol", "'nothing' is no register and no variable");
        yield return new TestCaseData("@%r1 exit;", 10, 2, "operand", "'%r1' is no predicate");
        yield return new TestCaseData("bra L;", 10, 5, "operand", "a label that is in reach");
        yield return new TestCaseData(".reg .pred wide; wide:", 10, 1, "declaration", "'wide' is declared twice: a label of the block has the name too"); // as the driver of an H100 said
        yield return new TestCaseData("L: L:", 10, 4, "declaration", "the label 'L' is declared twice");
        yield return new TestCaseData(".reg .f32 %f3;", 10, 1, "declaration", "'%f3' is declared twice");
        yield return new TestCaseData("/* no end", 10, 1, "syntax", "this comment has no end");
        yield return new TestCaseData("add.f32 %f1, %f2, \u00e9;", 10, 19, "syntax", "U+00E9");
    }

    [TestCaseSource(nameof(Mistakes))]
    public void MistakesHaveTheirPlace(string body, int line, int column, string rule, string message)
    {
        string text = Kernel(body);
        if (rule.Length == 0)
        {
            Assert.That(() => PtxModule.Parse(text).Verify(), Throws.Nothing, "a register of .b32 bridges types");
            return;
        }
        PtxException e = Assert.Throws<PtxException>(() => PtxModule.Parse(text, "k.ptx").Verify())!;
        Assert.That((e.File, e.Line, e.Column, e.Rule), Is.EqualTo(("k.ptx", line, column, rule)), e.Message);
        Assert.That(e.Detail, Does.Contain(message));
        Assert.That(e.Message, Is.EqualTo($"k.ptx:{line}:{column}: {rule}: {e.Detail}"));
    }

    [Test]
    public void AModuleNamesItsKernels()
    {
        PtxModule module = PtxModule.Parse(Kernel("") + ".entry second()\n{\n}\n.func f()\n{\nret;\n}\n.extern .entry third();\n").Verify();
        Assert.That(module.Entries, Is.EqualTo(new[] { "k", "second" }));
        Assert.That((module.Target, module.Version), Is.EqualTo(("sm_70", new Version(7, 0))));
    }

    [Test]
    public void DeepNestingIsRefusedNotFollowed()
    {
        foreach (string body in new[] { "mov.u32 %r1, " + new string('(', 100_000), "mov.u32 %r1, " + new string('-', 100_000) + "1;", ".global .u32 x[1] = " + new string('{', 100_000) })
            Assert.That(() => PtxModule.Parse(Kernel(body)), Throws.TypeOf<PtxException>());
        Assert.That(() => PtxModule.Parse(Kernel(new string('{', 100_000) + new string('}', 100_000))).Verify(), Throws.Nothing);
    }

    [Test, CancelAfter(20_000)]
    public void LongTextsTakeLinearTime()
    {
        string text = Kernel(string.Concat(Enumerable.Range(0, 100_000).Select(i => $"L{i}: add.rn.f32 %f1, %f2, %f3;\n.reg .b32 %a{i}_<2>;\n")));
        Assert.That(() => PtxModule.Parse(text).Verify(), Throws.Nothing);
    }

    static IEnumerable<string> Compiled => Directory.GetFiles(TestData.FindGolden("ptx-nvcc")!, "*.ptx").Select(Path.GetFileName)!;

    [TestCaseSource(nameof(Compiled)), Category("Golden")]
    public void WhatNvccWritesIsAccepted(string file)
    {
        PtxModule module = PtxModule.Load(Path.Combine(TestData.Golden("ptx-nvcc"), file)).Verify();
        Assert.That(module.Entries, Has.Count.AtLeast(16).And.Contain("gemm_tiled"));
    }
}
