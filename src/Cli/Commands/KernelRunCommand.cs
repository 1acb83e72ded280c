using System.CommandLine;
using System.Globalization;

namespace Tessera.Cli;

/// <summary><c>tessera kernels run</c> and <c>check</c>: launch one kernel, show or keep what it wrote, and say what it did wrong.</summary>
static class KernelRunCommand
{
    const int shown = 8;

    static readonly Option<string> device = new("--device") { Description = "emulator, or a GPU such as cuda:0.", DefaultValueFactory = _ => "emulator" };

    public static Command Create(TextWriter writer)
    {
        Command command = KernelLaunch.Command("run", "Launch a kernel of a PTX file, on the emulator or on a GPU.", $"""
            {KernelLaunch.ArgumentForms}

            Example: y = 2 x for 1024 numbers
              tessera kernels run scale.ptx --entry scale --grid 4 --block 256 --arg f32[1024]@x.bin --arg f32[1024] --arg f32:2 --out 1=y.bin
            """, KernelOutput.Option, KernelJson.Option, device);
        command.SetAction(parsed => Run(parsed, writer));
        return command;
    }

    public static Command CreateCheck(TextWriter writer)
    {
        Command command = KernelLaunch.Command("check", "Run a kernel on the emulator and look for races, uninitialised reads, divergent barriers and wrong masks.", $"""
            Each finding is a line on standard error: place, rule, what is wrong, block and thread. The exit code is 1 where there is one.
            Accesses out of bounds, misaligned or to freed memory, deadlocks and traps end a launch, whatever the checks.

            {KernelLaunch.ArgumentForms}

            Example:
              tessera kernels check scale.ptx --grid 4 --block 256 --arg f32[1024] --arg f32[1024] --arg f32:2 --without masks
            """, [KernelOutput.Option, KernelJson.Option, .. KernelChecks.Options]);
        command.SetAction(parsed => Check(parsed, writer, parsed.InvocationConfiguration.Error));
        return command;
    }

    static int Run(ParseResult parsed, TextWriter writer)
    {
        Device? gpu = Gpu(parsed.GetValue(device)!);
        KernelLaunch kernel = KernelLaunch.Read(parsed);
        KernelOutput[] outputs = KernelOutput.Read(parsed, kernel);
        PtxReport? report = null;
        if (gpu != null) kernel.Module.Launch(gpu, kernel.Entry, kernel.Launch, kernel.Values);
        else report = kernel.Module.Launch(kernel.Entry, kernel.Launch with { Count = parsed.GetValue(KernelJson.Option) }, kernel.Values);
        Finish(parsed, kernel, outputs, report, writer);
        return Tool.Success;
    }

    static int Check(ParseResult parsed, TextWriter writer, TextWriter error)
    {
        bool json = parsed.GetValue(KernelJson.Option);
        KernelLaunch kernel = KernelLaunch.Read(parsed);
        KernelOutput[] outputs = KernelOutput.Read(parsed, kernel);
        PtxReport report = kernel.Module.Launch(kernel.Entry, kernel.Launch with { Checks = KernelChecks.Read(parsed), Count = json }, kernel.Values);
        foreach (PtxFinding finding in report.Findings) error.WriteLine(finding);
        // What a launch that did not go through left in its buffers is no result.
        Finish(parsed, kernel, report.Failure == null ? outputs : [], report, writer);
        int count = report.Findings.Count;
        if (!json) writer.WriteLine(count == 0 ? "no findings" : $"{count} finding{(count > 1 ? "s" : "")}{(report.Failure == null ? "" : "; the launch ended early")}");
        return count == 0 ? Tool.Success : Tool.Failure;
    }

    /// <summary>The GPU of that name; null for the emulator.</summary>
    static Device? Gpu(string name)
    {
        if (name == "emulator") return null;
        if (name == "cpu") throw new DeviceException("kernels: 'cpu' cannot be used: it does not run PTX. Hint: use --device emulator.");
        try
        {
            return Device.Parse(name);
        }
        catch (DeviceException e)
        {
            throw new DeviceException(e.Message.Replace("--device cpu", "--device emulator", StringComparison.Ordinal));
        }
    }

    static void Finish(ParseResult parsed, KernelLaunch kernel, KernelOutput[] outputs, PtxReport? report, TextWriter writer)
    {
        foreach (KernelOutput output in outputs) output.Write();
        if (parsed.GetValue(KernelJson.Option))
        {
            writer.WriteLine(KernelJson.Of(kernel, outputs, report));
            return;
        }
        writer.WriteLine(kernel.Geometry);
        foreach (var (path, buffer) in kernel.Buffers) writer.WriteLine($"argument {path}: {Content(buffer)}");
        foreach (KernelOutput output in outputs) writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {output.File}: argument {output.Argument}, {output.Data.Length:N0} bytes"));
    }

    /// <summary><c>f32[1024] 1, 2.5, 4, ...</c></summary>
    static string Content(KernelArgument buffer)
    {
        int bytes = buffer.Element.Bytes, count = buffer.Data!.Length / bytes;
        var elements = Enumerable.Range(0, Math.Min(count, shown)).Select(i => buffer.Element.Text(buffer.Data.AsSpan(i * bytes, bytes)));
        return $"{buffer.Element.Name}[{count}] {string.Join(", ", elements)}{(count > shown ? ", ..." : "")}";
    }
}
