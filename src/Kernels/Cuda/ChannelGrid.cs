using System.Numerics;

namespace Tessera.Cuda;

/// <summary>
/// Launch geometry over rows of C channels, as dense images (channels-last) and matrices lie. A block is X threads of neighbouring channels by Y rows,
/// so that a warp reads memory as it lies and a thread keeps its channels' numbers in registers. Nothing depends on the device: sums over
/// chunks of rows are the same bits everywhere.
/// </summary>
internal readonly struct ChannelGrid
{
    const int Threads = 256;

    /// <summary>Blocks that fill a large GPU once.</summary>
    const int Blocks = 512;

    /// <summary>Rows that a thread takes where there are many, and the limit of a grid.</summary>
    const int RowsEach = 16, MostBlocks = 65535;

    /// <summary>Number of channels and of rows.</summary>
    public readonly int C, Rows;

    /// <summary>Channels a thread takes: 4 with 16-byte accesses, or 1.</summary>
    public readonly int Width;

    /// <summary>X and Y.</summary>
    public readonly Dim3 Block;

    readonly int tiles;

    /// <param name="channels">C.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="vectors">Whether a thread may take four channels.</param>
    public ChannelGrid(int channels, long rows, bool vectors)
    {
        (C, Rows, Width) = (channels, checked((int)rows), vectors ? 4 : 1);
        int columns = (channels + Width - 1) / Width, x = Math.Min(32, (int)BitOperations.RoundUpToPowerOf2((uint)columns));
        while (x > 8 && columns % x != 0) x /= 2;
        Block = new Dim3(x, Threads / x);
        tiles = (columns + x - 1) / x;
    }

    /// <summary>Every thread takes rows in steps of the whole grid: a few, so that what it reads once pays, and one where there are few blocks.</summary>
    public Dim3 Grid
    {
        get
        {
            long blocks = (Rows + (long)Block.Y - 1) / Block.Y, each = Math.Clamp(blocks * tiles / Blocks, 1, RowsEach);
            return new(tiles, (int)Math.Min(MostBlocks, (blocks + each - 1) / each));
        }
    }

    /// <summary>Rows of a chunk that is summed up on its own: by a block, or with <see cref="Width"/> 1 by a thread.</summary>
    public int Span
    {
        get
        {
            int summed = Width == 4 ? Block.Y : 1, most = Math.Max(1, Blocks / tiles);
            long chunks = Math.Clamp(Rows / (8L * summed), 1, Width == 4 ? most : Blocks);
            return (int)((Rows + chunks - 1) / chunks);
        }
    }

    /// <summary>Number of chunks.</summary>
    public int Chunks => (Rows + Span - 1) / Span;

    /// <summary>All chunks at once.</summary>
    public Dim3 ChunkGrid => new(tiles, Width == 4 ? Chunks : (Chunks + Block.Y - 1) / Block.Y);

    /// <summary>Blocks of 32 channels by 16 threads, which put the chunks together.</summary>
    public Dim3 CombineGrid => (C + CombineBlock.X - 1) / CombineBlock.X;

    /// <summary>The block of <see cref="CombineGrid"/>.</summary>
    public static Dim3 CombineBlock => new(32, 16);

    /// <summary>An entry, or its plain version where a thread takes one channel.</summary>
    public string Entry(string name) => Width == 4 ? name : name + "_plain";
}
