using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Tessera.Cli;

/// <summary><c>tessera kernels run</c>: launches one kernel and shows or keeps what it wrote.</summary>
static class KernelRunCommand
{
    const int shown = 8;

    static readonly JsonSerializerOptions plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    static readonly Option<string[]> outputs = new("--out") { Description = "Write the buffer of argument I to a file after the launch; 0.1 is the second field of a structure that is the first argument.", HelpName = "I=file" };
    static readonly Option<bool> json = new("--json") { Description = "One JSON object instead of lines." };
    static readonly Option<string> device = new("--device") { Description = "emulator or cuda:0.", DefaultValueFactory = _ => "emulator" };

    public static Command Create(TextWriter writer)
    {
        Command command = KernelLaunch.Command("run", "Launch a kernel of a PTX file, on the emulator or on a GPU.", $"""
            {KernelLaunch.ArgumentForms}

            Example: y = 2 x for 1024 numbers
              tessera kernels run scale.ptx --entry scale --grid 4 --block 256 --arg f32[1024]@x.bin --arg f32[1024] --arg f32:2 --out 1=y.bin
            """, outputs, json, device);
        command.SetAction(parsed => Run(parsed, writer));
        return command;
    }

    public static Command CreateCheck(TextWriter writer)
    {
        Command command = KernelLaunch.Command("check", "Run a kernel on the emulator and look for races, uninitialised reads, divergent barriers and wrong masks.", $"""
            Each finding is a line on standard error: place, rule, what is wrong, block and thread. The exit code is 1 where there is one.

            {KernelLaunch.ArgumentForms}

            Example:
              tessera kernels check scale.ptx --grid 4 --block 256 --arg f32[1024] --arg f32[1024] --arg f32:2
            """, outputs, json);
        command.SetAction(parsed => Check(parsed, writer, parsed.InvocationConfiguration.Error));
        return command;
    }

    static int Run(ParseResult parsed, TextWriter writer)
    {
        Device? gpu = Gpu(parsed.GetValue(device)!);
        KernelLaunch kernel = KernelLaunch.Read(parsed);
        var files = Outputs(kernel, parsed.GetValue(outputs) ?? []);
        PtxReport? report = null;
        if (gpu != null) kernel.Module.Launch(gpu, kernel.Entry, kernel.Launch, kernel.Values);
        else report = kernel.Module.Launch(kernel.Entry, kernel.Launch, kernel.Values);
        Finish(parsed, kernel, files, report, writer);
        return Tool.Success;
    }

    static int Check(ParseResult parsed, TextWriter writer, TextWriter error)
    {
        KernelLaunch kernel = KernelLaunch.Read(parsed);
        var files = Outputs(kernel, parsed.GetValue(outputs) ?? []);
        PtxReport report = kernel.Module.Launch(kernel.Entry, kernel.Launch with { Checks = PtxChecks.All }, kernel.Values);
        foreach (PtxFinding finding in report.Findings) error.WriteLine(finding);
        Finish(parsed, kernel, report.Completed ? files : [], report, writer);
        if (!parsed.GetValue(json)) writer.WriteLine(report.Findings.Count == 0 ? "no findings" : $"{report.Findings.Count} finding{(report.Findings.Count > 1 ? "s" : "")}{(report.Completed ? "" : "; the launch ended early")}");
        return report.Findings.Count == 0 ? Tool.Success : Tool.Failure;
    }

    /// <summary>The GPU of that name; null for the emulator.</summary>
    static Device? Gpu(string name)
    {
        if (name == "emulator") return null;
        if (name == "cpu") throw new DeviceException("kernels: 'cpu' cannot be used: it does not run PTX. Hint: use --device emulator.");
        return Device.All().FirstOrDefault(d => d.Name == name).WhyNot is string whyNot
            ? throw new DeviceException($"kernels: '{name}' cannot be used: {whyNot}. Hint: use --device emulator.") : Device.Parse(name);
    }

    static void Finish(ParseResult parsed, KernelLaunch kernel, List<(string Path, string Argument, byte[] Data)> files, PtxReport? report, TextWriter writer)
    {
        foreach (var (path, _, data) in files) AtomicFile.Write(path, stream => stream.Write(data));
        if (parsed.GetValue(json)) writer.WriteLine(Json(kernel, files, report));
        else Print(kernel, files, writer);
    }

    /// <summary>The files of --out, each with the buffer that goes there.</summary>
    static List<(string Path, string Argument, byte[] Data)> Outputs(KernelLaunch kernel, string[] options)
    {
        var buffers = kernel.Buffers.ToList();
        List<(string, string, byte[])> files = [];
        foreach (string option in options)
        {
            string[] parts = option.Split('=', 2);
            if (parts.Length < 2 || parts[1].Length == 0) throw new DataException($"--out: got '{option}', expected the number of an argument and a file. Hint: write --out 1=y.bin.");
            // A structure with a single buffer needs no path into it.
            var found = buffers.Where(b => b.Path == parts[0] || b.Path.StartsWith(parts[0] + ".", StringComparison.Ordinal)).ToList();
            if (found.Count != 1)
                throw new DataException($"--out {option}: argument '{parts[0]}' {(found.Count == 0 ? "is not a buffer" : "has several buffers")}. Hint: {(buffers.Count == 0 ? "no argument is a buffer" : $"buffers are {string.Join(", ", buffers.Select(b => b.Path))}")}.");
            files.Add((parts[1], found[0].Path, found[0].Buffer.Data!));
        }
        return files;
    }

    static void Print(KernelLaunch kernel, List<(string Path, string Argument, byte[] Data)> files, TextWriter writer)
    {
        var (grid, block) = (kernel.Launch.Grid, kernel.Launch.Block);
        writer.WriteLine($"{kernel.Entry}: {grid.X} x {grid.Y} x {grid.Z} blocks of {block.X} x {block.Y} x {block.Z} threads");
        foreach (var (path, buffer) in kernel.Buffers) writer.WriteLine($"argument {path}: {Content(buffer)}");
        foreach (var (path, argument, data) in files) writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {path}: argument {argument}, {data.Length:N0} bytes"));
    }

    /// <summary><c>f32[1024] 1, 2.5, 4, ...</c></summary>
    static string Content(KernelArgument buffer)
    {
        int bytes = buffer.Element.Bytes, count = buffer.Data!.Length / bytes;
        var elements = Enumerable.Range(0, Math.Min(count, shown)).Select(i => buffer.Element.Text(buffer.Data.AsSpan(i * bytes, bytes)));
        return $"{buffer.Element.Name}[{count}] {string.Join(", ", elements)}{(count > shown ? ", ..." : "")}";
    }

    static string Json(KernelLaunch kernel, List<(string Path, string Argument, byte[] Data)> files, PtxReport? report)
    {
        var (grid, block) = (kernel.Launch.Grid, kernel.Launch.Block);
        return JsonSerializer.Serialize(new
        {
            kernel = kernel.Entry,
            grid = new[] { grid.X, grid.Y, grid.Z },
            block = new[] { block.X, block.Y, block.Z },
            shared = kernel.Launch.SharedBytes,
            @out = files.Select(f => new { argument = f.Argument, file = f.Path, bytes = f.Data.Length }),
            completed = report?.Completed ?? true,
            warpInstructions = report?.WarpInstructions,
            findings = report?.Findings.Select(Json),
        }, plain);
    }

    static object Json(PtxFinding f) => new
    {
        rule = f.Rule,
        line = f.Line,
        column = f.Column,
        otherLine = f.OtherLine,
        block = new[] { f.Block.X, f.Block.Y, f.Block.Z },
        thread = new[] { f.Thread.X, f.Thread.Y, f.Thread.Z },
        place = f.Place,
        message = f.Message,
        count = f.Count,
    };
}
