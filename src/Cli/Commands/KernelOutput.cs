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
    /// <exception cref="DataException">An argument is not a buffer, or a file is one that must not be written.</exception>
    public static KernelOutput[] Read(ParseResult parsed, KernelLaunch kernel)
    {
        (string Path, KernelArgument Buffer)[] buffers = [.. kernel.Buffers];
        // Where a file is, and what it is needed for.
        Dictionary<string, string> taken = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase) { [Path.GetFullPath(kernel.File)] = "the kernel" };
        foreach (var (path, buffer) in buffers)
            if (buffer.File != null) taken[Path.GetFullPath(buffer.File)] = $"the content of argument {path}";
        return [.. (parsed.GetValue(Option) ?? []).Select(o => Free(o, Read(o, buffers), taken))];
    }

    public void Write() => AtomicFile.Write(File, stream => stream.Write(Data));

    /// <summary>An output whose file may be written: in a folder that exists, and neither read nor written already.</summary>
    static KernelOutput Free(string option, KernelOutput output, Dictionary<string, string> taken)
    {
        string full = Path.GetFullPath(output.File), folder = Path.GetDirectoryName(full) ?? full;
        if (Directory.Exists(full)) throw new DataException($"--out {option}: {output.File} is a folder. Hint: name a file in it.");
        if (!Directory.Exists(folder)) throw new DataException($"--out {option}: there is no folder {folder}. Hint: make it first.");
        if (!taken.TryAdd(full, $"argument {output.Argument}")) throw new DataException($"--out {option}: {output.File} is already the file of {taken[full]}. Hint: choose another file.");
        return output;
    }

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
