namespace Tessera.Emulator;

/// <summary>
/// How far the threads of a cluster have got, as somebody knows it: for each warp a clock that all its lanes have passed, and perhaps later ones of
/// single lanes.
/// </summary>
sealed class Progress
{
    readonly int[] warps;
    readonly int[]?[]? lanes;

    Progress(int[] warps, int[]?[]? lanes) => (this.warps, this.lanes) = (warps, lanes);

    /// <summary>A clock for each warp.</summary>
    public static Progress Of(ReadOnlySpan<int> warps) => new(warps.ToArray(), null);

    /// <summary>Of a single warp: a clock for each lane.</summary>
    public static Progress OfLanes(int warps, int warp, ReadOnlySpan<int> clocks)
    {
        int[]?[] lanes = new int[warps][];
        lanes[warp] = clocks.ToArray();
        return new(new int[warps], lanes);
    }

    public bool IsOf(ReadOnlySpan<int> clocks) => lanes == null && clocks.SequenceEqual(warps);

    /// <summary>Whether a lane has passed this clock; with lane -1 all lanes of the warp.</summary>
    public bool Holds(int warp, int lane, int clock) => clock <= warps[warp] || (lane >= 0 && lanes?[warp] is { } own && clock <= own[lane]);

    /// <summary>What one of the two knows; an existing view where it knows all.</summary>
    public static Progress? Max(Progress? a, Progress? b)
    {
        if (b == null || ReferenceEquals(a, b) || a?.Covers(b) == true) return a;
        if (a == null || b.Covers(a)) return b;
        return new([.. a.warps.Zip(b.warps, Math.Max)], a.lanes == null ? b.lanes : b.lanes == null ? a.lanes : [.. a.lanes.Zip(b.lanes, Max)]);
    }

    static int[]? Max(int[]? a, int[]? b) => a == null ? b : b == null ? a : [.. a.Zip(b, Math.Max)];

    bool Covers(Progress other)
    {
        for (int w = 0; w < warps.Length; w++)
        {
            if (other.warps[w] > warps[w]) return false;
            if (other.lanes?[w] is not { } theirs) continue;
            for (int lane = 0; lane < 32; lane++) if (theirs[lane] > 0 && !Holds(w, lane, theirs[lane])) return false;
        }
        return true;
    }
}
