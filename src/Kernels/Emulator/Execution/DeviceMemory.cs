using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>A piece of global memory; its device address is its address in the process.</summary>
sealed class Allocation(ulong start, long bytes, string owner)
{
    public readonly ulong Start = start;
    public readonly long Bytes = bytes;

    /// <summary>Who owns it, for messages: a variable's name, an argument.</summary>
    public readonly string Owner = owner;

    public unsafe Span<byte> Content => new((void*)Start, checked((int)Bytes));

    public bool Holds(ulong address, int bytes) => address >= Start && address - Start <= (ulong)(Bytes - bytes) && bytes <= Bytes;
}

/// <summary>The global memory of an emulated device: what was allocated, and nothing else, may be accessed.</summary>
sealed unsafe class DeviceMemory : IDisposable
{
    readonly List<nint> blocks = [];
    Allocation[] sorted = [];

    /// <summary>Zeroed memory, aligned to 256 bytes.</summary>
    public Allocation Allocate(long bytes, string owner)
    {
        Allocation allocation = TryAllocate(bytes, owner) ?? throw new OutOfMemoryException();
        NativeMemory.Clear((void*)allocation.Start, (nuint)Math.Max(bytes, 1));
        return allocation;
    }

    /// <summary>Memory of undefined content, aligned to 256 bytes; null where the system has none.</summary>
    public Allocation? TryAllocate(long bytes, string owner)
    {
        void* p;
        try
        {
            p = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 256);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
        blocks.Add((nint)p);
        return Register(new((ulong)p, bytes, owner));
    }

    /// <summary>Gives memory back; accesses to it end a launch from now on.</summary>
    public void Free(Allocation allocation)
    {
        sorted = [.. sorted.Where(a => a != allocation)];
        blocks.Remove((nint)allocation.Start);
        NativeMemory.AlignedFree((void*)allocation.Start);
    }

    /// <summary>Admits accesses to memory that somebody else owns.</summary>
    public Allocation Register(Allocation allocation)
    {
        sorted = [.. sorted.Append(allocation).OrderBy(a => a.Start)];
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
        return null;
    }

    /// <summary>The allocation nearest below an address, for messages.</summary>
    public Allocation? Before(ulong address) => sorted.LastOrDefault(a => a.Start <= address);

    public void Dispose()
    {
        foreach (nint block in blocks) NativeMemory.AlignedFree((void*)block);
        blocks.Clear();
        sorted = [];
    }
}
