namespace Tessera.Emulator;

/// <summary>What must hold between a kernel and its launch before it may start, on any device.</summary>
static class LaunchRules
{
    /// <summary>Blocks of a cluster on GPUs of today; more than 8 need a setting of the driver there.</summary>
    const int mostInCluster = 16;

    const int mostThreads = 1024;

    /// <summary>The kernel.</summary>
    /// <exception cref="PtxException">There is none of that name, or the launch does not fit it.</exception>
    public static Function Check(Module module, string file, string entry, PtxLaunch launch, byte[][] parameters)
    {
        Function f = module.Functions.Find(k => k.IsEntry && k.Body != null && k.Name == entry)
            ?? throw new PtxException(file, 1, 1, "launch",
                $"there is no kernel '{entry}': the text has {string.Join(", ", module.Functions.Where(k => k.IsEntry && k.Body != null).Select(k => k.Name))}");
        if ((Fault(f, parameters) ?? Fault(f, launch)) is string fault) throw Broken(file, f, fault);
        return f;
    }

    public static PtxException Broken(string file, Function f, string message) => new(file, f.Position.Line, f.Position.Column, "launch", $"kernel '{f.Name}': {message}");

    /// <summary>The most threads of a block of the kernel.</summary>
    public static int MostThreads(Function f) => Limit(f) is { } limit ? (int)Sizes(limit).Aggregate(1L, (x, y) => Math.Min(mostThreads, x * Math.Min(mostThreads, y))) : mostThreads;

    static string? Fault(Function f, byte[][] parameters)
    {
        if (parameters.Length != f.Parameters.Length) return $"it has {f.Parameters.Length} parameters: got {parameters.Length}{Listed(f)}";
        for (int i = 0; i < parameters.Length; i++)
            if (parameters[i].Length != f.Parameters[i].Bytes) return $"parameter {i} '{f.Parameters[i].Name}' has {f.Parameters[i].Bytes} bytes: got {parameters[i].Length}";
        return null;
    }

    static string Listed(Function f) => f.Parameters.Length == 0 ? ""
        : $", expected {string.Join(", ", f.Parameters.Select(p => $".{p.Type.Name()} {p.Name}{string.Concat(p.Sizes.Select(n => $"[{n}]"))}"))}";

    static string? Fault(Function f, PtxLaunch launch)
    {
        var (grid, block) = (launch.Grid, launch.Block);
        if (block.X is < 1 or > 1024 || block.Y is < 1 or > 1024 || block.Z is < 1 or > 64
            || block.X * block.Y * block.Z > 1024) return $"a block has 1 to 1024 threads, and 64 in z at most: got {block}";
        if (grid.X < 1 || grid.Y is < 1 or > 65535 || grid.Z is < 1 or > 65535) return $"a grid has at least one block, and 65535 in y and z at most: got {grid}";
        if (Limit(f) is { } limit && !Keeps(limit, block))
            return $"its {limit.Name} wants blocks of {(limit.Name == ".reqntid" ? "exactly" : "at most")} ({string.Join(", ", Sizes(limit))}) threads: got {block}";
        if (ClusterFault(f, launch) is string cluster) return cluster;
        grid = GridOf(f, launch);
        if (launch.Watch is { } watch && !watch.IsIn(grid, block))
            return $"no warp {watch.Warp} with a lane {watch.Lane} in block {watch.Block} to watch: the grid has {grid} blocks, a block {(block.X * block.Y * block.Z + 31) / 32} warps of 32 lanes";
        return null;
    }

    /// <summary>The blocks of a cluster: those of the launch, else of the kernel, else one.</summary>
    public static (int X, int Y, int Z) ClusterOf(Function f, PtxLaunch launch) => launch.Cluster ?? Required(f) ?? (1, 1, 1);

    /// <summary>The blocks of the grid; a kernel with <c>.blocksareclusters</c> is launched with the number of its clusters.</summary>
    public static (int X, int Y, int Z) GridOf(Function f, PtxLaunch launch)
    {
        var (grid, cluster) = (launch.Grid, ClusterOf(f, launch));
        return Has(f, ".blocksareclusters") ? (grid.X * cluster.X, grid.Y * cluster.Y, grid.Z * cluster.Z) : grid;
    }

    /// <summary>Whether the kernel or its launch asks for clusters.</summary>
    public static bool HasClusters(Function f, PtxLaunch launch) => launch.Cluster != null || Required(f) != null || Has(f, ".explicitcluster");

    static string? ClusterFault(Function f, PtxLaunch launch)
    {
        var (grid, cluster) = (launch.Grid, ClusterOf(f, launch));
        if (cluster.X < 1 || cluster.Y < 1 || cluster.Z < 1 || (long)cluster.X * cluster.Y * cluster.Z > mostInCluster) return $"a cluster has 1 to {mostInCluster} blocks: got {cluster}";
        if (Required(f) is { } required && required != cluster) return $"its .reqnctapercluster wants clusters of exactly {required} blocks: got {cluster}";
        if (launch.Cluster == null && Required(f) == null && Has(f, ".explicitcluster")) return "its .explicitcluster wants a launch that says how many blocks a cluster has";
        if (f.Directives.FirstOrDefault(d => d.Name == ".maxclusterrank") is { Name: not null, Values: [long most, ..] }
            && cluster.X * cluster.Y * cluster.Z > most) return $"its .maxclusterrank wants clusters of at most {most} blocks: got {cluster}";
        if (Has(f, ".blocksareclusters")) return grid.X > int.MaxValue / cluster.X ? $"a grid of {grid} clusters of {cluster} blocks is too large" : null;
        return grid.X % cluster.X + grid.Y % cluster.Y + grid.Z % cluster.Z > 0 ? $"a grid has whole clusters of {cluster} blocks: got a grid of {grid} blocks" : null;
    }

    static (int X, int Y, int Z)? Required(Function f) => f.Directives.FirstOrDefault(d => d.Name == ".reqnctapercluster") is { Name: not null } d
        ? ((int)Sizes(d)[0], (int)Sizes(d)[1], (int)Sizes(d)[2]) : null;

    /// <summary>What the kernel says of the threads of its blocks.</summary>
    static Directive? Limit(Function f) => f.Directives.FirstOrDefault(d => d.Name is ".maxntid" or ".reqntid") is { Name: not null } limit ? limit : null;

    static bool Has(Function f, string directive) => Array.Exists(f.Directives, d => d.Name == directive);

    static bool Keeps(Directive limit, (int X, int Y, int Z) block) => Sizes(limit) is [long x, long y, long z]
        && (limit.Name == ".reqntid" ? (block.X, block.Y, block.Z) == (x, y, z) : block.X * block.Y * block.Z <= x * y * z);

    static long[] Sizes(Directive limit) => [.. limit.Values.Concat([1, 1, 1]).Take(3)];
}
