namespace Tessera.Emulator;

/// <summary>
/// What happened before what among the warps of a block, as vector clocks: an access of warp v at v's clock t comes before what warp w does
/// now when t &lt;= seen[w, v]. Barriers of the block and <c>bar.warp.sync</c> move the clocks; shuffles, votes and matrices do not, since they
/// order no memory. A barrier that only some lanes of a warp reach counts for all of them, so that nothing ordered is called a race.
/// </summary>
sealed class Clocks
{
    const int most = 32, barriers = 16;

    readonly int[] now = new int[most];
    readonly int[] seen = new int[most * most];
    readonly int[] joined = new int[barriers * most];
    readonly Dictionary<int, int[]> objects = [];

    public void Start()
    {
        Array.Fill(now, 1);
        Array.Clear(seen);
        Array.Clear(joined);
        objects.Clear();
    }

    public int Now(int warp) => now[warp];

    /// <summary>For each warp, the last clock whose accesses come before what this warp does now.</summary>
    public ReadOnlySpan<int> Seen(int warp) => seen.AsSpan(warp * most, most);

    /// <summary>What the lanes of a warp did comes before what they do from now on.</summary>
    public void Synchronise(int warp) => seen[(warp * most) + warp] = now[warp]++;

    /// <summary>A warp comes to a barrier without waiting: what it did comes before what those do that wait.</summary>
    public void Arrive(int barrier, int warp)
    {
        Join(barrier, warp);
        Synchronise(warp);
    }

    /// <summary>All have come to a barrier; these warps waited.</summary>
    public void Release(int barrier, ReadOnlySpan<int> warps)
    {
        foreach (int warp in warps) Join(barrier, warp);
        Span<int> all = joined.AsSpan(barrier * most, most);
        foreach (int warp in warps)
        {
            for (int v = 0; v < most; v++) seen[(warp * most) + v] = Math.Max(seen[(warp * most) + v], all[v]);
        }
        foreach (int warp in warps) if (seen[(warp * most) + warp] == now[warp]) now[warp]++;
        all.Clear();
    }

    /// <summary>A warp arrives at an mbarrier object: what it did comes before what those do that see a phase of it complete.</summary>
    public void Release(int warp, int place)
    {
        if (!objects.TryGetValue(place, out int[]? all)) objects[place] = all = new int[most];
        Join(all, warp);
        Synchronise(warp);
    }

    /// <summary>A warp has seen that a phase of an mbarrier object is complete.</summary>
    public void Acquire(int warp, int place)
    {
        if (!objects.TryGetValue(place, out int[]? all)) return;
        for (int v = 0; v < most; v++) seen[(warp * most) + v] = Math.Max(seen[(warp * most) + v], all[v]);
    }

    void Join(int barrier, int warp) => Join(joined.AsSpan(barrier * most, most), warp);

    void Join(Span<int> all, int warp)
    {
        for (int v = 0; v < most; v++) all[v] = Math.Max(all[v], v == warp ? now[v] : seen[(warp * most) + v]);
    }
}
