namespace Tessera.Emulator;

/// <summary>One launch of a kernel: its geometry, parameters and memory.</summary>
sealed unsafe class Launch
{
    long steps, blocks, next;

    /// <summary>Warp instructions so far.</summary>
    public long Steps => steps;

    Exception? failure;

    public required Code Code { get; init; }
    public required string File { get; init; }
    public required DeviceMemory Memory { get; init; }
    public required (int X, int Y, int Z) Grid { get; init; }
    public required (int X, int Y, int Z) Block { get; init; }
    public int DynamicShared { get; init; }
    public ulong Parameters { get; init; }
    public long Seed { get; init; }

    /// <summary>The most warp instructions of the whole launch.</summary>
    public long StepLimit { get; init; } = long.MaxValue;

    public PtxWatch? Watch { get; init; }

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

    public Handovers Handovers { get; } = new();

    public Launch() => Findings = new(this);

    public (int X, int Y, int Z) ThreadAt(int thread) => (thread % Block.X, thread / Block.X % Block.Y, thread / Block.X / Block.Y);

    public (int X, int Y, int Z) BlockAt(long block) => ((int)(block % Grid.X), (int)(block / Grid.X % Grid.Y), (int)(block / Grid.X / Grid.Y));

    public int Threads => Block.X * Block.Y * Block.Z;

    /// <summary>Counts steps; ends a launch that takes too many.</summary>
    public void Spend(Warp warp, int count)
    {
        if (Interlocked.Add(ref steps, count) > StepLimit) throw warp.Fail("steps", $"the launch took more than {StepLimit} warp instructions");
        if (failure != null) throw new OperationCanceledException();
    }

    /// <summary>Runs all blocks of the grid, spread over threads.</summary>
    public void Run(int threads)
    {
        using GlobalShadow? shadow = Shadow = Checks.HasFlag(PtxChecks.GlobalRaces) ? new(Granule.Of(Code, Space.Global)) : null;
        blocks = (long)Grid.X * Grid.Y * Grid.Z;
        CpuThreads.For((int)Math.Min(threads, blocks), new Worker(this));
        // With checks, a mistake of the kernel is a finding.
        if (failure != null && Findings.Failure == null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Runs blocks until none is left.</summary>
    void Work()
    {
        using Cta cta = new(this);
        try
        {
            for (long block; (block = Interlocked.Increment(ref next) - 1) < blocks;) cta.Run(block);
        }
        catch (OperationCanceledException) when (failure != null) { }
        catch (WatchEnded)
        {
            next = blocks;
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref failure, e, null);
            next = blocks;
        }
    }

    readonly struct Worker(Launch launch) : ICpuTask
    {
        public void Run(int task) => launch.Work();
    }
}
