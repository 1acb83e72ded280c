namespace Tessera.Emulator;

/// <summary>Which sectors of 32 bytes of global memory a launch has read and written.</summary>
sealed class Footprint
{
    readonly Dictionary<Allocation, ulong[][]> maps = [];

    /// <summary>Two maps of an allocation, read and written: one bit a sector, from the allocation's start rounded down.</summary>
    public ulong[][] Of(Allocation a)
    {
        lock (maps)
        {
            if (maps.TryGetValue(a, out ulong[][]? known)) return known;
            long words = ((a.Bytes + 63) / 32 / 64) + 1;
            return maps[a] = [new ulong[words], new ulong[words]];
        }
    }

    public static void Mark(ulong[] map, ulong sector)
    {
        ref ulong word = ref map[sector >> 6];
        ulong bit = 1ul << (int)(sector & 63);
        if ((Volatile.Read(ref word) & bit) == 0) Interlocked.Or(ref word, bit);
    }

    public long Bytes(int which)
    {
        lock (maps) return maps.Values.Sum(m => m[which].Sum(word => (long)System.Numerics.BitOperations.PopCount(word))) * 32;
    }
}
