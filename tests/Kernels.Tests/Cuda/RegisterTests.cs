using System.Globalization;
using System.Text.RegularExpressions;
using Tessera.Cuda;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The registers that each kernel's comment states: stated for every entry, and on a GPU not exceeded, with nothing spilled to memory.</summary>
public sealed partial class RegisterTests
{
    /// <summary>Bytes of local memory that a kernel may have, and why.</summary>
    static readonly Dictionary<string, (int Bytes, string Why)> spills = new(StringComparer.Ordinal)
    {
        ["gemm_async"] = (16, "128 registers, so that two blocks share a multiprocessor, are a few too little for tiles three ahead"),
    };

    /// <summary>Entries, each with what the comments above it and at the head of its file state; null where they state nothing.</summary>
    static (string File, string Entry, int? Registers)[] Entries =>
    [
        .. from file in PtxLibrary.Files
           let text = PtxLibrary.Text(file)
           let head = Comment(text[..text.IndexOf(".version", StringComparison.Ordinal)])
           from Match m in Entry().Matches(text)
           let above = Comment(m.Groups["above"].Value)
           let name = m.Groups["name"].Value
           select (file, name, Stated(above, name) ?? Stated(head, name)),
    ];

    [Test]
    public void EveryKernelStatesItsRegisters()
    {
        Assert.That(Entries, Has.Length.GreaterThan(100));
        Assert.That(Entries.Where(e => e.Registers is not (> 7 and < 256)).Select(e => $"{e.File}: {e.Entry}: {e.Registers}"), Is.Empty);
        Assert.That(spills.Keys.Except(Entries.Select(e => e.Entry)), Is.Empty);
    }

    [Test]
    public void TheNumberIsRead()
    {
        Assert.That(Stated("Registers for sm_90, as NVIDIA's assembler counts them: a 39, ab 30.", "ab"), Is.EqualTo(30));
        Assert.That(Stated("Registers for sm_90, as NVIDIA's assembler counts them: ab 39.", "a"), Is.Null);
        Assert.That(Stated("Elements in 8 registers. At most 64 registers, four blocks.", "a"), Is.EqualTo(64));
        Assert.That(Stated("Elements in 8 registers.", "a"), Is.Null);
    }

    static IEnumerable<TestCaseData> Gpu => TestDevices.With([0]).Where(c => c.Arguments[1] is not Device device || device.ToString().StartsWith("cuda", StringComparison.Ordinal));

    /// <summary>A GPU hands out registers by eights.</summary>
    [TestCaseSource(nameof(Gpu))]
    public void NothingIsSpilledAndNoMoreAreUsed(int _, Device device)
    {
        var gpu = (CudaBackend)device.Backend;
        List<string> wrong = [];
        foreach (var (file, entry, stated) in Entries.Where(e => gpu.Driver.Architecture >= 80 || !e.File.EndsWith(".sm80.ptx", StringComparison.Ordinal)))
        {
            var kernel = gpu.Kernels.Get(file, entry);
            gpu.Check(gpu.Driver.FuncGetAttribute(kernel.Function, CudaFunctionAttribute.LocalSizeBytes, out int local), "cuFuncGetAttribute");
            gpu.Check(gpu.Driver.FuncGetAttribute(kernel.Function, CudaFunctionAttribute.NumRegs, out int registers), "cuFuncGetAttribute");
            if (local > spills.GetValueOrDefault(entry).Bytes) wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{entry}: {local} bytes of local memory"));
            if (registers > (stated + 7) / 8 * 8) wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{entry}: {registers} registers, {stated} stated"));
        }
        Assert.That(wrong, Is.Empty);
    }

    static int? Stated(string comment, string entry)
    {
        if (Regex.Match(comment, $@"Registers for sm_90[^:]*:[^.]*\b{entry} (\d+)", RegexOptions.None, TimeSpan.FromSeconds(1)) is { Success: true } list) return Number(list);
        return Budget().Matches(comment) is [.., var last] ? Number(last) : null;
    }

    static int Number(Match m) => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture);

    static string Comment(string text) => string.Join(' ', text.Split('\n').Where(l => l.StartsWith("//", StringComparison.Ordinal)).Select(l => l[2..].Trim()));

    /// <summary>An entry with what stands between it and what ends before it.</summary>
    [GeneratedRegex(@"(?<=^\}\n|^\.address_size 64\n)(?<above>(?:(?![}]|\.visible).*\n)*)\.visible \.entry (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Entry();

    [GeneratedRegex(@"(?:[Aa]bout|[Aa]t most) (\d+) registers")]
    private static partial Regex Budget();
}
