namespace Tessera.Emulator;

/// <summary>
/// When the asynchronous copies of a cluster's warps are there: a copy belongs to its warp's next group, a commit closes the group, and a wait
/// makes all but the last few groups count as writes of the warp at its clock then.
/// </summary>
sealed class AsyncGroups(int blocks)
{
    /// <summary>The clock of a group that nobody has waited for.</summary>
    public const int Pending = int.MaxValue;

    readonly List<int>[] waited = [.. Enumerable.Range(0, 32 * blocks).Select(_ => new List<int>())];
    readonly int[] committed = new int[32 * blocks];

    public void Start()
    {
        foreach (List<int> clocks in waited) clocks.Clear();
        Array.Clear(committed);
    }

    /// <summary>The group of a copy that a warp starts now.</summary>
    public int Current(int warp) => committed[warp];

    public void Commit(int warp) => committed[warp]++;

    /// <summary>A warp, at this clock, waits until at most <paramref name="keep"/> of its groups are open.</summary>
    public void Wait(int warp, int keep, int clock)
    {
        while (waited[warp].Count < committed[warp] - keep) waited[warp].Add(clock);
    }

    /// <summary>The clock at which a warp had waited for a group.</summary>
    public int ClockOf(int warp, int group) => group < waited[warp].Count ? waited[warp][group] : Pending;
}
