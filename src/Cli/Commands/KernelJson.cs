using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tessera.Cli;

/// <summary>Launches and verdicts as one JSON object on one line.</summary>
static class KernelJson
{
    static readonly KernelJsonContext json = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, PropertyNamingPolicy = JsonNamingPolicy.CamelCase });

    public static readonly Option<bool> Option = new("--json") { Description = "One JSON object, with counters, instead of lines." };

    /// <param name="kernel">The launch.</param>
    /// <param name="outputs">The files that were written.</param>
    /// <param name="report">What the emulator says; null for a GPU.</param>
    /// <param name="rooflines">Estimates; null where nobody asked.</param>
    public static string Of(KernelLaunch kernel, KernelOutput[] outputs, PtxReport? report, IEnumerable<PtxRoofline>? rooflines = null)
    {
        var launch = kernel.Launch;
        return JsonSerializer.Serialize(new LaunchJson(kernel.Entry, Triple(launch.Grid), Triple(launch.Block), launch.SharedBytes,
            [.. outputs.Select(o => new OutputJson(o.Argument, o.File, o.Data.Length))], report?.Failure == null,
            report?.Findings.Select(Of).ToArray(), report?.Counters, rooflines?.Select(Of).ToArray()), json.LaunchJson);
    }

    /// <param name="file">The file.</param>
    /// <param name="rejected">Why it was rejected; null where it was accepted.</param>
    public static string Of(string file, PtxException? rejected) => JsonSerializer.Serialize(
        rejected is { } e ? new VerdictJson("reject", file, e.Line, e.Column, e.Rule, e.Detail) : new VerdictJson("accept", file), json.VerdictJson);

    static FindingJson Of(PtxFinding f) => new(f.Rule, f.Line, f.Column, f.OtherLine, Triple(f.Block), Triple(f.Thread), f.Place, f.Message, f.Count);

    static RooflineJson Of(PtxRoofline r) => new(r.Gpu.Name, double.IsFinite(r.Intensity) ? r.Intensity : null, r.Memory, r.Compute, r.Least, r.IsMemoryBound);

    static int[] Triple((int X, int Y, int Z) size) => [size.X, size.Y, size.Z];
}

sealed record LaunchJson(string Kernel, int[] Grid, int[] Block, int Shared, OutputJson[] Out, bool Completed, FindingJson[]? Findings, PtxCounters? Counters, RooflineJson[]? Rooflines);

sealed record OutputJson(string Argument, string File, int Bytes);

sealed record FindingJson(string Rule, int Line, int Column, int OtherLine, int[] Block, int[] Thread, string Place, string Message, long Count);

/// <summary>Times in seconds; no intensity where no byte is moved.</summary>
sealed record RooflineJson(string Gpu, double? Intensity, double Memory, double Compute, double Least, bool IsMemoryBound);

/// <summary>What follows the file is left out where it was accepted.</summary>
sealed record VerdictJson(
    string Verdict, string File,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Line = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Column = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Rule = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Message = null);

/// <summary>Written by the compiler, not found by reflection: the native tool has none.</summary>
[JsonSerializable(typeof(LaunchJson))]
[JsonSerializable(typeof(VerdictJson))]
sealed partial class KernelJsonContext : JsonSerializerContext;
