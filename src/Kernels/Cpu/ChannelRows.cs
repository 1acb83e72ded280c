using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>
/// A dense x [N, C, H, W] as it lies: N·H·W rows of C channels, cut into chunks that stay in the first-level cache. Work over chunks gives the
/// same bits for any number of threads, because what the chunks add up to is combined in their order.
/// </summary>
internal readonly struct ChannelRows
{
    const int ChunkFloats = 8192;
    const int BlockChannels = 64;

    /// <summary>Rows that a kernel's inner loop takes at once: each number of a channel is loaded once for so many rows, and all rows are read as they lie.</summary>
    public const int Strip = 8;

    public readonly int C, Rows, Chunks;
    readonly int chunk;

    public ChannelRows(View x)
    {
        C = x.Shape[1];
        Rows = checked((int)(x.Count / Math.Max(1, C)));
        chunk = Math.Clamp(ChunkFloats / Math.Max(1, C), 16, 256);
        Chunks = (Rows + chunk - 1) / chunk;
    }

    /// <summary>Runs <paramref name="body"/> over the rows of chunk <paramref name="i"/>, in the order in which they lie: for work without sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void RunRows<T>(int i, T body) where T : struct, IRowLane
    {
        nint at = Start(i);
        for (int n = Count(i); n > 0; n--, at += C)
        {
            nint c = 0;
            if (GemmKernel.Lanes == 16)
                for (; c <= C - 16; c += 16) body.At<Vec16>(at + c, c);
            else if (GemmKernel.Lanes == 8)
                for (; c <= C - 8; c += 8) body.At<Vec8>(at + c, c);
            for (; c < C; c++) body.At<Vec1>(at + c, c);
        }
    }

    /// <summary>Blocks of channels whose sums one task combines.</summary>
    public int Blocks => (C + BlockChannels - 1) / BlockChannels;

    /// <summary>Rows of chunk <paramref name="i"/>.</summary>
    public int Count(int i) => Math.Min(chunk, Rows - (i * chunk));

    /// <summary>Index of the first float of chunk <paramref name="i"/>.</summary>
    public nint Start(int i) => (nint)i * chunk * C;

    /// <summary>Runs <paramref name="body"/> over the strips of chunk <paramref name="i"/>: for sums, whose chains of additions stay short.</summary>
    public void Run<T>(int i, T body) where T : struct, IStrip
    {
        nint at = Start(i);
        for (int n = Count(i); n > 0; n -= Strip, at += Strip * (nint)C)
        {
            body.Begin(at, Math.Min(Strip, n), C);
            Lanes.Run(0, C, ref body);
        }
    }

    /// <summary>First channel and number of channels of block <paramref name="i"/>.</summary>
    public (int First, int Count) Block(int i) => (i * BlockChannels, Math.Min(BlockChannels, C - (i * BlockChannels)));

    /// <summary>True where the views are dense, of rank 4 and float32.</summary>
    public static bool Fit(params ReadOnlySpan<View?> views)
    {
        foreach (var view in views)
            if (view is { } v && (v.Shape.Rank != 4 || !v.IsDense)) return false;
        return true;
    }
}

/// <summary>Work on a few rows of channels at once: <see cref="ILane.At"/> takes its channels of all of them.</summary>
internal interface IStrip : ILane
{
    /// <summary>The next strip begins at float <paramref name="at"/> and has <paramref name="rows"/> rows of <paramref name="channels"/>.</summary>
    void Begin(nint at, int rows, nint channels);
}

/// <summary>The position of a strip.</summary>
internal struct Strip
{
    public nint At, C;
    public int Rows;

    public void Begin(nint at, int rows, nint channels) => (At, Rows, C) = (at, rows, channels);
}

/// <summary>A body of a loop over rows of channels, written once for every vector width.</summary>
internal interface IRowLane
{
    /// <summary>Handles the elements <paramref name="i"/> .. i + V.Lanes - 1, which are those of channels <paramref name="c"/> .. c + V.Lanes - 1 of a row.</summary>
    void At<V>(nint i, nint c) where V : unmanaged, IVec<V>;
}
