using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <content>
/// Half a warp at once, where its lanes lie side by side, each with a granule of its own, or all at the same place: nearly all accesses of real kernels.
/// It notes what the lanes one after the other would; whatever might be a race is left to them.
/// </content>
abstract unsafe partial class RaceCheck
{
    /// <summary>Notes 16 lanes that lie in this pattern, the first at granule <paramref name="index"/>. False, and nothing noted, where that takes a closer look.</summary>
    protected bool Together(in Request q, int first, Pattern pattern, Cells c, long index)
    {
        if (pattern == Pattern.Any || q.Bytes != 1 << Shift) return false;
        bool writes = (q.Access & Access.Write) != 0;
        if (pattern == Pattern.Row) return writes ? WriteRow(first, c, index) : ReadRow(first, c, index);
        // Two different threads are enough, as for reads of one place by several instructions.
        if (writes || !Calm(c.HasWrite, Vector512.Create(c.Write[index]), ref write, first)) return false;
        Read(q, first, c, index, 0);
        Read(q, first + 1, c, index, 0);
        return true;
    }

    bool ReadRow(int first, Cells c, long index)
    {
        if (!Calm(c.HasWrite, Vector512.Load(c.Write + index), ref write, first)) return false;
        Vector512<uint> me = Vector512.Create(mine | (uint)first) + Vector512<uint>.Indices, earlier = Vector512.Load(c.Read + index);
        if (!OneEvent(earlier, ref read, first, out Vector512<uint> precedes)) return false;
        Vector512.ConditionalSelect(precedes, me, earlier).Store(c.Read + index);
        c.HasRead = true;
        if (precedes == Vector512<uint>.AllBitsSet) return true;
        Vector512<uint> other = Vector512.Load(c.OtherRead + index);
        Vector512<uint> known = Vector512.Equals(other >> 5, Vector512.Create(mine >> 5)) & ~Vector512.Equals(other, earlier);
        Vector512.ConditionalSelect(precedes | known, other, me).Store(c.OtherRead + index);
        return c.HasOtherRead = true;
    }

    bool WriteRow(int first, Cells c, long index)
    {
        if (!Calm(c.HasWrite, Vector512.Load(c.Write + index), ref write, first)) return false;
        if (c.HasRead && !Calm(true, Vector512.Load(c.Read + index), ref read, first)) return false;
        if (c.HasOtherRead && !Calm(true, Vector512.Load(c.OtherRead + index), ref otherRead, first)) return false;
        if (c.HasRead) Vector512<uint>.Zero.Store(c.Read + index);
        if (c.HasOtherRead) Vector512<uint>.Zero.Store(c.OtherRead + index);
        (Vector512.Create(mine | (uint)first) + Vector512<uint>.Indices).Store(c.Write + index);
        return c.HasWrite = true;
    }

    /// <summary>Whether none of the earlier accesses may happen at the same time as the lanes' own, or all are strong as these are.</summary>
    bool Calm(bool any, Vector512<uint> records, ref Comparison with, int first) =>
        !any || (OneEvent(records, ref with, first, out Vector512<uint> precedes) && (precedes == Vector512<uint>.AllBitsSet || with.BothStrong));

    /// <summary>For each of 16 records whether it comes before its lane's access. False where they are of several events.</summary>
    bool OneEvent(Vector512<uint> records, ref Comparison with, int first, out Vector512<uint> precedes)
    {
        precedes = Vector512.Equals(records, Vector512<uint>.Zero);
        if (precedes == Vector512<uint>.AllBitsSet) return true;
        uint number = 0;
        for (int i = 0; number == 0; i++) number = records[i] >> 5;
        if ((precedes | Vector512.Equals(records >> 5, Vector512.Create(number))) != Vector512<uint>.AllBitsSet) return false;
        if (number != with.Number) with = Compare(number);
        if (with.Ordered) precedes = Vector512<uint>.AllBitsSet;
        else if (with.Warp == me.Warp) precedes |= Vector512.Equals(records & Vector512.Create(31u), Vector512<uint>.Indices + Vector512.Create((uint)first));
        return true;
    }
}
