using System.Numerics;
using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>Who touched a granule of memory last, and when: the clock of its warp, and the fences of its block until then. Clock 0: nobody.</summary>
[StructLayout(LayoutKind.Sequential)]
struct Record
{
    public int Clock, Block;
    public ushort Fences, Thread, Site;
    public bool Strong;
}

/// <summary>A granule: its last write, and two reads by different threads since; with two, one of them is never the next writer's own.</summary>
struct Cell
{
    public Record Write, Read, OtherRead;
}

/// <summary>
/// Two threads that touch the same bytes, at least one of them writing, with nothing that orders them and not both strong. Memory is
/// watched in granules as large as the kernel's smallest access, so that every access is whole granules. Two writes of the same value are no race.
/// </summary>
abstract unsafe class RaceCheck(Observers observers, int granule) : Observer
{
    protected readonly int Shift = BitOperations.Log2((uint)granule);

    protected Observers Observers => observers;

    /// <summary>The number of the running block.</summary>
    protected int Block;

    /// <summary>The fences of the running block so far.</summary>
    protected ushort Fences;

    /// <summary>Whether another block's access comes before what this block does now.</summary>
    protected virtual bool HandedOver(in Record earlier) => false;

    /// <summary>Notes the touch of one lane in the cells of its bytes.</summary>
    protected void Touch(in Request q, int lane, Cell* cell)
    {
        Warp w = q.Warp;
        Record me = new() { Clock = observers.Clocks.Now(w.Index), Block = Block, Fences = Fences, Thread = (ushort)((w.Index * 32) + lane), Site = (ushort)Math.Min(q.Op.Site, ushort.MaxValue), Strong = (q.Access & Access.Strong) != 0 };
        ReadOnlySpan<int> seen = observers.Clocks.Seen(w.Index);
        Cell* end = cell + (q.Bytes >> Shift);
        if ((q.Access & Access.Write) == 0)
        {
            for (; cell < end; cell++) Read(q, lane, cell, me, seen, end);
        }
        else
        {
            for (; cell < end; cell++) Write(q, lane, cell, me, seen, end);
        }
    }

    bool Ordered(in Record earlier, in Record me, ReadOnlySpan<int> seen) =>
        earlier.Block == me.Block ? earlier.Clock <= seen[earlier.Thread >> 5] || earlier.Thread == me.Thread : earlier.Clock == 0 || HandedOver(earlier);

    void Read(in Request q, int lane, Cell* c, in Record me, ReadOnlySpan<int> seen, Cell* end)
    {
        if (!Ordered(c->Write, me, seen) && !(c->Write.Strong && me.Strong)) Report(q, lane, c->Write, me, "reads", "wrote", q.Bytes - ((int)(end - c) << Shift));
        if (c->Read.Thread == me.Thread && c->Read.Block == me.Block || Ordered(c->Read, me, seen)) c->Read = me;
        else if (!Represents(c->OtherRead, me) || c->OtherRead.Thread == c->Read.Thread) c->OtherRead = me;
    }

    /// <summary>Whether what is ordered after the one read is ordered after the other too: same warp, same clock.</summary>
    static bool Represents(in Record read, in Record me) => read.Clock == me.Clock && read.Block == me.Block && read.Thread >> 5 == me.Thread >> 5 && read.Strong == me.Strong;

    void Write(in Request q, int lane, Cell* c, in Record me, ReadOnlySpan<int> seen, Cell* end)
    {
        int at = q.Bytes - ((int)(end - c) << Shift);
        if (!Ordered(c->Write, me, seen) && !(c->Write.Strong && me.Strong) && !SameValue(q, lane, c->Write, at)) Report(q, lane, c->Write, me, "writes", "wrote", at);
        if (!Ordered(c->Read, me, seen) && !(c->Read.Strong && me.Strong)) Report(q, lane, c->Read, me, "writes", "read", at);
        else if (!Ordered(c->OtherRead, me, seen) && !(c->OtherRead.Strong && me.Strong)) Report(q, lane, c->OtherRead, me, "writes", "read", at);
        c->Write = me;
        c->Read = c->OtherRead = default;
    }

    /// <summary>Whether the write puts into a granule what the earlier write put there: one of an earlier lane of the same instruction, or what memory holds.</summary>
    bool SameValue(in Request q, int lane, in Record earlier, int offset)
    {
        byte* mine = stackalloc byte[32], theirs = stackalloc byte[32];
        if (!q.Op.ValueOf(q.Warp, lane, mine)) return false;
        ulong address = q.At[lane] + (ulong)offset;
        byte* there = q.Space == Space.Shared ? observers.Cta.Shared + address : (byte*)address;
        int other = earlier.Thread - (q.Warp.Index * 32);
        if (earlier.Block == Block && other is >= 0 and < 32 && other < lane && (q.Mask >> other & 1) != 0 && address - q.At[other] < (ulong)q.Bytes)
        {
            q.Op.ValueOf(q.Warp, other, theirs);
            there = theirs + (address - q.At[other]);
        }
        return new ReadOnlySpan<byte>(mine + offset, 1 << Shift).SequenceEqual(new(there, 1 << Shift));
    }

    /// <summary>Names the access that comes later in the text first, so that one race has one name whoever was faster.</summary>
    void Report(in Request q, int lane, in Record earlier, in Record me, string verb, string earlierVerb, int offset)
    {
        Op mine = q.Op, other = observers.Cta.Launch.Code.Image.Sites[earlier.Site];
        Spot here = q.Warp.SpotOf(lane), there = new(earlier.Block - 1, earlier.Thread);
        if (mine.Site < other.Site) (mine, other, here, there, verb, earlierVerb) = (other, mine, there, here, earlierVerb == "read" ? "reads" : "writes", verb == "reads" ? "read" : "wrote");
        if (observers.Findings.Counts("race", mine, other.Site)) return;
        string place = observers.Place(q, lane, offset), by = observers.Cta.Launch.ThreadAt(there.Thread).ToString();
        string why = here.Block == there.Block ? "no barrier between" : $"block {observers.Cta.Launch.BlockAt(there.Block)}, and nothing orders the blocks";
        observers.Findings.Add("race", mine, other.Site, here, $"{verb} {place}, which thread {by} {earlierVerb} at line {other.Position.Line}: {why}", place, other.Position.Line);
    }
}

/// <summary>Races on the shared memory of a block.</summary>
sealed unsafe class SharedRaceCheck : RaceCheck
{
    readonly Cell* cells;
    readonly int count;

    public SharedRaceCheck(Observers observers) : base(observers, Granule.Of(observers.Cta.Launch.Code, Space.Shared))
    {
        count = (observers.Cta.SharedBytes >> Shift) + 1;
        cells = (Cell*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(Cell));
    }

    public override void Start()
    {
        Block = (int)Observers.Cta.Index + 1;
        NativeMemory.Clear(cells, (nuint)count * (nuint)sizeof(Cell));
    }

    public override void Touch(in Request q)
    {
        if (q.Space != Space.Shared) return;
        for (uint m = q.Mask; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            Touch(q, lane, cells + (q.At[lane] >> Shift));
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        NativeMemory.Free(cells);
    }
}
