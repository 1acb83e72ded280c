using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Tessera.Cli;

/// <summary>A launch as one JSON object on one line.</summary>
static class KernelJson
{
    static readonly JsonSerializerOptions plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public static readonly Option<bool> Option = new("--json") { Description = "One JSON object, with counters, instead of lines." };

    /// <param name="kernel">The launch.</param>
    /// <param name="outputs">The files that were written.</param>
    /// <param name="report">What the emulator says; null for a GPU.</param>
    /// <param name="rooflines">Estimates; null where nobody asked.</param>
    public static string Of(KernelLaunch kernel, KernelOutput[] outputs, PtxReport? report, IEnumerable<PtxRoofline>? rooflines = null)
    {
        var (grid, block) = (kernel.Launch.Grid, kernel.Launch.Block);
        return JsonSerializer.Serialize(new
        {
            kernel = kernel.Entry,
            grid = Triple(grid),
            block = Triple(block),
            shared = kernel.Launch.SharedBytes,
            @out = outputs.Select(o => new { o.Argument, o.File, bytes = o.Data.Length }),
            completed = report?.Failure == null,
            findings = report?.Findings.Select(Of),
            counters = report?.Counters,
            rooflines = rooflines?.Select(Of),
        }, plain);
    }

    static object Of(PtxFinding f) => new { f.Rule, f.Line, f.Column, f.OtherLine, block = Triple(f.Block), thread = Triple(f.Thread), f.Place, f.Message, f.Count };

    /// <summary>Times in seconds; no intensity where no byte is moved.</summary>
    static object Of(PtxRoofline r) => new { gpu = r.Gpu.Name, intensity = double.IsFinite(r.Intensity) ? r.Intensity : (double?)null, r.Memory, r.Compute, r.Least, r.IsMemoryBound };

    static int[] Triple((int X, int Y, int Z) size) => [size.X, size.Y, size.Z];
}
