using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>PTX as nvcc writes it, optimised and not, gives the expected results and no findings: shuffles, votes, barriers, recursion, atomics, matrices.</summary>
[Category("Golden")]
public sealed class NvccTests
{
    static readonly Lazy<JsonElement> index = new(() =>
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestData.FindGolden("ptx-nvcc")!, "tests.json")));
        return json.RootElement.Clone();
    });

    static IEnumerable<TestCaseData> Cases() =>
        from c in index.Value.EnumerateArray()
        from m in c.GetProperty("modules").EnumerateArray()
        select new TestCaseData(c, m.GetString()).SetArgDisplayNames(c.GetProperty("kernel").GetString()!, m.GetString()!);

    [TestCaseSource(nameof(Cases))]
    public void GivesTheExpectedResults(JsonElement c, string module)
    {
        PtxModule ptx = PtxModule.Load(Path.Combine(TestData.Golden("ptx-nvcc"), module)).Verify();
        foreach ((int threads, int seed, PtxChecks checks) in new[] { (1, 0, PtxChecks.None), (4, 7, PtxChecks.None), (4, 3, PtxChecks.All) })
        {
            List<PtxArgument> arguments = [];
            List<(byte[] Got, string Type, string File)> results = [];
            foreach (JsonElement a in c.GetProperty("args").EnumerateArray()) arguments.Add(Argument(a, results));
            PtxReport report = ptx.Launch(c.GetProperty("kernel").GetString()!, new(Size(c, "grid"), Size(c, "block")) { SharedBytes = c.GetProperty("shared").GetInt32(), Seed = seed, Threads = threads, StepLimit = 10_000_000, Checks = checks }, [.. arguments]);
            Assert.That(report.Findings, Is.Empty, string.Join('\n', report.Findings));
            foreach (var (got, type, file) in results) Compare(got, File.ReadAllBytes(InFolder(file)), type, c.GetProperty("compare").GetString()!);
        }
    }

    /// <summary>Each barrier, warp barrier and wait for copies of the recorded kernels, taken out: the checks see it.</summary>
    [TestCaseSource(nameof(Synchronisations)), CancelAfter(60_000)]
    public void AMissingSynchronisationIsFound(JsonElement c, string module, int index)
    {
        string text = File.ReadAllText(InFolder(module));
        (int start, int end) = Body(text, c.GetProperty("kernel").GetString()!);
        Match taken = synchronisation.Matches(text[start..end])[index];
        PtxModule ptx = PtxModule.Parse(text.Remove(start + taken.Index, taken.Length));
        List<PtxFinding> findings = [];
        for (int seed = 0; seed < 3 && findings.Count == 0; seed++)
            findings.AddRange(ptx.Launch(c.GetProperty("kernel").GetString()!, new(Size(c, "grid"), Size(c, "block")) { SharedBytes = c.GetProperty("shared").GetInt32(), Seed = seed, StepLimit = 10_000_000, Checks = PtxChecks.All }, [.. c.GetProperty("args").EnumerateArray().Select(a => Argument(a, []))]).Findings);
        Assert.That(findings, Is.Not.Empty, taken.Value);
        Assert.That(findings.Select(f => (f.Kernel, f.Rule)), Is.All.Matches<(string Kernel, string Rule)>(f => f.Kernel == c.GetProperty("kernel").GetString() && f.Rule is "race" or "uninitialized"));
    }

    static readonly Regex synchronisation = new(@"\b(bar\.sync|barrier\.sync|bar\.warp\.sync|cp\.async\.wait_\w+)[^;]*;");

    // Of async_copy, the last barrier orders nothing that comes behind it, and 512 elements leave no rest for the loop of the last four.
    static IEnumerable<TestCaseData> Synchronisations() =>
        from c in index.Value.EnumerateArray()
        from m in c.GetProperty("modules").EnumerateArray()
        where m.GetString() is "k.sm_80.O3.ptx" or "k.sm_75.O0.ptx"
        let kernel = c.GetProperty("kernel").GetString()!
        let text = File.ReadAllText(InFolder(m.GetString()!))
        let body = Body(text, kernel)
        from i in Enumerable.Range(0, synchronisation.Count(text.AsSpan(body.Start, body.End - body.Start)))
        where !(kernel == "async_copy" && i is 8 or >= 11)
        select new TestCaseData(c, m.GetString(), i).SetArgDisplayNames(kernel, m.GetString()!, $"{i}");

    /// <summary>Where the body of a kernel lies in the text.</summary>
    static (int Start, int End) Body(string text, string kernel)
    {
        int start = text.IndexOf($".entry {kernel}(", StringComparison.Ordinal);
        return (start, text.IndexOf("\n}", start, StringComparison.Ordinal));
    }

    static string InFolder(string file) => Path.Combine(TestData.Golden("ptx-nvcc"), file);

    static PtxArgument Argument(JsonElement a, List<(byte[], string, string)> results)
    {
        string kind = a.GetProperty("dir").GetString()!;
        if (kind == "bytes") return PtxArgument.Bytes(Convert.FromHexString(a.GetProperty("hex").GetString()!));
        string type = a.GetProperty("type").GetString()!;
        if (kind == "scalar") return type == "f32" ? PtxArgument.Value(a.GetProperty("value").GetSingle()) : PtxArgument.Value(a.GetProperty("value").GetInt32());
        byte[] data = a.TryGetProperty("in_file", out JsonElement input) ? File.ReadAllBytes(InFolder(input.GetString()!)) : new byte[a.GetProperty("count").GetInt32() * Bytes(type)];
        if (a.TryGetProperty("out_file", out JsonElement output)) results.Add((data, type, output.GetString()!));
        return PtxArgument.Buffer(data);
    }

    static (int, int, int) Size(JsonElement c, string name)
    {
        JsonElement e = c.GetProperty(name);
        return (e[0].GetInt32(), e[1].GetInt32(), e[2].GetInt32());
    }

    static int Bytes(string type) => type switch { "u8" => 1, "f16" or "bf16" => 2, "f64" => 8, _ => 4 };

    static double Value(byte[] data, string type, int i) => type switch
    {
        "f32" => BitConverter.ToSingle(data, i * 4),
        "f64" => BitConverter.ToDouble(data, i * 8),
        "f16" => (double)BitConverter.ToHalf(data, i * 2),
        "u32" => BitConverter.ToUInt32(data, i * 4),
        _ => BitConverter.ToInt32(data, i * 4),
    };

    static void Compare(byte[] got, byte[] want, string type, string how)
    {
        Assert.That(got, Has.Length.EqualTo(want.Length));
        string[] words = how.Split(' ');
        if (words[0] != "rel") { Assert.That(got, Is.EqualTo(want)); return; }
        double rel = double.Parse(words[1], CultureInfo.InvariantCulture), abs = double.Parse(words[3], CultureInfo.InvariantCulture);
        for (int i = 0; i < got.Length / Bytes(type); i++)
            Assert.That(Value(got, type, i), Is.EqualTo(Value(want, type, i)).Within(abs + (rel * Math.Abs(Value(want, type, i)))), $"element {i}");
    }
}
