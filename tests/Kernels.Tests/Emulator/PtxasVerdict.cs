using System.Text.Json;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>One PTX text with the recorded verdict of NVIDIA's assembler.</summary>
sealed record PtxasVerdict(JsonElement Json)
{
    static readonly Lazy<PtxasVerdict[]> all = new(Read);

    public static PtxasVerdict[] All => all.Value;

    static readonly Lazy<ILookup<string, PtxasVerdict>> groups = new(() => All.ToLookup(v => v["group"], StringComparer.Ordinal));

    /// <summary>The cases by opcode or construct.</summary>
    public static ILookup<string, PtxasVerdict> Groups => groups.Value;

    public string this[string key] => Json.TryGetProperty(key, out JsonElement value) ? value.GetString()! : "";

    public bool Accepted => this["verdict"] == "accept";

    public bool IsInstruction => Json.TryGetProperty("body", out _);

    /// <summary>The text; an instruction is put into the wrapper the recording used.</summary>
    public string Text(string version, string target) => !IsInstruction
        ? this["ptx"]
        : $".version {version}\n.target {target}\n.address_size 64\n{this["mod"]}.visible .entry k({this["params"]})\n{{\n{this["pre"]}{this["body"]}\nret;\n}}\n";

    public string Text() => Text(this["version"], this["target"]);

    /// <summary>Why our verifier rejects a text; null where it accepts it.</summary>
    public static string? Reject(string text, string? arch)
    {
        try
        {
            PtxModule.Parse(text).Verify(arch);
            return null;
        }
        catch (PtxException e)
        {
            return e.Message;
        }
    }

    static PtxasVerdict[] Read()
    {
        // The recorded archive holds the lines compressed in a way .NET cannot read: the committed copy is the same.
        string path = TestData.FindIn(Path.Combine(TestData.RepositoryRoot, "tests", "golden"), "ptxas/verdicts.jsonl")!;
        return [.. File.ReadLines(path).Select(line => { using JsonDocument d = JsonDocument.Parse(line); return new PtxasVerdict(d.RootElement.Clone()); })];
    }
}
