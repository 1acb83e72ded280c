using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>
/// What kernels take with <c>malloc</c>: memory that lives until <c>free</c>, also beyond the launch. It is cut from one arena; what comes back rests for a while before
/// it is given out again, so that who still uses it is told.
/// </summary>
sealed unsafe class DeviceHeap(DeviceMemory memory) : IDisposable
{
    /// <summary>The heap of a GPU of which nobody has asked for another one.</summary>
    public const long DefaultBytes = 8 << 20;

    const int grain = 256, mostResting = 256;

    readonly Lock gate = new();
    readonly Queue<(ulong Start, long Bytes)> resting = [];

    /// <summary>What may be given out, in the order of the addresses.</summary>
    readonly List<(ulong Start, long Bytes)> free = [];

    volatile Allocation? arena;

    /// <summary>For each grain of the arena, whose it is.</summary>
    Allocation?[] owners = [];

    /// <summary>Who has an address; null for nobody.</summary>
    public Allocation? OwnerOf(ulong address) => arena is { } a && address - a.Start is var at && at < (ulong)a.Bytes ? owners[at / grain] : null;

    /// <summary>The nearest below an address inside the arena, for messages.</summary>
    public Allocation? Before(ulong address) => arena is { } a && address - a.Start is var at && at < (ulong)a.Bytes
        ? Array.FindLast(owners[..(int)((at / grain) + 1)], o => o != null) : null;

    /// <summary>Memory of so many bytes, for the call at a line of the text; null where the heap has no room, and for none. It holds zeros.</summary>
    public Allocation? Take(ulong bytes, int line)
    {
        lock (gate)
        {
            if (bytes == 0 || bytes > (ulong)memory.HeapBytes) return null;
            if (arena == null) Open();
            long size = (long)bytes + grain - 1 & -grain;
            int at;
            while ((at = free.FindIndex(f => f.Bytes >= size)) < 0)
                if (resting.TryDequeue(out var rested)) GiveBack(rested.Start, rested.Bytes);
                else return null;
            var (start, all) = free[at];
            if (all == size) free.RemoveAt(at);
            else free[at] = (start + (ulong)size, all - size);
            NativeMemory.Clear((void*)start, (nuint)bytes);
            Allocation taken = new(start, (long)bytes, $"what malloc gave at line {line}") { Home = arena };
            Grains(start, size).Fill(taken);
            return taken;
        }
    }

    /// <summary>Takes memory back, at a line of the text. Gives what is wrong with that; null for nothing.</summary>
    public string? Return(ulong address, int line)
    {
        lock (gate)
        {
            if (OwnerOf(address) is not { } block || block.Start != address)
                return memory.Freed(address) is var (freed, _) && freed.FreedAt > 0 && freed.Start == address
                    ? $"free of 0x{address:X}, {freed.Owner}: it was freed before, at line {freed.FreedAt}" : $"free of 0x{address:X}: expected an address that malloc gave";
            long size = block.Bytes + grain - 1 & -grain;
            Grains(address, size).Clear();
            block.FreedAt = line;
            memory.Free(block);
            resting.Enqueue((address, size));
            if (resting.Count > mostResting && resting.TryDequeue(out var rested)) GiveBack(rested.Start, rested.Bytes);
            return null;
        }
    }

    void Open()
    {
        long bytes = Math.Max(memory.HeapBytes & -grain, grain);
        Allocation all = new((ulong)NativeMemory.AlignedAlloc((nuint)bytes, grain), bytes, "the heap");
        free.Add((all.Start, bytes));
        owners = new Allocation?[bytes / grain];
        arena = all; // the last: other threads look without a lock
    }

    Span<Allocation?> Grains(ulong start, long bytes) => owners.AsSpan((int)((start - arena!.Start) / grain), (int)(bytes / grain));

    /// <summary>A range joins its free neighbours.</summary>
    void GiveBack(ulong start, long bytes)
    {
        int at = free.FindIndex(f => f.Start > start);
        if (at < 0) at = free.Count;
        if (at < free.Count && start + (ulong)bytes == free[at].Start)
        {
            bytes += free[at].Bytes;
            free.RemoveAt(at);
        }
        if (at > 0 && free[at - 1].Start + (ulong)free[at - 1].Bytes == start) free[at - 1] = (free[at - 1].Start, free[at - 1].Bytes + bytes);
        else free.Insert(at, (start, bytes));
    }

    public void Dispose()
    {
        if (arena != null) NativeMemory.AlignedFree((void*)arena.Start);
        arena = null;
    }
}
