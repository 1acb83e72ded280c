using System.Text.RegularExpressions;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>What the assembler takes and the emulator does not run is known, refused before anything runs, and told in the documentation.</summary>
[Category("Golden")]
public sealed class UnsupportedTests
{
    static readonly string[] known = ["alloca", "clusterlaunchcontrol", "cp", "cvt", "fma", "mma", "multimem", "stackrestore", "stacksave", "tcgen05", "wgmma"];

    static string? WhyNot(PtxasVerdict v)
    {
        PtxModule module = PtxModule.Parse(v.Text(), "k.ptx");
        PtxArgument[] arguments = [.. module.Syntax.Functions.Single(f => f.IsEntry).Parameters.Select(p => PtxArgument.Bytes(new byte[p.Bytes]))];
        try
        {
            module.Launch("k", new((1, 1, 1), (1, 1, 1)) { StepLimit = 100, Threads = 1 }, arguments);
        }
        catch (PtxException e)
        {
            return e.Rule == "unsupported" ? e.Message : null;
        }
        return null;
    }

    [Test]
    public void OnlyWhatTheDocumentationNames()
    {
        var declined = PtxasVerdict.All.Where(v => v.Accepted && v.IsInstruction).Select(v => (Verdict: v, Why: WhyNot(v))).Where(x => x.Why != null).ToArray();
        Assert.That(declined.Select(x => x.Why), Has.All.Match(@"^k\.ptx:\d+:\d+: unsupported: the emulator does not run .+ yet$"));
        string[] opcodes = [.. declined.Select(x => Opcode(x.Verdict["body"], x.Why!)).Distinct().Order(StringComparer.Ordinal)];
        Assert.That(opcodes, Is.EqualTo(known));
        string page = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", "ptx.md"));
        foreach (string opcode in known) Assert.That(Regex.IsMatch(page, $"`{opcode}[`.]"), opcode);
    }

    /// <summary>The first opcode of a body that is known not to run, or that the message names.</summary>
    static string Opcode(string body, string why)
    {
        string[] words = body.Split([' ', '\n', ';', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return words.Select(w => w.Split('.')[0]).First(w => known.Contains(w, StringComparer.Ordinal) || why.Contains($"'{w}'", StringComparison.Ordinal));
    }
}
