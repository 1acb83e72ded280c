using System.Globalization;

namespace Tessera;

/// <summary>
/// The memory of one device, in large segments that are cut into blocks (see <see cref="Arena"/>) and kept for reuse until the budget or the device
/// needs them back. When live memory has doubled since the last collection, or the budget is reached, unreachable tensors are collected.
/// </summary>
public sealed class MemoryPool
{
    const long Granule = 256, SmallBlock = 512 << 10, SmallSegment = 32 << 20, Segment = 256 << 20, CollectionFloor = 1L << 30;

    readonly Lock gate = new();
    readonly Arena small, large;
    readonly HashSet<Block> live = [];
    readonly bool exact;
    long collectAt = CollectionFloor;

    /// <param name="device">Whose memory it is.</param>
    /// <param name="available">Bytes that there are.</param>
    /// <param name="exact">Without segments: each storage is an allocation of exactly its bytes, given back when it is free, so that an access beside it is seen.</param>
    internal MemoryPool(Device device, long available, bool exact = false)
    {
        (Device, this.exact) = (device, exact);
        (small, large) = (new Arena(device.Backend), new Arena(device.Backend));
        Budget = DefaultBudget(available);
    }

    /// <summary>The device.</summary>
    public Device Device { get; }

    /// <summary>Most bytes held at once, live and pooled together. Default: 90 % of the machine's memory or of a GPU's free memory, or <c>TESSERA_MEMORY</c> (bytes, or with K, M, G).</summary>
    public long Budget { get; set; }

    /// <summary>Bytes in use, rounded up to whole blocks.</summary>
    public long Live { get; private set; }

    /// <summary>Number of storages in use.</summary>
    public int LiveBlocks => live.Count;

    /// <summary>Largest <see cref="Live"/> since the start or <see cref="ResetPeak"/>.</summary>
    public long Peak { get; private set; }

    /// <summary>Bytes free for reuse. Of the memory of the host, what was never used counts here but takes up nothing.</summary>
    public long Pooled => small.Free + large.Free;

    /// <summary>Storages that only a finalizer gave back: a sign of tensors created outside of scopes.</summary>
    public long Finalized { get; private set; }

    /// <summary>Number of segments taken from the operating system or driver so far; flat in a steady training loop.</summary>
    public long Allocations { get; private set; }

    /// <summary>Starts a new measurement of <see cref="Peak"/>.</summary>
    public void ResetPeak()
    {
        lock (gate) Peak = Live;
    }

    /// <summary>A storage of at least <paramref name="bytes"/> bytes with one lease; its content is undefined.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The budget or the device does not hold it, also after a collection.</exception>
    public (Storage Storage, Lease Lease) Rent(long bytes)
    {
        long size = exact ? Math.Max(bytes, 1) : RoundedUp(bytes);
        MemoryAllowance.Take(size);
        if (Live + size > Volatile.Read(ref collectAt)) Collect();
        var block = Take(bytes, size);
        if (block is null)
        {
            Collect();
            block = Take(bytes, size) ?? throw OutOfMemory(bytes);
        }
        var storage = new Storage(this, block);
        return (storage, storage.Rent());
    }

    /// <summary>What a storage of so many bytes takes.</summary>
    internal static long RoundedUp(long bytes) => (Math.Max(bytes, 1) + Granule - 1) / Granule * Granule;

    /// <summary>Gives the segments in which nothing is in use back to the operating system or driver.</summary>
    public void Trim()
    {
        lock (gate)
        {
            small.Trim();
            large.Trim();
        }
    }

    /// <summary>Live, peak and pooled bytes in words.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Device.Name}: {Mib(Live)} live in {LiveBlocks} blocks, {Mib(Peak)} peak, {Mib(Pooled)} pooled, budget {Mib(Budget)}");

    internal void Return(Block block, bool finalizing)
    {
        if (!finalizing) MemoryAllowance.Return(block.Size);
        lock (gate)
        {
            live.Remove(block);
            Live -= block.Size;
            if (finalizing) Finalized++;
            if (exact) Device.Backend.Free(block.Pointer, block.Size);
            else ArenaOf(block.Size).Return(block);
        }
    }

    /// <summary>A block; null where budget or device refuse it.</summary>
    Block? Take(long bytes, long size)
    {
        lock (gate)
        {
            if (Live + size > Budget) return null;
            if ((exact ? OfItsOwn(size) : OfASegment(size)) is not { } block) return null;
            block.Used = bytes;
            live.Add(block);
            Live += size;
            Peak = Math.Max(Peak, Live);
            return block;
        }
    }

    /// <summary>A part of a segment; null where none has room and the device has no more.</summary>
    Block? OfASegment(long size)
    {
        var arena = ArenaOf(size);
        return arena.Take(size) ?? (Grow(arena, size) ? arena.Take(size) : null);
    }

    /// <summary>An allocation of the device; null where it has no more.</summary>
    Block? OfItsOwn(long size)
    {
        Allocations++;
        return Device.Backend.Allocate(size) is var pointer and not 0 ? new Block { Pointer = pointer, Size = size } : null;
    }

    /// <summary>One more segment, within the budget. Where the device refuses it, what is pooled goes back first.</summary>
    bool Grow(Arena arena, long size)
    {
        long segment = Math.Max(size, arena == small ? SmallSegment : Segment);
        if (Live + Pooled + segment > Budget) Trim();
        segment = Math.Clamp(Budget - Live - Pooled, size, segment);
        Allocations++;
        if (arena.Grow(segment)) return true;
        Trim();
        return arena.Grow(size);
    }

    // Small blocks in segments of their own do not cut up the memory of large ones.
    Arena ArenaOf(long size) => size <= SmallBlock ? small : large;

    void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (gate) collectAt = Math.Min(Budget, Math.Max(CollectionFloor, 2 * Live));
    }

    OutOfDeviceMemoryException OutOfMemory(long bytes)
    {
        string largest;
        lock (gate) largest = string.Join(", ", live.Select(b => b.Used).OrderDescending().Take(5).Select(Mib));
        return new OutOfDeviceMemoryException(string.Create(CultureInfo.InvariantCulture,
            $"Memory: out of memory on {Device.Name}: got a request of {Mib(bytes)}, expected at most {Mib(Math.Max(0, Budget - Live))} free of {Mib(Budget)} ({Mib(Live)} live in {LiveBlocks} blocks; largest: {largest}). Hint: use a smaller batch size, or raise TESSERA_MEMORY."));
    }

    static string Mib(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");

    static long DefaultBudget(long available)
    {
        string? text = Environment.GetEnvironmentVariable("TESSERA_MEMORY");
        if (string.IsNullOrWhiteSpace(text)) return (long)(available * 0.9);
        long unit = char.ToUpperInvariant(text[^1]) switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
        return double.TryParse(unit == 1 ? text : text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0
            ? (long)(value * unit)
            : throw new TesseraException($"TESSERA_MEMORY: not a size: got '{text}', expected bytes, or a number with K, M or G such as 8G.");
    }
}
