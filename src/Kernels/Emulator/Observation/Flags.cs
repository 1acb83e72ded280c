namespace Tessera.Emulator;

/// <summary>What a thread hands over with a write to a flag: all it did up to a clock, and the write itself, an instruction at a later clock.</summary>
readonly record struct Release(int Clock, int Site, int SiteClock);

/// <summary>The releases to one address that a scope can see, in their order.</summary>
sealed class ReleaseLog(int level)
{
    readonly Dictionary<(int Cluster, int Thread), History<Release>> own = [];
    readonly Dictionary<int, History<Progress>> views = [];

    /// <summary>The scope: 0 a block, 1 a cluster, 2 the device.</summary>
    public int Level => level;

    /// <summary>Releases so far.</summary>
    public int Count { get; private set; }

    /// <summary>What those who released had learnt from flags themselves.</summary>
    public Knowledge? Carried { get; private set; }

    /// <summary>A thread hands over what it did, what it knows of its cluster, and what it learnt from flags.</summary>
    public void Add(int cluster, int thread, Release release, Progress? view, Knowledge? known)
    {
        Of(own, (cluster, thread)).Add(Count, release);
        if (view != null)
        {
            History<Progress> all = Of(views, cluster);
            all.Add(Count, Progress.Max(all.Last, view)!);
        }
        Carried = Knowledge.Max(Carried, known);
        Count++;
    }

    /// <summary>Whether the releases before a position hand over a lane's access; with lane -1 that of every lane.</summary>
    public bool Covers(int position, in Event access, int clock, int lane)
    {
        if (lane >= 0 && own.TryGetValue((access.Cluster, (access.Warp * 32) + lane), out var releases) && releases.TryBefore(position, out Release r)
            && (clock <= r.Clock || (access.Site == r.Site && clock <= r.SiteClock))) return true;
        return views.TryGetValue(access.Cluster, out var all) && all.TryBefore(position, out Progress? view) && view.Holds(access.Warp, lane, clock);
    }

    static History<T> Of<TKey, T>(Dictionary<TKey, History<T>> all, TKey key) where TKey : notnull => all.TryGetValue(key, out History<T>? known) ? known : all[key] = new();
}

/// <summary>A value that changes at positions that grow.</summary>
sealed class History<T>
{
    readonly List<(int Position, T Value)> entries = [];

    public T? Last => entries.Count > 0 ? entries[^1].Value : default;

    public void Add(int position, T value)
    {
        if (entries.Count == 0 || !EqualityComparer<T>.Default.Equals(entries[^1].Value, value)) entries.Add((position, value));
    }

    /// <summary>The last value whose position lies before this one.</summary>
    public bool TryBefore(int position, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out T value)
    {
        int low = 0, high = entries.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (entries[middle].Position < position) low = middle + 1;
            else high = middle;
        }
        value = low > 0 ? entries[low - 1].Value : default;
        return low > 0;
    }
}

/// <summary>What a thread has learnt from flags: of each log the releases before a position. It does not change.</summary>
sealed class Knowledge
{
    readonly Dictionary<ReleaseLog, int> positions = [];

    Knowledge(Knowledge? from)
    {
        if (from != null) positions = new(from.positions);
    }

    public static Knowledge With(Knowledge? known, ReleaseLog log, int position)
    {
        if (known != null && known.positions.TryGetValue(log, out int before) && before >= position) return known;
        Knowledge more = new(known);
        more.positions[log] = position;
        return more;
    }

    /// <summary>What one of the two knows; an existing one where it knows all.</summary>
    public static Knowledge? Max(Knowledge? a, Knowledge? b)
    {
        if (b == null || ReferenceEquals(a, b)) return a;
        if (a == null) return b;
        Knowledge? more = null;
        foreach (var (log, position) in b.positions)
        {
            if (a.positions.GetValueOrDefault(log) < position) (more ??= new(a)).positions[log] = position;
        }
        return more ?? a;
    }

    /// <summary>What comes with acquiring this: the releases of the logs up to a scope, and what those had learnt who released.</summary>
    public Knowledge? Acquired(Knowledge? known, int level)
    {
        foreach (var (log, position) in positions) if (log.Level <= level) known = Max(With(known, log, position), log.Carried);
        return known;
    }

    public bool Covers(in Event access, int clock, int lane)
    {
        foreach (var (log, position) in positions) if (log.Covers(position, access, clock, lane)) return true;
        return false;
    }
}

/// <summary>An address that strong accesses have met, with a log for each scope that wrote it.</summary>
sealed class Flag
{
    readonly Dictionary<long, ReleaseLog> logs = [];

    public ReleaseLog Of(int level, long scope) => logs.TryGetValue(scope, out ReleaseLog? log) ? log : logs[scope] = new(level);

    public ReleaseLog? Find(long scope) => logs.GetValueOrDefault(scope);
}

/// <summary>Flags by address. Whoever looks at flags of global memory, or at what was learnt from them, holds the launch's lock.</summary>
sealed class Flags
{
    readonly Dictionary<ulong, Flag> flags = [];

    public Flag At(ulong address) => flags.TryGetValue(address, out Flag? flag) ? flag : flags[address] = new();

    public void Clear() => flags.Clear();
}
