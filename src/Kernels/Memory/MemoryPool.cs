using System.Globalization;
using System.Numerics;

namespace Tessera;

/// <summary>
/// The memory of one device. Blocks come in size classes (four a power of two) and are reused; the free ones are kept until the budget
/// is needed for another size. When live memory has doubled since the last collection, or the budget is reached, unreachable tensors are collected.
/// </summary>
public sealed class MemoryPool
{
    const long Smallest = 256;
    const long CollectionFloor = 1L << 30;

    readonly Lock gate = new();
    readonly Dictionary<long, Stack<nint>> free = [];
    readonly HashSet<Storage> live = [];
    long collectAt = CollectionFloor;

    internal MemoryPool(Device device)
    {
        Device = device;
        Budget = DefaultBudget();
    }

    /// <summary>The device.</summary>
    public Device Device { get; }

    /// <summary>Most bytes held at once, live and pooled together. Default: 90 % of the machine's memory, or <c>TESSERA_MEMORY</c> (bytes, or with K, M, G).</summary>
    public long Budget { get; set; }

    /// <summary>Bytes in use, by size class.</summary>
    public long Live { get; private set; }

    /// <summary>Number of storages in use.</summary>
    public int LiveBlocks { get; private set; }

    /// <summary>Largest <see cref="Live"/> since the start or <see cref="ResetPeak"/>.</summary>
    public long Peak { get; private set; }

    /// <summary>Bytes free for reuse.</summary>
    public long Pooled { get; private set; }

    /// <summary>Storages that only a finalizer gave back: a sign of tensors created outside of scopes.</summary>
    public long Finalized { get; private set; }

    /// <summary>Number of blocks taken from the operating system or driver so far; flat in a steady training loop.</summary>
    public long Allocations { get; private set; }

    /// <summary>Starts a new measurement of <see cref="Peak"/>.</summary>
    public void ResetPeak()
    {
        lock (gate) Peak = Live;
    }

    /// <summary>A storage of at least <paramref name="bytes"/> bytes with one lease; its content is undefined.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The budget does not hold it, also after a collection.</exception>
    public (Storage Storage, Lease Lease) Rent(long bytes)
    {
        long capacity = SizeClass(bytes);
        if (Live + capacity > Math.Min(Budget, Volatile.Read(ref collectAt))) Collect();
        nint pointer;
        lock (gate)
        {
            if (free.TryGetValue(capacity, out var stack) && stack.Count > 0)
            {
                pointer = stack.Pop();
                Pooled -= capacity;
            }
            else
            {
                pointer = Allocate(bytes, capacity);
            }
            Live += capacity;
            LiveBlocks++;
            Peak = Math.Max(Peak, Live);
            var storage = new Storage(this, pointer, bytes, capacity);
            live.Add(storage);
            return (storage, storage.Rent());
        }
    }

    /// <summary>Gives all pooled blocks back to the operating system or driver.</summary>
    public void Trim()
    {
        lock (gate)
        {
            foreach (var (capacity, stack) in free)
                while (stack.TryPop(out nint p)) Device.Backend.Free(p, capacity);
            Pooled = 0;
        }
    }

    /// <summary>Live, peak and pooled bytes in words.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Device.Name}: {Mib(Live)} live in {LiveBlocks} blocks, {Mib(Peak)} peak, {Mib(Pooled)} pooled, budget {Mib(Budget)}");

    internal void Return(Storage storage, bool finalizing)
    {
        lock (gate)
        {
            live.Remove(storage);
            Live -= storage.Capacity;
            LiveBlocks--;
            if (finalizing) Finalized++;
            if (!free.TryGetValue(storage.Capacity, out var stack)) free[storage.Capacity] = stack = new Stack<nint>();
            stack.Push(storage.Pointer);
            Pooled += storage.Capacity;
        }
    }

    nint Allocate(long bytes, long capacity)
    {
        if (Live + Pooled + capacity > Budget) Trim();
        if (Live + capacity > Budget) throw OutOfMemory(bytes);
        Allocations++;
        nint pointer = Device.Backend.Allocate(capacity);
        return pointer != 0 ? pointer : throw OutOfMemory(bytes);
    }

    void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (gate) collectAt = Math.Min(Budget, Math.Max(CollectionFloor, 2 * Live));
    }

    OutOfDeviceMemoryException OutOfMemory(long bytes)
    {
        var largest = live.Select(s => s.Bytes).OrderDescending().Take(5).Select(Mib);
        return new OutOfDeviceMemoryException(string.Create(CultureInfo.InvariantCulture,
            $"Memory: out of memory on {Device.Name}: got a request of {Mib(bytes)}, expected at most {Mib(Math.Max(0, Budget - Live))} free of {Mib(Budget)} ({Mib(Live)} live in {LiveBlocks} blocks; largest: {string.Join(", ", largest)}). Hint: use a smaller batch size, or raise TESSERA_MEMORY."));
    }

    /// <summary>Four classes a power of two: at most 25 % are lost.</summary>
    static long SizeClass(long bytes)
    {
        if (bytes <= Smallest) return Smallest;
        long step = (long)BitOperations.RoundUpToPowerOf2((ulong)bytes) / 8;
        return (bytes + step - 1) / step * step;
    }

    static string Mib(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");

    static long DefaultBudget()
    {
        long machine = (long)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes * 0.9);
        string? text = Environment.GetEnvironmentVariable("TESSERA_MEMORY");
        if (string.IsNullOrWhiteSpace(text)) return machine;
        long unit = char.ToUpperInvariant(text[^1]) switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
        return double.TryParse(unit == 1 ? text : text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0
            ? (long)(value * unit)
            : throw new TesseraException($"TESSERA_MEMORY: not a size: got '{text}', expected bytes, or a number with K, M or G such as 8G.");
    }
}
