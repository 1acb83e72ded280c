using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>
/// What happened before what among the warps of a cluster, as vector clocks: an access of warp v at v's clock t comes before what warp w does
/// now when t &lt;= seen[w, v]. Barriers of a block or of the cluster and <c>bar.warp.sync</c> move the clocks; shuffles, votes and matrices do not, since
/// they order no memory. A barrier that only some lanes of a warp reach counts for all of them, so that nothing ordered is called a race.
/// </summary>
sealed class Clocks(int blocks)
{
    const int warpsOfBlock = 32, barriersOfBlock = 16;

    readonly int most = blocks * warpsOfBlock;
    readonly int[] now = new int[blocks * warpsOfBlock];
    readonly int[] seen = new int[blocks * warpsOfBlock * blocks * warpsOfBlock];
    readonly int[] joined = new int[blocks * barriersOfBlock * blocks * warpsOfBlock];
    readonly int[] arriving = new int[blocks * warpsOfBlock], complete = new int[blocks * warpsOfBlock];
    readonly bool[] fenced = new bool[blocks * warpsOfBlock];
    readonly Dictionary<int, int[]> objects = [];

    /// <summary>What goes from thread to thread through flags passes barriers too; null where a kernel has no such flags.</summary>
    public Handovers? Handovers { get; set; }

    public void Start()
    {
        Array.Fill(now, 1);
        Array.Clear(seen);
        Array.Clear(joined);
        Array.Clear(arriving);
        Array.Clear(fenced);
        objects.Clear();
    }

    public int Now(int warp) => now[warp];

    /// <summary>For each warp, the last clock whose accesses come before what this warp does now.</summary>
    public Span<int> Seen(int warp) => seen.AsSpan(warp * most, most);

    /// <summary>What the lanes of a warp did comes before what they do from now on.</summary>
    public void Synchronise(int warp)
    {
        seen[(warp * most) + warp] = now[warp]++;
        if (Handovers == null) return;
        long meeting = WarpMeeting + warp;
        Handovers.Bring(meeting, warp);
        Handovers.Take(meeting, warp);
        Handovers.Forget(meeting);
    }

    /// <summary>What a warp does from now on can be told from what it did.</summary>
    public void Advance(int warp) => now[warp]++;

    // Where warps bring what they know of flags: barriers of blocks have the numbers from 0 on.
    const long WarpMeeting = 1L << 32, ObjectMeeting = 2L << 32, Arriving = -1, Complete = -2;

    /// <summary>A warp comes to a barrier of a block without waiting: what it did comes before what those do that wait.</summary>
    public void Arrive(int block, int barrier, int warp)
    {
        Join(Joined(block, barrier), warp);
        Handovers?.Bring(Meeting(block, barrier), warp);
        Synchronise(warp);
    }

    /// <summary>All have come to a barrier of a block; these warps waited.</summary>
    public void Release(int block, int barrier, ReadOnlySpan<int> warps)
    {
        Span<int> all = Joined(block, barrier);
        foreach (int warp in warps) Join(all, warp);
        foreach (int warp in warps) Raise(Seen(warp), all);
        foreach (int warp in warps) if (seen[(warp * most) + warp] == now[warp]) now[warp]++;
        all.Clear();
        if (Handovers == null) return;
        foreach (int warp in warps) Handovers.Bring(Meeting(block, barrier), warp);
        foreach (int warp in warps) Handovers.Take(Meeting(block, barrier), warp);
        Handovers.Forget(Meeting(block, barrier));
    }

    /// <summary>A warp arrives at an mbarrier object: what it did comes before what those do that see a phase of it complete.</summary>
    public void Release(int warp, int place)
    {
        if (!objects.TryGetValue(place, out int[]? all)) objects[place] = all = new int[most];
        Join(all, warp);
        Handovers?.Bring(ObjectMeeting + place, warp);
        Synchronise(warp);
    }

    /// <summary>A warp has seen that a phase of an mbarrier object is complete.</summary>
    public void Acquire(int warp, int place)
    {
        if (objects.TryGetValue(place, out int[]? all)) Raise(Seen(warp), all);
        Handovers?.Take(ObjectMeeting + place, warp);
    }

    /// <summary>A warp executes a fence.</summary>
    public void Fence(int warp) => fenced[warp] = true;

    /// <summary>A warp arrives at the cluster's barrier; a relaxed arrival hands over only what a fence came after.</summary>
    public void ArriveAtCluster(int warp, bool releases)
    {
        if (!releases && !fenced[warp]) return;
        fenced[warp] = false;
        Join(arriving, warp);
        Handovers?.Bring(Arriving, warp);
        Synchronise(warp);
    }

    /// <summary>All have come to the cluster's barrier.</summary>
    public void CompleteCluster()
    {
        arriving.CopyTo(complete, 0);
        Array.Clear(arriving);
        Handovers?.Move(Arriving, Complete);
    }

    /// <summary>A warp has waited for the cluster's barrier.</summary>
    public void PassCluster(int warp)
    {
        Raise(Seen(warp), complete);
        Handovers?.Take(Complete, warp);
    }

    static long Meeting(int block, int barrier) => (block * barriersOfBlock) + barrier;

    Span<int> Joined(int block, int barrier) => joined.AsSpan(((block * barriersOfBlock) + barrier) * most, most);

    void Join(Span<int> all, int warp)
    {
        int own = Math.Max(all[warp], now[warp]);
        Raise(all, Seen(warp));
        all[warp] = own;
    }

    static void Raise(Span<int> a, ReadOnlySpan<int> b)
    {
        Span<Vector512<int>> to = MemoryMarshal.Cast<int, Vector512<int>>(a);
        ReadOnlySpan<Vector512<int>> from = MemoryMarshal.Cast<int, Vector512<int>>(b);
        for (int i = 0; i < to.Length; i++) to[i] = Vector512.Max(to[i], from[i]);
    }
}
