using System.CommandLine;

namespace Tessera.Cli;

/// <summary>A buffer that goes to a file after the launch.</summary>
/// <param name="File">The file.</param>
/// <param name="Argument">The path of the buffer: 1, or 0.1 for a field of a structure.</param>
/// <param name="Data">The buffer.</param>
sealed record KernelOutput(string File, string Argument, byte[] Data)
{
    public static readonly Option<string[]> Option = new("--out")
    {
        Description = "Write the buffer of argument I to a file after the launch; 0.1 is the second field of a structure that is the first argument.",
        HelpName = "I=file",
    };

    /// <summary>What --out asks for.</summary>
    /// <exception cref="DataException">An argument is not a buffer.</exception>
    public static KernelOutput[] Read(ParseResult parsed, KernelLaunch kernel) => [.. (parsed.GetValue(Option) ?? []).Select(o => Read(o, [.. kernel.Buffers]))];

    public void Write() => AtomicFile.Write(File, stream => stream.Write(Data));

    static KernelOutput Read(string option, (string Path, KernelArgument Buffer)[] buffers)
    {
        string[] parts = option.Split('=', 2);
        if (parts.Length < 2 || parts[1].Length == 0) throw new DataException($"--out: got '{option}', expected the number of an argument and a file. Hint: write --out 1=y.bin.");
        // A structure with a single buffer needs no path into it.
        var found = Array.FindAll(buffers, b => b.Path == parts[0] || b.Path.StartsWith(parts[0] + ".", StringComparison.Ordinal));
        if (found.Length == 1) return new(parts[1], found[0].Path, found[0].Buffer.Data!);
        string cure = buffers.Length == 0 ? "no argument is a buffer" : $"buffers are {string.Join(", ", buffers.Select(b => b.Path))}";
        throw new DataException($"--out {option}: argument '{parts[0]}' {(found.Length == 0 ? "is not a buffer" : "has several buffers")}. Hint: {cure}.");
    }
}
