namespace Tessera.Emulator;

/// <summary>What must hold between a kernel and its launch before it may start, on any device.</summary>
static class LaunchRules
{
    /// <summary>The kernel.</summary>
    /// <exception cref="PtxException">There is none of that name, or the launch does not fit it.</exception>
    public static Function Check(Module module, string file, string entry, PtxLaunch launch, byte[][] parameters)
    {
        Function f = module.Functions.Find(k => k.IsEntry && k.Body != null && k.Name == entry)
            ?? throw new PtxException(file, 1, 1, "launch", $"there is no kernel '{entry}': the text has {string.Join(", ", module.Functions.Where(k => k.IsEntry && k.Body != null).Select(k => k.Name))}");
        if ((Fault(f, parameters) ?? Fault(f, launch)) is string fault) throw Broken(file, f, fault);
        return f;
    }

    public static PtxException Broken(string file, Function f, string message) => new(file, f.Position.Line, f.Position.Column, "launch", $"kernel '{f.Name}': {message}");

    static string? Fault(Function f, byte[][] parameters)
    {
        if (parameters.Length != f.Parameters.Length) return $"it has {f.Parameters.Length} parameters: got {parameters.Length}{Listed(f)}";
        for (int i = 0; i < parameters.Length; i++)
            if (parameters[i].Length != f.Parameters[i].Bytes) return $"parameter {i} '{f.Parameters[i].Name}' has {f.Parameters[i].Bytes} bytes: got {parameters[i].Length}";
        return null;
    }

    static string Listed(Function f) => f.Parameters.Length == 0 ? "" : $", expected {string.Join(", ", f.Parameters.Select(p => $".{p.Type.Name()} {p.Name}{string.Concat(p.Sizes.Select(n => $"[{n}]"))}"))}";

    static string? Fault(Function f, PtxLaunch launch)
    {
        var (grid, block) = (launch.Grid, launch.Block);
        if (block.X is < 1 or > 1024 || block.Y is < 1 or > 1024 || block.Z is < 1 or > 64 || block.X * block.Y * block.Z > 1024) return $"a block has 1 to 1024 threads, and 64 in z at most: got {block}";
        if (grid.X < 1 || grid.Y is < 1 or > 65535 || grid.Z is < 1 or > 65535) return $"a grid has at least one block, and 65535 in y and z at most: got {grid}";
        if (f.Directives.FirstOrDefault(d => d.Name is ".maxntid" or ".reqntid") is { Name: not null } limit && !Keeps(limit, block))
            return $"its {limit.Name} wants blocks of {(limit.Name == ".reqntid" ? "exactly" : "at most")} ({string.Join(", ", Sizes(limit))}) threads: got {block}";
        if (launch.Watch is { } watch && !watch.IsIn(grid, block))
            return $"no warp {watch.Warp} with a lane {watch.Lane} in block {watch.Block} to watch: the grid has {grid} blocks, a block {(block.X * block.Y * block.Z + 31) / 32} warps of 32 lanes";
        return null;
    }

    static bool Keeps(Directive limit, (int X, int Y, int Z) block) => Sizes(limit) is [long x, long y, long z]
        && (limit.Name == ".reqntid" ? (block.X, block.Y, block.Z) == (x, y, z) : block.X * block.Y * block.Z <= x * y * z);

    static long[] Sizes(Directive limit) => [.. limit.Values.Concat([1, 1, 1]).Take(3)];
}
