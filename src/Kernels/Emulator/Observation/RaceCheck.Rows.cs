using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <content>
/// Half a warp at once, where its lanes lie side by side or all at the same place: nearly all accesses of real kernels. It notes what the lanes
/// one after the other would; whatever might be a race is left to them.
/// </content>
abstract unsafe partial class RaceCheck
{
    /// <summary>Notes 16 lanes that lie in this pattern, the first at granule <paramref name="index"/>. False, and nothing noted, where that takes a closer look.</summary>
    protected bool Together(in Request q, int first, Pattern pattern, Cells c, long index)
    {
        if (pattern == Pattern.Any || !BitOperations.IsPow2(q.Bytes) || q.Bytes >> Shift == 0) return false;
        if (pattern == Pattern.Row) Row(q, first, c, index);
        else return (q.Access & Access.Write) == 0 && ReadSame(q, first, c, index);
        return true;
    }

    /// <summary>Side by side: 16 granules at a time, in the order of the lanes.</summary>
    void Row(in Request q, int first, Cells c, long index)
    {
        bool writes = (q.Access & Access.Write) != 0;
        int shift = BitOperations.Log2((uint)q.Bytes) - Shift, last = (1 << shift) - 1;
        for (int at = 0; at < 16 << shift; at += 16)
        {
            Vector512<uint> lanes = Vector512.Create((uint)first) + ((Vector512<uint>.Indices + Vector512.Create((uint)at)) >> shift);
            if (writes ? WriteRow(lanes, c, index + at) : ReadRow(lanes, c, index + at)) continue;
            for (int i = at; i < at + 16; i++)
            {
                int lane = first + (i >> shift), offset = (i & last) << Shift;
                if (writes) Write(q, lane, c, index + i, offset);
                else Read(q, lane, c, index + i, offset);
            }
        }
    }

    /// <summary>All at the same place. Two different threads are enough, as for reads of one place by several instructions.</summary>
    bool ReadSame(in Request q, int first, Cells c, long index)
    {
        long end = index + (q.Bytes >> Shift);
        Vector512<uint> lanes = Vector512<uint>.Indices + Vector512.Create((uint)first);
        for (long i = index; i < end; i++)
        {
            if (c.Write[i] >= Settled && !Calm(Vector512.Create(c.Write[i]), ref write, lanes)) return false;
            if (end - index > 1 && !IsOfOthers(c.Read[i])) return false;
        }
        for (long i = index; i < end; i++)
        {
            if (c.Read[i] < Settled)
            {
                (c.Read[i], c.OtherRead[i]) = (mine | (uint)first, mine | (uint)(first + 1));
                c.HasRead = c.HasOtherRead = true;
                continue;
            }
            Read(q, first, c, i, 0);
            Read(q, first + 1, c, i, 0);
        }
        return true;
    }

    /// <summary>Whether a read comes before all lanes' own, or before none because another warp made it.</summary>
    bool IsOfOthers(uint record)
    {
        if (record < Settled) return true;
        if (record >> 5 != read.Number) read = Compare(record >> 5);
        return read.Ordered || read.Warp != me.Warp;
    }

    bool ReadRow(Vector512<uint> lanes, Cells c, long index)
    {
        if (!Calm(c.HasWrite, c.Write + index, ref write, lanes)) return false;
        Vector512<uint> me = Vector512.Create(mine) | lanes, earlier = Vector512.Load(c.Read + index);
        if (!OneEvent(earlier, ref read, lanes, out Vector512<uint> precedes)) return false;
        Vector512.ConditionalSelect(precedes, me, earlier).Store(c.Read + index);
        c.HasRead = true;
        if (precedes == Vector512<uint>.AllBitsSet) return true;
        Vector512<uint> other = Vector512.Load(c.OtherRead + index);
        Vector512<uint> known = Vector512.Equals(other >> 5, Vector512.Create(mine >> 5)) & ~Vector512.Equals(other, earlier);
        Vector512.ConditionalSelect(precedes | known, other, me).Store(c.OtherRead + index);
        return c.HasOtherRead = true;
    }

    bool WriteRow(Vector512<uint> lanes, Cells c, long index)
    {
        if (!Calm(c.HasWrite, c.Write + index, ref write, lanes)) return false;
        if (!Calm(c.HasRead, c.Read + index, ref read, lanes)) return false;
        if (!Calm(c.HasOtherRead, c.OtherRead + index, ref otherRead, lanes)) return false;
        if (c.HasRead) Vector512<uint>.Zero.Store(c.Read + index);
        if (c.HasOtherRead) Vector512<uint>.Zero.Store(c.OtherRead + index);
        (Vector512.Create(mine) | lanes).Store(c.Write + index);
        return c.HasWrite = true;
    }

    /// <summary>Whether none of the earlier accesses may happen at the same time as the lanes' own, or all are strong as these are.</summary>
    bool Calm(bool any, uint* records, ref Comparison with, Vector512<uint> lanes) => !any || Calm(Vector512.Load(records), ref with, lanes);

    bool Calm(Vector512<uint> records, ref Comparison with, Vector512<uint> lanes) =>
        OneEvent(records, ref with, lanes, out Vector512<uint> precedes) && (precedes == Vector512<uint>.AllBitsSet || with.BothStrong);

    /// <summary>For each of 16 records whether it comes before its lane's access. False where those that are not settled are of several events.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool OneEvent(Vector512<uint> records, ref Comparison with, Vector512<uint> lanes, out Vector512<uint> precedes)
    {
        precedes = Vector512.LessThan(records, Vector512.Create(Settled));
        return precedes == Vector512<uint>.AllBitsSet || OneUnsettled(records, ref with, lanes, ref precedes);
    }

    bool OneUnsettled(Vector512<uint> records, ref Comparison with, Vector512<uint> lanes, ref Vector512<uint> precedes)
    {
        uint number = records[BitOperations.TrailingZeroCount(~(uint)precedes.ExtractMostSignificantBits())] >> 5;
        if ((precedes | Vector512.Equals(records >> 5, Vector512.Create(number))) != Vector512<uint>.AllBitsSet) return false;
        if (number != with.Number) with = Compare(number);
        if (with.Ordered) precedes = Vector512<uint>.AllBitsSet;
        else if (with.Warp == me.Warp) precedes |= Vector512.Equals(records & Vector512.Create(31u), lanes);
        return true;
    }
}
