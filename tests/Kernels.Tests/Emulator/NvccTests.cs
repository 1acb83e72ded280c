using System.Globalization;
using System.Text.Json;
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
