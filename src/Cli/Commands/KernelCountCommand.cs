using System.CommandLine;
using System.Globalization;

namespace Tessera.Cli;

/// <summary><c>tessera kernels count</c>: what a launch does, and the least time that data sheets allow for it.</summary>
static class KernelCountCommand
{
    static readonly Option<string?> gpu = new("--gpu") { Description = $"Estimate for this GPU only: {string.Join(", ", PtxGpu.All.Select(g => g.Name))}." };

    public static Command Create(TextWriter writer)
    {
        Command command = KernelLaunch.Command("count", "Run a kernel on the emulator and count instructions, operations and traffic; estimate the least time on a GPU.", $"""
            Instructions are those of the PTX text, by warp. The estimate moves every sector of 32 bytes once between memory and chip and lets
            nothing wait: a lower bound, not a measurement.

            {KernelLaunch.ArgumentForms}

            Example:
              tessera kernels count scale.ptx --grid 4 --block 256 --arg f32[1024] --arg f32[1024] --arg f32:2 --gpu H100
            """, gpu, KernelJson.Option);
        command.SetAction(parsed => Run(parsed, writer));
        return command;
    }

    static int Run(ParseResult parsed, TextWriter writer)
    {
        PtxGpu[] gpus = parsed.GetValue(gpu) is string name ? [PtxGpu.Find(name)] : [.. PtxGpu.All];
        KernelLaunch kernel = KernelLaunch.Read(parsed);
        PtxReport report = kernel.Module.Launch(kernel.Entry, kernel.Launch with { Count = true }, kernel.Values);
        var rooflines = gpus.Select(g => report.Counters!.Roofline(g.Name));
        if (parsed.GetValue(KernelJson.Option)) writer.WriteLine(KernelJson.Of(kernel, [], report, rooflines));
        else
        {
            writer.WriteLine(kernel.Geometry);
            foreach (var (what, value) in Lines(report.Counters!)) writer.WriteLine($"  {what,-26} {value,18}");
            foreach (PtxRoofline roofline in rooflines) writer.WriteLine(roofline);
        }
        return Tool.Success;
    }

    /// <summary>What is not zero, in the order a reader asks: how much, of which kind, and how well the memory is used.</summary>
    static IEnumerable<(string What, string Value)> Lines(PtxCounters c)
    {
        (string What, long Value)[] numbers =
        [
            ("warp instructions", c.WarpInstructions),
            ("  integer", c.IntegerInstructions),
            ("  float", c.FloatInstructions),
            ("  matrix", c.MatrixInstructions),
            ("  conversion", c.ConversionInstructions),
            ("  move", c.MoveInstructions),
            ("  control", c.ControlInstructions),
            ("  synchronization", c.SynchronizationInstructions),
            ("  global memory", c.GlobalInstructions),
            ("  shared memory", c.SharedInstructions),
            ("  local memory", c.LocalInstructions),
            ("  parameters, constants", c.ParameterInstructions),
            ("thread instructions", c.ThreadInstructions),
            ("divergent branches", c.DivergentBranches),
            ("operations, f32", c.SingleFlops),
            ("operations, f64", c.DoubleFlops),
            ("operations, f16 and bf16", c.HalfFlops),
            ("operations, matrix", c.MatrixFlops),
            ("operations, tf32 matrix", c.Tf32MatrixFlops),
            ("operations, integer matrix", c.IntegerMatrixOps),
            ("global bytes read", c.GlobalBytesRead),
            ("global bytes written", c.GlobalBytesWritten),
            ("global requests", c.GlobalRequests),
            ("global sectors", c.GlobalSectors),
            ("different bytes read", c.FootprintRead),
            ("different bytes written", c.FootprintWritten),
            ("shared bytes read", c.SharedBytesRead),
            ("shared bytes written", c.SharedBytesWritten),
            ("shared requests", c.SharedRequests),
            ("bank conflicts", c.BankConflicts),
            ("local bytes read", c.LocalBytesRead),
            ("local bytes written", c.LocalBytesWritten),
        ];
        foreach (var (what, value) in numbers) if (value != 0) yield return (what, value.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("lanes in use", c.LaneUse.ToString("P1", CultureInfo.InvariantCulture));
        if (c.GlobalRequests != 0) yield return ("sectors per request", c.SectorsPerRequest.ToString("0.00", CultureInfo.InvariantCulture));
    }
}
