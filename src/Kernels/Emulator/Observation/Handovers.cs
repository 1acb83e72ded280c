using System.Numerics;

namespace Tessera.Emulator;

/// <summary>
/// What the threads of a cluster hand over through flags, as PTX says: a release, or a fence and then a strong write of the same thread, comes before
/// an acquire that reads the flag, or a strong read and then a fence, where each lies in the other's scope. Barriers between fence, flag and access
/// pass on what each side has done. Only for kernels with fences, acquire or release.
/// </summary>
sealed unsafe class Handovers
{
    const int block = 0, cluster = 1, device = 2, levels = 3, lanes = 32;

    readonly Observers observers;
    readonly int[] scopes;
    readonly Lock gate;
    readonly Flags global, shared = new();

    // Of each thread: what it learnt from flags, and what it would learn with a fence.
    readonly Knowledge?[] known, pending;

    // For each scope: the clock of each thread's last fence, and what a warp knew at its last one or got through barriers from those who fenced.
    readonly int[][] fence = new int[levels][];
    readonly Progress?[][] fenced = new Progress?[levels][];

    readonly Progress?[] seen;
    readonly Dictionary<long, Meeting> meetings = [];

    /// <summary>Reads of flags that were noted, but only now are done.</summary>
    readonly List<(int Thread, Flag Flag, int Level, bool Acquires)> reading = [];

    public Handovers(Observers observers)
    {
        this.observers = observers;
        Launch launch = observers.Cluster.Launch;
        scopes = launch.ClusterSize == 1 ? [block, device] : [block, cluster, device];
        (gate, global) = (launch.FlagLock, launch.Flags);
        int warps = launch.ClusterSize * lanes;
        (known, pending, seen) = (new Knowledge?[warps * lanes], new Knowledge?[warps * lanes], new Progress?[warps]);
        for (int level = 0; level < levels; level++) (fence[level], fenced[level]) = (new int[warps * lanes], new Progress?[warps]);
    }

    /// <summary>The number of the running cluster, as events have it.</summary>
    int Cluster => (int)observers.Cluster.Index + 1;

    public void Start()
    {
        Array.Clear(known);
        Array.Clear(pending);
        Array.Clear(seen);
        for (int level = 0; level < levels; level++)
        {
            Array.Clear(fence[level]);
            Array.Clear(fenced[level]);
        }
        meetings.Clear();
        reading.Clear();
        shared.Clear();
    }

    /// <summary>Names a scope of a warp: the device, its cluster, its block.</summary>
    long Scope(int level, int warp) => level == device ? 0 : ((long)Cluster << 8) + (level == cluster ? 1 : 2 + (warp / lanes));

    /// <summary>Strong accesses write and read flags; the races they have a part in were looked for before.</summary>
    public void Touch(in Request q)
    {
        int warp = q.Warp.Number;
        Ordering order = q.Op.Order;
        lock (gate)
        {
            for (uint m = q.Mask; m != 0; m &= m - 1)
            {
                int lane = BitOperations.TrailingZeroCount(m);
                Flag flag = (q.Space == Space.Shared ? shared : global).At(q.At[lane]);
                if ((q.Access & Access.Write) != 0 && q.Op.IsWriting(q.Warp, lane)) Release(flag, warp, lane, q.Op);
                if ((q.Access & Access.Read) != 0) reading.Add(((warp * lanes) + lane, flag, order.Level, order.Acquires));
            }
        }
        if (order.Releases) observers.Clocks.Advance(warp);
    }

    void Release(Flag flag, int warp, int lane, MemoryOp op)
    {
        int thread = (warp * lanes) + lane, now = observers.Clocks.Now(warp);
        foreach (int level in scopes)
        {
            if (level > op.Order.Level) break;
            int clock = op.Order.Releases ? now : fence[level][thread];
            Progress? view = op.Order.Releases ? SeenBy(warp) : fenced[level][warp];
            if (clock > 0 || view != null) flag.Of(level, Scope(level, warp)).Add(Cluster, thread, new(clock, op.Site, now), view, known[thread]);
        }
    }

    Progress SeenBy(int warp)
    {
        Span<int> clocks = observers.Clocks.Seen(warp);
        return seen[warp] is { } same && same.IsOf(clocks) ? same : seen[warp] = Progress.Of(clocks);
    }

    /// <summary>What was about to be read has been read.</summary>
    public void Finish()
    {
        if (reading.Count == 0) return;
        lock (gate)
        {
            foreach (var (thread, flag, level, acquires) in reading)
            {
                foreach (int l in scopes)
                {
                    if (l > level) break;
                    if (flag.Find(Scope(l, thread / lanes)) is not { } log) continue;
                    if (acquires) known[thread] = Knowledge.Max(Knowledge.With(known[thread], log, log.Count), log.Carried);
                    else pending[thread] = Knowledge.With(pending[thread], log, log.Count);
                }
            }
        }
        reading.Clear();
    }

    /// <summary>Lanes of a warp execute a fence.</summary>
    public void Fence(int warp, uint mask, int level)
    {
        Finish();
        for (int l = 0; l <= level; l++) fenced[l][warp] = Progress.Max(fenced[l][warp], SeenBy(warp));
        lock (gate)
        {
            for (uint m = mask; m != 0; m &= m - 1)
            {
                int thread = (warp * lanes) + BitOperations.TrailingZeroCount(m);
                for (int l = 0; l <= level; l++) fence[l][thread] = observers.Clocks.Now(warp);
                if (pending[thread] is not { } read) continue;
                known[thread] = read.Acquired(known[thread], level);
                if (level == device) pending[thread] = null;
            }
        }
        observers.Clocks.Advance(warp);
    }

    /// <summary>Whether what a lane did was handed over to a lane of a warp.</summary>
    public bool Cover(in Event access, int clock, int lane, int warp, int to)
    {
        if (known[(warp * lanes) + to] is not { } learnt) return false;
        lock (gate) return learnt.Covers(access, clock, lane);
    }

    /// <summary>Whether what every lane did was handed over to all lanes of a warp that take part.</summary>
    public bool CoverAll(in Event access, int clock, int warp, uint mask)
    {
        if (known[(warp * lanes) + BitOperations.TrailingZeroCount(mask)] is not { } learnt) return false;
        for (uint m = mask; m != 0; m &= m - 1) if (!ReferenceEquals(learnt, known[(warp * lanes) + BitOperations.TrailingZeroCount(m)])) return false;
        lock (gate) return learnt.Covers(access, clock, lane: -1);
    }

    /// <summary>What those know who came to a barrier.</summary>
    sealed class Meeting
    {
        public Knowledge? Known, Pending;
        public readonly Progress?[] Fenced = new Progress?[levels];
    }

    /// <summary>A warp brings to a barrier what it knows.</summary>
    public void Bring(long place, int warp)
    {
        Finish();
        if (!meetings.TryGetValue(place, out Meeting? all)) meetings[place] = all = new();
        for (int thread = warp * lanes; thread < (warp + 1) * lanes; thread++)
            (all.Known, all.Pending) = (Knowledge.Max(all.Known, known[thread]), Knowledge.Max(all.Pending, pending[thread]));
        for (int level = 0; level < levels; level++)
        {
            ReadOnlySpan<int> clocks = fence[level].AsSpan(warp * lanes, lanes);
            if (clocks.ContainsAnyExcept(0)) fenced[level][warp] = Progress.Max(fenced[level][warp], Progress.OfLanes(seen.Length, warp, clocks));
            all.Fenced[level] = Progress.Max(all.Fenced[level], fenced[level][warp]);
        }
    }

    /// <summary>A warp learns what others brought.</summary>
    public void Take(long place, int warp)
    {
        if (!meetings.TryGetValue(place, out Meeting? all)) return;
        for (int thread = warp * lanes; thread < (warp + 1) * lanes; thread++)
            (known[thread], pending[thread]) = (Knowledge.Max(all.Known, known[thread]), Knowledge.Max(all.Pending, pending[thread]));
        for (int level = 0; level < levels; level++) fenced[level][warp] = Progress.Max(fenced[level][warp], all.Fenced[level]);
    }

    /// <summary>Those who come from now on bring something new.</summary>
    public void Forget(long place) => meetings.Remove(place);

    /// <summary>What was brought to a place is from now on at another.</summary>
    public void Move(long from, long to)
    {
        if (meetings.Remove(from, out Meeting? all)) meetings[to] = all;
        else meetings.Remove(to);
    }
}
