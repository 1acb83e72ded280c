namespace Tessera;

/// <summary>How a kernel is launched.</summary>
/// <param name="Grid">Blocks in x, y and z.</param>
/// <param name="Block">Threads of a block in x, y and z; 1024 in all at most.</param>
public sealed record PtxLaunch((int X, int Y, int Z) Grid, (int X, int Y, int Z) Block)
{
    internal const long DefaultStepLimit = 10_000_000_000;

    /// <summary>Bytes of dynamic shared memory, beside what the kernel declares.</summary>
    public int SharedBytes { get; init; }

    /// <summary>
    /// Blocks of a cluster in x, y and z, 16 in all at most; the grid is a multiple of it. Null: what the kernel's <c>.reqnctapercluster</c> says, else
    /// every block is one of its own.
    /// </summary>
    public (int X, int Y, int Z)? Cluster { get; init; }

    /// <summary>Decides in which order the warps of a block take turns.</summary>
    public long Seed { get; init; }

    /// <summary>CPU threads that run blocks; 0: as many as compute threads.</summary>
    public int Threads { get; init; }

    /// <summary>The most warp instructions of the launch; with more it ends with an error, so that nothing hangs.</summary>
    public long StepLimit { get; init; } = DefaultStepLimit;

    /// <summary>Follows one warp, instruction by instruction; blocks then run one after the other.</summary>
    public PtxWatch? Watch { get; init; }

    /// <summary>Bytes of the heap that kernels take from with CUDA's <c>malloc</c>, from 0; as on a GPU of which nobody has asked for more, 8 MB.</summary>
    public long HeapBytes { get; init; } = Emulator.DeviceHeap.DefaultBytes;

    /// <summary>
    /// Gets what threads print with CUDA's printf when the launch has ended, in the order of the blocks, a call for each printf; while a warp is followed, at once. Null:
    /// nobody does, but on a device it goes where the device's output goes. Of more than 1 MB, what was printed first is lost.
    /// </summary>
    public Action<string>? Print { get; init; }

    /// <summary>What to look for while the kernel runs, at the price of a few times the time.</summary>
    public PtxChecks Checks { get; init; }

    /// <summary>What approximate instructions give.</summary>
    public PtxApproximation Approximation { get; init; }

    /// <summary>Whether products and sums that are not marked with a rounding are fused.</summary>
    public PtxContraction Contraction { get; init; }

    /// <summary>Whether to count the work: instructions, operations, traffic.</summary>
    public bool Count { get; init; }
}
