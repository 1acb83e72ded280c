using System.Globalization;

namespace Tessera.Cli;

/// <summary>A warp that goes on when it is told to: commands are read after each instruction that is shown.</summary>
sealed class KernelStepper(TextReader input, TextWriter output, Func<PtxStep, string> line, int lines, bool prompts)
{
    /// <summary>What can be typed.</summary>
    public const string Commands = """
        n            the next instruction (an empty line too)
        c            go on to a breakpoint, or to the end
        b LINE       a breakpoint at a line of the file, or none there again
        p [REG]      a register of the followed lane, or all that were written
        m ADDRESS [BYTES]   memory: argument 0 + 396, shared + 16, 0x7f3c00, or a register that holds an address
        q            quit
        """;

    const int Row = 16, MostBytes = 4096;

    readonly HashSet<int> breakpoints = [];
    readonly SortedDictionary<string, string> registers = new(StringComparer.Ordinal);
    bool running;

    /// <summary>Goes on until the warp first comes to a line.</summary>
    public void StartAt(int start)
    {
        running = true;
        breakpoints.Add(start);
        Start = start;
    }

    /// <summary>The line of <see cref="StartAt"/> until the warp has come to it; else 0.</summary>
    public int Start { get; private set; }

    /// <summary>Shows an instruction and does what is asked for; false where the launch is to end.</summary>
    public bool Step(PtxStep step)
    {
        foreach (var (name, value) in step.Registers)
            if (value.Length > 0) registers[name] = value;
        if (running && !breakpoints.Contains(step.Line)) return true;
        running = false;
        if (step.Line == Start)
        {
            breakpoints.Remove(Start);
            Start = 0;
        }
        output.WriteLine(line(step));
        while (true)
        {
            if (prompts) output.Write("> ");
            string[] words = (input.ReadLine() ?? "q").Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string rest = words.Length > 1 ? words[1] : "";
            switch (words.Length == 0 ? "n" : words[0])
            {
                case "n": return true;
                case "c": return running = true;
                case "q": return false;
                case "b": Break(rest); break;
                case "p": Print(rest); break;
                case "m": Memory(step, rest); break;
                default: output.WriteLine(Commands); break;
            }
        }
    }

    void Break(string at)
    {
        if (!int.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number == 0) output.WriteLine($"b: a line: got '{at}', expected its number, such as b 20");
        else if (number > lines) output.WriteLine($"b: the file has {lines} lines: got {at}");
        else output.WriteLine(breakpoints.Add(number) ? $"breakpoint at line {number}" : breakpoints.Remove(number) ? $"no breakpoint at line {number}" : "");
    }

    void Print(string name)
    {
        if (name.Length == 0)
            foreach (var (register, value) in registers) output.WriteLine($"{register} = {value}");
        else output.WriteLine(registers.TryGetValue(name, out string? known) ? $"{name} = {known}" : $"{name}: nothing was written to it in this lane");
    }

    void Memory(PtxStep step, string what)
    {
        // The last word is a number of bytes where a name or number stands before it that no + follows.
        string address = what;
        int count = Row, space = what.LastIndexOf(' ');
        if (space > 0 && what[..space].TrimEnd() is var before && !before.EndsWith('+') && (before.Contains('+', StringComparison.Ordinal) || !IsOwner(what))
            && int.TryParse(what[(space + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int bytes)) (address, count) = (before, Math.Min(bytes, MostBytes));
        string place = registers.GetValueOrDefault(address, address);
        if (step.Read(place, count) is not { } read)
        {
            output.WriteLine($"m: got '{what}': {count} bytes there are nobody's; expected an address such as argument 0 + 4, shared + 16, or a register that holds one");
            return;
        }
        for (int at = 0; at < read.Length; at += Row) output.WriteLine(Bytes(place, at, read.AsSpan(at, Math.Min(Row, read.Length - at))));

        // "argument 0" is one name.
        static bool IsOwner(string text) => text.StartsWith("argument ", StringComparison.Ordinal) && text.Split(' ').Length == 2;
    }

    /// <summary><c>argument 0 + 396 + 16  00 00 46 42  49.5</c></summary>
    static string Bytes(string place, int at, ReadOnlySpan<byte> bytes)
    {
        string hex = string.Join(' ', Convert.ToHexStringLower(bytes).Chunk(2).Select(p => new string(p)));
        List<string> floats = [];
        for (int i = 0; i + 4 <= bytes.Length; i += 4) floats.Add(BitConverter.ToSingle(bytes[i..]).ToString("G7", CultureInfo.InvariantCulture));
        return $"{place}{(at > 0 ? $" + {at}" : "")}  {hex}  {string.Join(' ', floats)}".TrimEnd();
    }
}
