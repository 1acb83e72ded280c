using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>
/// A warp's accesses by one instruction between two synchronisations: who and where, the warp's clock, the
/// group of an asynchronous copy, or -1, and how far a strong access reaches. A <em>record</em> is an event's number and a lane in 32 bits, so it names a thread and a time; 0 is nobody.
/// </summary>
readonly struct Event(int cluster, int clock, int site, int group, int warp, int reach)
{
    readonly ulong when = (uint)cluster | (ulong)(uint)clock << 32, where = (uint)site | (ulong)(uint)group << 32, how = (uint)warp | (ulong)(uint)reach << 32;

    public int Cluster => (int)when;

    public int Clock => (int)(when >> 32);

    public int Site => (int)where;

    public int Group => (int)(where >> 32);

    public int Warp => (int)how;

    /// <summary>0 for a weak access; for a strong one 1 where its scope is a block, 2 a cluster, 3 the device.</summary>
    public int Reach => (int)(how >> 32);

    public bool Is(in Event other) => ((when ^ other.when) | (where ^ other.where) | (how ^ other.how)) == 0;
}

/// <summary>All events, by number; threads take numbers in batches.</summary>
sealed unsafe class Events : IDisposable
{
    const int pageBits = 14, pages = 1 << (27 - pageBits), batch = 256;

    readonly nint[] page = new nint[pages];
    int next = 1;

    public ref Event this[uint number] => ref ((Event*)page[number >> pageBits])[number & ((1 << pageBits) - 1)];

    /// <summary>New numbers: the first one, and the one after the last; none where all are used up.</summary>
    public (uint First, uint End) Take()
    {
        lock (page)
        {
            int first = next;
            if (first + batch > pages << pageBits) return (0, 0);
            next = Math.Min(first + batch, ((first >> pageBits) + 1) << pageBits);
            ref nint p = ref page[first >> pageBits];
            if (p == 0) p = (nint)NativeMemory.Alloc(1 << pageBits, (nuint)sizeof(Event));
            return ((uint)first, (uint)next);
        }
    }

    /// <summary>Numbers start again.</summary>
    public void Clear() => next = 1;

    public void Dispose()
    {
        foreach (nint p in page) NativeMemory.Free((void*)p);
    }
}

/// <summary>For each granule of some memory the records of its last write and of two reads since, each in an array of its own.</summary>
sealed unsafe class Cells(long count) : IDisposable
{
    public readonly uint* Write = (uint*)NativeMemory.AllocZeroed((nuint)count, 4), Read = (uint*)NativeMemory.AllocZeroed((nuint)count, 4),
        OtherRead = (uint*)NativeMemory.AllocZeroed((nuint)count, 4);

    /// <summary>Whether there is anything but zeros.</summary>
    public bool HasWrite, HasRead, HasOtherRead;

    public void Clear()
    {
        if (HasWrite) NativeMemory.Clear(Write, (nuint)count * 4);
        if (HasRead) NativeMemory.Clear(Read, (nuint)count * 4);
        if (HasOtherRead) NativeMemory.Clear(OtherRead, (nuint)count * 4);
        HasWrite = HasRead = HasOtherRead = false;
    }

    /// <summary>Forgets some granules.</summary>
    public void Clear(long first, long granules)
    {
        foreach (nint row in (ReadOnlySpan<nint>)[(nint)Write, (nint)Read, (nint)OtherRead]) NativeMemory.Clear((uint*)row + first, (nuint)granules * 4);
    }

    public void Dispose()
    {
        NativeMemory.Free(Write);
        NativeMemory.Free(Read);
        NativeMemory.Free(OtherRead);
    }
}
