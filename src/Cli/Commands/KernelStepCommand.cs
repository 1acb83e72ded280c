using System.CommandLine;

namespace Tessera.Cli;

/// <summary><c>tessera kernels step</c>: what one warp does, instruction by instruction.</summary>
static class KernelStepCommand
{
    static readonly Option<(int, int, int)> at = KernelLaunch.Size("--at", "The block to follow; what is left out is 0.", standard: 0, least: 0);
    static readonly Option<int> warp = Options.Number("--warp", "The warp of the block.", 0, 0);
    static readonly Option<int> lane = Options.Number("--lane", "The lane whose registers are shown.", 0, 0);
    static readonly Option<int> from = Options.Number("--from", "Begin where the warp first comes to this line of the file.", 0, 0);
    static readonly Option<int> steps = Options.Number("--steps", "Show at most so many instructions.", 1, 1000);

    static readonly Option<bool> interactive = new("--interactive") { Description = "Read commands from standard input: on a terminal that is usual; --steps does not count then." };

    public static Command Create(TextWriter writer)
    {
        Command command = KernelLaunch.Command("step", "Follow a warp on the emulator: each instruction with its lanes and results.", $"""
            A line shows the line of the file, the lanes that executed the instruction as a mask (lane 0 is the last bit), the instruction,
            and the registers it wrote, in one lane. 00000000: no lane executed it.

            On a terminal, or with --interactive, a command is read after each:
            {KernelStepper.Commands.Replace("\n", "\n  ", StringComparison.Ordinal)}

            {KernelLaunch.ArgumentForms}

            Example: the second warp of block 3, from line 20 on
              tessera kernels step scale.ptx --grid 4 --block 256 --arg f32[1024] --arg f32[1024] --arg f32:2 --at 3 --warp 1 --from 20
            """, at, warp, lane, from, steps, interactive);
        command.SetAction(parsed => Run(parsed, writer));
        return command;
    }

    static int Run(ParseResult parsed, TextWriter writer)
    {
        KernelLaunch kernel = KernelLaunch.Read(parsed);
        string[] lines = kernel.Text.Split('\n');
        int first = parsed.GetValue(from), left = parsed.GetValue(steps);
        bool shows = first == 0, terminal = ReferenceEquals(writer, Console.Out) && !Console.IsInputRedirected && !Console.IsOutputRedirected;
        if (terminal || parsed.GetValue(interactive)) return Ask(kernel, new(Console.In, writer, step => Line(step, lines), lines.Length - (lines[^1].Length == 0 ? 1 : 0), terminal), first, parsed, writer);
        PtxWatch watch = new(step =>
        {
            shows |= step.Line == first;
            if (!shows) return true;
            writer.WriteLine(Line(step, lines));
            return --left > 0;
        })
        { Block = parsed.GetValue(at), Warp = parsed.GetValue(warp), Lane = parsed.GetValue(lane) };
        kernel.Module.Launch(kernel.Entry, kernel.Launch with { Watch = watch }, kernel.Values);
        if (!shows) throw new DataException($"--from {first}: the warp does not come to line {first}.");
        return Tool.Success;
    }

    static int Ask(KernelLaunch kernel, KernelStepper stepper, int first, ParseResult parsed, TextWriter writer)
    {
        if (first > 0) stepper.StartAt(first);
        bool quit = false;
        PtxWatch watch = new(step => !(quit = !stepper.Step(step))) { Block = parsed.GetValue(at), Warp = parsed.GetValue(warp), Lane = parsed.GetValue(lane) };
        kernel.Module.Launch(kernel.Entry, kernel.Launch with { Watch = watch }, kernel.Values);
        if (stepper.Start > 0) throw new DataException($"--from {first}: the warp does not come to line {first}.");
        if (!quit) writer.WriteLine("the warp has ended");
        return Tool.Success;
    }

    /// <summary><c>  12  ffffffff  add.u32 %r3, %r1, %r2;   %r3 = 7</c></summary>
    static string Line(PtxStep step, string[] lines)
    {
        string results = string.Join(", ", step.Registers.Where(r => r.Value.Length > 0).Select(r => $"{r.Name} = {r.Value}"));
        return $"{step.Line,5}  {step.Mask:x8}  {Instruction(step, lines),-44}  {results}".TrimEnd();
    }

    /// <summary>The text up to the semicolon, perhaps some lines on, with single spaces.</summary>
    static string Instruction(PtxStep step, string[] lines)
    {
        string text = lines[step.Line - 1][(step.Column - 1)..];
        for (int next = step.Line; !text.Contains(';', StringComparison.Ordinal) && next < lines.Length; next++) text += " " + lines[next];
        int end = text.IndexOf(';', StringComparison.Ordinal);
        return string.Join(' ', text[..(end + 1)].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
