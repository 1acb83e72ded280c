namespace Tessera;

/// <summary>A stretch of a segment: in use, or free.</summary>
internal sealed class Block
{
    /// <summary>Address of the first byte.</summary>
    public nint Pointer { get; set; }

    /// <summary>Bytes.</summary>
    public long Size { get; set; }

    /// <summary>Bytes asked for; 0 while free.</summary>
    public long Used { get; set; }

    /// <summary>The neighbours in the segment; a block without any is a whole segment.</summary>
    public Block? Before { get; set; }

    /// <inheritdoc cref="Before"/>
    public Block? After { get; set; }

    /// <summary>True while nobody has it.</summary>
    public bool IsFree { get; set; }
}

/// <summary>
/// Segments of device memory, cut into blocks. A request takes the smallest free block that holds it and leaves the rest free; a block that comes
/// back joins its free neighbours. So the memory of one layer serves another of any size, and steps that ask for the same get the same addresses.
/// The latest blocks that came back rest before they join: a request of the same size gets one as it is, so that each thread of a
/// layer writes the part of it that it has written before, not one that is in the caches of another.
/// Segments are large: of host memory that was never touched only addresses are used. Not safe for several threads at once.
/// </summary>
/// <param name="backend">Where segments come from.</param>
internal sealed class Arena(Backend backend) : IComparer<Block>
{
    const long LeastRest = 16 << 10, MostRest = 8 << 20, MostRested = 24 << 20; // bytes: smaller ones do not matter, larger ones leave the caches
    const int MostResting = 32;

    readonly List<Block> free = [];      // by size, then address
    readonly List<Block> resting = [];   // the latest last
    readonly Stack<Block> spare = new(); // objects without memory
    readonly Block key = new();
    long rested;

    /// <summary>Bytes free for reuse.</summary>
    public long Free { get; private set; }

    /// <summary>Takes a block of <paramref name="size"/> bytes; null where no free one is large enough.</summary>
    public Block? Take(long size)
    {
        if (Rested(size) is { } same) return same;
        int i = SmallestOf(size);
        if (i == free.Count)
        {
            Settle(0, 0);
            i = SmallestOf(size);
        }
        if (i == free.Count) return null;
        var block = free[i];
        free.RemoveAt(i);
        Free -= size;
        block.IsFree = false;
        if (block.Size > size) Split(block, size);
        return block;
    }

    /// <summary>Takes a block back.</summary>
    public void Return(Block block)
    {
        Free += block.Size;
        block.Used = 0;
        if (block.Size is < LeastRest or > MostRest)
        {
            Join(block);
            return;
        }
        resting.Add(block);
        rested += block.Size;
        Settle(MostResting, MostRested);
    }

    /// <summary>The latest block of exactly <paramref name="size"/> bytes that rests.</summary>
    Block? Rested(long size)
    {
        int i = resting.Count - 1;
        while (i >= 0 && resting[i].Size != size) i--;
        if (i < 0) return null;
        var block = resting[i];
        resting.RemoveAt(i);
        rested -= size;
        Free -= size;
        return block;
    }

    /// <summary>The oldest that rest join their neighbours, until so many blocks and bytes are left.</summary>
    void Settle(int blocks, long bytes)
    {
        int i = 0;
        for (; resting.Count - i > blocks || rested > bytes; i++)
        {
            rested -= resting[i].Size;
            Join(resting[i]);
        }
        resting.RemoveRange(0, i);
    }

    int SmallestOf(long size)
    {
        (key.Size, key.Pointer) = (size, 0);
        return ~free.BinarySearch(key, this);
    }

    void Join(Block block)
    {
        block.IsFree = true;
        if (block.After is { IsFree: true } after)
        {
            Remove(after);
            Join(block, after);
        }
        if (block.Before is { IsFree: true } before)
        {
            Remove(before);
            Join(before, block);
            block = before;
        }
        Add(block);
    }

    /// <summary>Adds a segment; false where the device has no such memory.</summary>
    public bool Grow(long size)
    {
        nint pointer = backend.Allocate(size);
        if (pointer == 0) return false;
        var block = New();
        (block.Pointer, block.Size, block.IsFree) = (pointer, size, true);
        Add(block);
        Free += size;
        return true;
    }

    /// <summary>Gives the segments back in which nothing is in use.</summary>
    public void Trim()
    {
        Settle(0, 0);
        for (int i = free.Count - 1; i >= 0; i--)
        {
            var block = free[i];
            if (block.Before is not null || block.After is not null) continue;
            free.RemoveAt(i);
            Free -= block.Size;
            backend.Free(block.Pointer, block.Size);
            spare.Push(block);
        }
    }

    /// <summary>Order of the free blocks.</summary>
    public int Compare(Block? x, Block? y) => (x!.Size, x.Pointer).CompareTo((y!.Size, y.Pointer));

    void Split(Block block, long size)
    {
        var rest = New();
        (rest.Pointer, rest.Size, rest.IsFree) = (block.Pointer + (nint)size, block.Size - size, true);
        (rest.Before, rest.After) = (block, block.After);
        if (rest.After is { } after) after.Before = rest;
        (block.Size, block.After) = (size, rest);
        Add(rest);
    }

    void Join(Block block, Block after)
    {
        block.Size += after.Size;
        block.After = after.After;
        if (after.After is { } next) next.Before = block;
        (after.Before, after.After) = (null, null);
        spare.Push(after);
    }

    void Add(Block block) => free.Insert(~free.BinarySearch(block, this), block);

    void Remove(Block block) => free.RemoveAt(free.BinarySearch(block, this));

    Block New() => spare.TryPop(out var block) ? block : new Block();
}
