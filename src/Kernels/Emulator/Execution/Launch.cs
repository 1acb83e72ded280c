namespace Tessera.Emulator;

/// <summary>One launch of a kernel: its geometry, parameters and memory.</summary>
sealed unsafe class Launch
{
    /// <summary>How long a worker runs a cluster before others have their turn, in turns at barriers, the most that it has begun, and their most bytes.</summary>
    const int patience = 1024, mostOpen = 256, mostOpenBytes = 256 << 20;

    long steps, clusters, next;

    /// <summary>Warp instructions so far.</summary>
    public long Steps => steps;

    Exception? failure;

    public required Code Code { get; init; }
    public required string File { get; init; }
    public required DeviceMemory Memory { get; init; }
    public required (int X, int Y, int Z) Grid { get; init; }
    public required (int X, int Y, int Z) Block { get; init; }

    /// <summary>Blocks of a cluster.</summary>
    public (int X, int Y, int Z) Cluster { get; init; } = (1, 1, 1);

    public int ClusterSize => Cluster.X * Cluster.Y * Cluster.Z;

    /// <summary>Clusters of the grid.</summary>
    public (int X, int Y, int Z) Clusters => (Grid.X / Cluster.X, Grid.Y / Cluster.Y, Grid.Z / Cluster.Z);

    /// <summary>Whether the kernel or its launch asks for clusters.</summary>
    public bool HasClusters { get; init; }

    public int DynamicShared { get; init; }
    public ulong Parameters { get; init; }
    public long Seed { get; init; }

    /// <summary>The most warp instructions of the whole launch.</summary>
    public long StepLimit { get; init; } = long.MaxValue;

    public PtxWatch? Watch { get; init; }

    /// <summary>Gets what threads print.</summary>
    public Action<string>? Printed { get; init; }

    PrintBuffer? prints;

    /// <summary>A thread of a block prints: shown at once to who follows a warp, else at the end.</summary>
    public void Print(long block, string text)
    {
        if (Watch != null) Printed?.Invoke(text);
        else prints?.Add(block, text);
    }

    public PtxChecks Checks { get; init; }

    /// <summary>Whether the work is counted.</summary>
    public bool Counts { get; init; }

    readonly long[] counts = new long[Enum.GetValues<Count>().Length];

    public Footprint Footprint { get; } = new();

    public void Add(Counter counter)
    {
        lock (counts) counter.AddTo(counts);
    }

    /// <summary>What the launch did; null where nobody counted.</summary>
    public PtxCounters? Counters()
    {
        if (!Counts) return null;
        (counts[(int)Count.FootprintRead], counts[(int)Count.FootprintWritten]) = (Footprint.Bytes(0), Footprint.Bytes(1));
        return new(counts);
    }

    public Findings Findings { get; }

    /// <summary>Who touched global memory; only where races are looked for.</summary>
    public GlobalShadow? Shadow { get; private set; }

    /// <summary>Global memory's flags, through which threads hand over what they wrote.</summary>
    public Flags Flags { get; } = new();

    public Lock FlagLock { get; } = new();

    public Launch() => Findings = new(this);

    public (int X, int Y, int Z) ThreadAt(int thread) => (thread % Block.X, thread / Block.X % Block.Y, thread / Block.X / Block.Y);

    public (int X, int Y, int Z) BlockAt(long block) => ((int)(block % Grid.X), (int)(block / Grid.X % Grid.Y), (int)(block / Grid.X / Grid.Y));

    /// <summary>The number in the grid of a cluster's block.</summary>
    public long BlockOf(long cluster, int rank)
    {
        var (x, y, _) = Clusters;
        long bx = (cluster % x * Cluster.X) + (rank % Cluster.X), by = (cluster / x % y * Cluster.Y) + (rank / Cluster.X % Cluster.Y),
            bz = (cluster / x / y * Cluster.Z) + (rank / Cluster.X / Cluster.Y);
        return bx + (Grid.X * (by + (Grid.Y * bz)));
    }

    public int Threads => Block.X * Block.Y * Block.Z;

    /// <summary>Counts steps; ends a launch that takes too many.</summary>
    public void Spend(Warp warp, int count)
    {
        if (Interlocked.Add(ref steps, count) > StepLimit) throw warp.Fail("steps", $"the launch took more than {StepLimit} warp instructions, its limit");
        if (failure != null) throw new OperationCanceledException();
    }

    /// <summary>Runs all blocks of the grid, spread over threads.</summary>
    public void Run(int threads)
    {
        clusters = (long)Grid.X * Grid.Y * Grid.Z / ClusterSize;
        threads = (int)Math.Min(threads, clusters);
        using GlobalShadow? shadow = Shadow = Checks.HasFlag(PtxChecks.GlobalRaces) ? new(Granule.Of(Code, Space.Global), threads > 1) : null;
        prints = Printed == null ? null : new(Printed);
        CpuThreads.For(threads, new Worker(this));
        prints?.Show();
        // With checks, a mistake of the kernel is a finding.
        if (failure != null && Findings.Failure == null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>
    /// Runs clusters until none is left. One that takes long lets the next begin and take turns with it, as on a GPU: it may wait for what they write.
    /// </summary>
    void Work()
    {
        Queue<Cluster> open = [];
        Cluster? cluster = null;
        try
        {
            cluster = new(this);
            int most = (int)Math.Clamp(mostOpenBytes / cluster.Bytes, 1, Checks == PtxChecks.None ? mostOpen : mostOpen / 4);
            for (; ; )
            {
                if (open.Count < most && Interlocked.Increment(ref next) - 1 is var c && c < clusters) (cluster ??= new(this)).Start(c);
                else if (open.Count == 0) return;
                else
                {
                    cluster?.Dispose();
                    cluster = open.Dequeue();
                }
                if (cluster.Run(patience)) continue;
                open.Enqueue(cluster);
                cluster = null;
            }
        }
        catch (OperationCanceledException) when (failure != null) { }
        catch (WatchEnded)
        {
            next = clusters;
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref failure, e, null);
            next = clusters;
        }
        finally
        {
            cluster?.Dispose();
            foreach (Cluster begun in open) begun.Dispose();
        }
    }

    readonly struct Worker(Launch launch) : ICpuTask
    {
        public void Run(int task) => launch.Work();
    }
}
