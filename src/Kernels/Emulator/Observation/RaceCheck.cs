using System.Numerics;
using System.Runtime.CompilerServices;

namespace Tessera.Emulator;

/// <summary>
/// Two threads that touch the same bytes, at least one of them writing, with nothing that orders them and not both strong. Memory is
/// watched in granules as large as the kernel's smallest access, so that every access is whole granules. Two writes of the same value are no race.
/// </summary>
abstract unsafe partial class RaceCheck(Observers observers, Events events, int granule) : Observer
{
    protected readonly int Shift = BitOperations.Log2((uint)granule);
    readonly uint[] recent = new uint[1024];
    (uint Next, uint End) free;

    // The event of the request at hand, and what it was last compared with: neighbouring lanes mostly meet the same event.
    Event me;
    uint mine, taking;
    Comparison write, read, otherRead;

    /// <summary>The number of the running cluster, from 1.</summary>
    protected int Cluster { get; private set; }

    /// <summary>Records below this come before everything that happens now: the empty one, and perhaps the oldest.</summary>
    protected uint Settled { get; set; } = 1;

    /// <summary>The number that a new event may have.</summary>
    protected uint NextNumber => free.Next;

    /// <summary>Events of asynchronous copies, perhaps not waited for.</summary>
    protected List<uint> Copies { get; } = [];

    protected Observers Observers => observers;

    public override void Start()
    {
        Cluster = (int)observers.Cluster.Index + 1;
        (free, Settled) = (default, 1);
        Copies.Clear();
        Array.Clear(recent);
    }

    /// <summary>Finds or makes the event of a request; false where there are no more numbers.</summary>
    protected bool Begin(in Request q)
    {
        int warp = q.Warp.Number, group = (q.Access & Access.Asynchronous) != 0 ? observers.Groups.Current(warp) : -1;
        me = new(Cluster, observers.Clocks.Now(warp), q.Op.Site, group, warp, (q.Access & Access.Strong) != 0 ? q.Op.Order.Level + 1 : 0);
        taking = q.Mask;
        write = read = otherRead = default;
        ref uint number = ref recent[(warp * 67 + q.Op.Site) & (recent.Length - 1)];
        if ((number == 0 || !events[number].Is(me)) && !Make(ref number)) return false;
        mine = number << 5;
        return true;
    }

    bool Make(ref uint number)
    {
        if (free.Next == free.End && (free = events.Take()).End == 0) return false;
        number = free.Next++;
        events[number] = me;
        if (me.Group >= 0) Copies.Add(number);
        return true;
    }

    /// <summary>Notes what one lane does to the granules of its bytes, of which the first has this index.</summary>
    protected void Touch(in Request q, int lane, Cells c, long index)
    {
        long end = index + (q.Bytes >> Shift);
        if ((q.Access & Access.Write) == 0)
        {
            for (long i = index; i < end; i++) Read(q, lane, c, i, (int)(i - index) << Shift);
        }
        else
        {
            for (long i = index; i < end; i++) Write(q, lane, c, i, (int)(i - index) << Shift);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Read(in Request q, int lane, Cells c, long i, int offset)
    {
        uint written = c.Write[i], first = c.Read[i];
        bool calm = written < Settled || (write.Ordered && written >> 5 == write.Number);
        if (calm && (first < Settled || (read.Ordered && first >> 5 == read.Number)))
        {
            c.Read[i] = mine | (uint)lane;
            c.HasRead = true;
        }
        else if (!calm || first >> 5 != mine >> 5 || c.OtherRead[i] >> 5 != mine >> 5 || c.OtherRead[i] == first) ReadAmongOthers(q, lane, c, i, offset);
    }

    void ReadAmongOthers(in Request q, int lane, Cells c, long i, int offset)
    {
        if (c.HasWrite && Conflicts(ref write, c.Write[i], lane)) Report(q, lane, c.Write[i], "reads", "wrote", offset);
        uint first = c.Read[i];
        if (first != 0 && !Precedes(ref read, first, lane))
        {
            // Two different threads are enough: one of them is not the next writer. Those of one event are ordered before the same.
            if (c.HasOtherRead && c.OtherRead[i] >> 5 == mine >> 5 && c.OtherRead[i] != first) return;
            c.OtherRead[i] = mine | (uint)lane;
            c.HasOtherRead = true;
            return;
        }
        c.Read[i] = mine | (uint)lane;
        c.HasRead = true;
    }

    void Write(in Request q, int lane, Cells c, long i, int offset)
    {
        if (c.HasWrite && Conflicts(ref write, c.Write[i], lane) && !SameValue(q, lane, c.Write[i], offset)) Report(q, lane, c.Write[i], "writes", "wrote", offset);
        if (c.HasRead && c.Read[i] != 0)
        {
            if (Conflicts(ref read, c.Read[i], lane)) Report(q, lane, c.Read[i], "writes", "read", offset);
            else if (c.HasOtherRead && Conflicts(ref otherRead, c.OtherRead[i], lane)) Report(q, lane, c.OtherRead[i], "writes", "read", offset);
            c.Read[i] = 0;
            if (c.HasOtherRead) c.OtherRead[i] = 0;
        }
        c.Write[i] = mine | (uint)lane;
        c.HasWrite = true;
    }

    /// <summary>An earlier event, by number: whether it comes before the request, whether both are strong, and its warp if that is in this cluster.</summary>
    struct Comparison
    {
        public uint Number;
        public bool Ordered, BothStrong;
        public int Warp;
    }

    /// <summary>Whether an earlier access and this lane's may happen at once.</summary>
    bool Conflicts(ref Comparison with, uint record, int lane) => record != 0 && !Precedes(ref with, record, lane) && !with.BothStrong;

    bool Precedes(ref Comparison with, uint record, int lane)
    {
        if (record < Settled) return true;
        if (record >> 5 != with.Number) with = Compare(record >> 5);
        return with.Ordered || (with.Warp == me.Warp && (record & 31) == lane) || IsHandedOver(record, lane);
    }

    bool IsHandedOver(uint record, int lane) => observers.Handovers is { } flags && events[record >> 5] is var earlier
        && flags.Cover(earlier, ClockOf(earlier), (int)(record & 31), me.Warp, lane);

    Comparison Compare(uint number)
    {
        Event earlier = events[number];
        bool here = earlier.Cluster == Cluster;
        int clock = ClockOf(earlier);
        return new()
        {
            Number = number,
            Ordered = (here && clock <= observers.Clocks.Seen(me.Warp)[earlier.Warp]) || observers.Handovers?.CoverAll(earlier, clock, me.Warp, taking) == true,
            BothStrong = Math.Min(earlier.Reach, me.Reach) > (!here ? 2 : earlier.Warp / 32 == me.Warp / 32 ? 0 : 1),
            Warp = here && clock != AsyncGroups.Pending ? earlier.Warp : -1,
        };
    }

    /// <summary>Whether an asynchronous copy is there once its warp's other accesses are.</summary>
    protected bool IsWaitedFor(uint number) => ClockOf(events[number]) != AsyncGroups.Pending;

    int ClockOf(in Event e) => e.Group < 0 ? e.Clock : observers.Groups.ClockOf(e.Warp, e.Group);

    /// <summary>Whether the write puts into a granule what the earlier write put there: one of an earlier lane of the same instruction, or what memory holds.</summary>
    bool SameValue(in Request q, int lane, uint record, int offset)
    {
        byte* mine = stackalloc byte[32], theirs = stackalloc byte[32];
        if (!q.Op.ValueOf(q.Warp, lane, mine)) return false;
        ulong address = q.At[lane] + (ulong)offset;
        byte* there = q.Space == Space.Shared ? observers.Cluster.Shared + address : (byte*)address;
        int other = (int)(record & 31);
        if (write.Warp == me.Warp && other < lane && (q.Mask >> other & 1) != 0 && address - q.At[other] < (ulong)q.Bytes)
        {
            q.Op.ValueOf(q.Warp, other, theirs);
            there = theirs + (address - q.At[other]);
        }
        return new ReadOnlySpan<byte>(mine + offset, 1 << Shift).SequenceEqual(new(there, 1 << Shift));
    }

    /// <summary>A non-coherent load of what somebody wrote in this launch.</summary>
    protected void ReportStale(in Request q, int lane, uint record, int offset)
    {
        Event earlier = events[record >> 5];
        Launch launch = observers.Cluster.Launch;
        Op other = launch.Code.Image.Sites[earlier.Site];
        if (observers.Findings.Counts("race", q.Op, other.Site)) return;
        Spot here = q.Warp.SpotOf(lane);
        string place = observers.Place(q, lane, offset, here.Block), by = launch.ThreadAt((earlier.Warp % 32 * 32) + (int)(record & 31)).ToString();
        string message = $"reads {place} as memory that no thread writes (.nc), but thread {by} wrote it at line {other.Position.Line}";
        observers.Findings.Add("race", q.Op, other.Site, here, message, place, other.Position.Line);
    }

    /// <summary>Names the access that comes later in the text first, so that one race has one name whoever was faster.</summary>
    void Report(in Request q, int lane, uint record, string verb, string earlierVerb, int offset)
    {
        Event earlier = events[record >> 5];
        Launch launch = observers.Cluster.Launch;
        Op mine = q.Op, other = launch.Code.Image.Sites[earlier.Site];
        Spot here = q.Warp.SpotOf(lane), there = new(launch.BlockOf(earlier.Cluster - 1, earlier.Warp / 32), (earlier.Warp % 32 * 32) + (int)(record & 31));
        if (mine.Site < other.Site) (mine, other, here, there, verb, earlierVerb) = (other, mine, there, here, earlierVerb == "read" ? "reads" : "writes", verb == "reads" ? "read" : "wrote");
        if (observers.Findings.Counts("race", mine, other.Site)) return;
        string place = observers.Place(q, lane, offset, here.Block), by = launch.ThreadAt(there.Thread).ToString();
        string why = earlier.Reach > 0 && me.Reach > 0 ? $"their scopes leave each other out"
            : here.Block != there.Block ? $"block {launch.BlockAt(there.Block)}, and nothing orders the blocks"
            : ClockOf(earlier) == AsyncGroups.Pending ? "nobody has waited for this asynchronous copy" : "no barrier between";
        observers.Findings.Add("race", mine, other.Site, here, $"{verb} {place}, which thread {by} {earlierVerb} at line {other.Position.Line}: {why}", place, other.Position.Line);
    }
}

/// <summary>Races on the shared memory of a cluster's blocks.</summary>
sealed class SharedRaceCheck : RaceCheck
{
    readonly Events events;
    readonly Cells cells;

    public SharedRaceCheck(Observers observers) : this(observers, new()) { }

    SharedRaceCheck(Observers observers, Events events) : base(observers, events, Granule.Of(observers.Cluster.Launch.Code, Space.Shared))
    {
        this.events = events;
        cells = new((observers.Cluster.SharedBytes >> Shift) + 1);
    }

    public override void Start()
    {
        base.Start();
        events.Clear();
        cells.Clear();
    }

    /// <summary>All warps of the block have met: what any of them did comes before what they do from now on, but for copies that are still on their way.</summary>
    public void Settle()
    {
        Copies.RemoveAll(IsWaitedFor);
        uint number = NextNumber;
        foreach (uint copy in Copies) number = Math.Min(number, copy);
        Settled = Math.Max(Settled, number << 5);
    }

    public override unsafe void Touch(in Request q)
    {
        if (!Begin(q)) return;
        Half(q, 0, q.Low);
        Half(q, 16, q.High);
    }

    unsafe void Half(in Request q, int first, Pattern pattern)
    {
        if (Together(q, first, pattern, cells, (long)q.At[first] >> Shift)) return;
        for (uint m = q.Half(first); m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            Touch(q, lane, cells, (long)q.At[lane] >> Shift);
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        cells.Dispose();
        events.Dispose();
    }
}
