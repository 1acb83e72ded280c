using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>A piece of global memory; its device address is its address in the process.</summary>
sealed unsafe class Allocation(ulong start, long bytes, string owner)
{
    public readonly ulong Start = start;

    /// <summary>Its size; -1 once it was freed.</summary>
    public long Bytes { get; private set; } = bytes;

    /// <summary>For memory without content, a byte for each byte: 1 where something was written. Null: all of it has content.</summary>
    public byte* Defined { get; private set; }

    /// <summary>Who owns it, for messages: a variable's name, an argument.</summary>
    public readonly string Owner = owner;

    /// <summary>Whether it is constant memory, which kernels only read.</summary>
    public bool IsConstant { get; init; }

    /// <summary>The arena it was cut from; null for memory of its own.</summary>
    public Allocation? Home { get; init; }

    /// <summary>The line of the text that freed it; 0 for none.</summary>
    public int FreedAt { get; set; }

    public Span<byte> Content => new((void*)Start, checked((int)Bytes));

    /// <summary>From now on all of it counts as written, or nothing.</summary>
    public void Define(bool all)
    {
        if (Defined != null) NativeMemory.Free(Defined);
        Defined = all ? null : (byte*)NativeMemory.AllocZeroed((nuint)Math.Max(Bytes, 1));
    }

    /// <summary>Bytes that the host has written.</summary>
    public void Define(long offset, long bytes)
    {
        if (Defined != null) NativeMemory.Fill(Defined + offset, (nuint)bytes, 1);
    }

    public void Free()
    {
        Define(all: true);
        Bytes = -1;
    }

    public bool Holds(ulong address, int bytes) => address >= Start && address - Start <= (ulong)(Bytes - bytes) && bytes <= Bytes;
}

/// <summary>The global memory of an emulated device: what was allocated, and nothing else, may be accessed.</summary>
sealed unsafe class DeviceMemory : IDisposable
{
    const long mostFreedBytes = 64 << 20;
    const int mostFreed = 1024;

    readonly Dictionary<Allocation, nint> blocks = [];
    readonly Queue<(Allocation Allocation, long Bytes)> freed = [];
    readonly Lock gate = new();
    Allocation[] sorted = [];
    long freedBytes;

    public DeviceMemory() => Heap = new(this);

    /// <summary>What kernels take and give back themselves.</summary>
    public DeviceHeap Heap { get; }

    /// <summary>The most bytes of it.</summary>
    public long HeapBytes { get; init; } = DeviceHeap.DefaultBytes;

    /// <summary>Whether some memory was allocated without content.</summary>
    public bool HasUndefined { get; private set; }

    /// <summary>Zeroed memory, aligned to 256 bytes or more.</summary>
    public Allocation Allocate(long bytes, string owner, int align = 1, bool constant = false)
    {
        Allocation allocation = TryAllocate(bytes, owner, align: align, constant: constant)
            ?? throw new OutOfDeviceMemoryException($"Emulator: out of memory: got a request of {bytes} bytes for {owner}, expected a system that has them. "
                + "Hint: use smaller buffers.");
        NativeMemory.Clear((void*)allocation.Start, (nuint)Math.Max(bytes, 1));
        return allocation;
    }

    /// <summary>
    /// Memory of undefined content, aligned to 256 bytes or more; null where the system has none. With a map, a kernel that reads what was not
    /// written makes a mistake that <see cref="DefinedCheck"/> finds.
    /// </summary>
    public Allocation? TryAllocate(long bytes, string owner, bool map = false, int align = 1, bool constant = false)
    {
        void* p;
        try
        {
            p = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), (nuint)Math.Max(align, 256));
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
        Allocation allocation = Register(new((ulong)p, bytes, owner) { IsConstant = constant });
        lock (gate) blocks[allocation] = (nint)p;
        if (map)
        {
            allocation.Define(all: false);
            HasUndefined = true;
        }
        return allocation;
    }

    /// <summary>Gives memory back; accesses to it end a launch from now on. Its addresses stay taken for a while, so that who still uses them is told whose they were.</summary>
    public void Free(Allocation allocation)
    {
        lock (gate)
        {
            int at = Array.IndexOf(sorted, allocation);
            if (at >= 0) sorted = [.. sorted.AsSpan(0, at), .. sorted.AsSpan(at + 1)];
            freed.Enqueue((allocation, allocation.Bytes));
            freedBytes += allocation.Bytes;
            allocation.Free();
            while ((freedBytes > mostFreedBytes || freed.Count > mostFreed) && freed.TryDequeue(out var old))
            {
                freedBytes -= old.Bytes;
                if (blocks.Remove(old.Allocation, out nint block)) NativeMemory.AlignedFree((void*)block);
            }
        }
    }

    /// <summary>The freed allocation that an address lay in, with its size, if it is still remembered.</summary>
    public (Allocation Allocation, long Bytes)? Freed(ulong address)
    {
        lock (gate)
        {
            foreach (var f in freed.Reverse()) if (address >= f.Allocation.Start && address - f.Allocation.Start < (ulong)f.Bytes) return f;
            return null;
        }
    }

    /// <summary>The host has written these bytes.</summary>
    public void Define(ulong address, long bytes)
    {
        if (HasUndefined && Find(address, 1) is { } a) a.Define((long)(address - a.Start), bytes);
    }

    /// <summary>After a launch that nobody watched, all memory counts as written.</summary>
    public void DefineAll()
    {
        if (!HasUndefined) return;
        foreach (Allocation a in sorted) a.Define(all: true);
        HasUndefined = false;
    }

    /// <summary>Admits accesses to memory that somebody else owns.</summary>
    public Allocation Register(Allocation allocation)
    {
        lock (gate)
        {
            int at = Array.FindLastIndex(sorted, a => a.Start < allocation.Start) + 1;
            sorted = [.. sorted.AsSpan(0, at), allocation, .. sorted.AsSpan(at)];
        }
        return allocation;
    }

    /// <summary>The allocation that holds these bytes; null for none.</summary>
    public Allocation? Find(ulong address, int bytes)
    {
        Allocation[] all = sorted;
        int low = 0, high = all.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            if (all[middle].Start > address) high = middle - 1;
            else if (all[middle].Holds(address, bytes)) return all[middle];
            else low = middle + 1;
        }
        return Heap.OwnerOf(address) is { } owner && owner.Holds(address, bytes) ? owner : null;
    }

    /// <summary>The memory of an owner; null for none.</summary>
    public Allocation? OwnedBy(string owner) => Array.Find(sorted, a => a.Owner == owner);

    /// <summary>The allocation nearest below an address, for messages.</summary>
    public Allocation? Before(ulong address) => Heap.Before(address) ?? sorted.LastOrDefault(a => a.Start <= address);

    public void Dispose()
    {
        foreach (Allocation a in sorted) a.Free();
        Heap.Dispose();
        foreach (nint block in blocks.Values) NativeMemory.AlignedFree((void*)block);
        blocks.Clear();
        freed.Clear();
        sorted = [];
    }
}
