using System.Diagnostics;

namespace Tessera.Benchmarks;

/// <summary>What was measured of one candidate.</summary>
/// <param name="Milliseconds">Median of one call over the undisturbed samples; over all where fewer than three were undisturbed.</param>
/// <param name="Samples">Undisturbed samples.</param>
/// <param name="Disturbed">Samples dropped.</param>
readonly record struct Timing(double Milliseconds, int Samples, int Disturbed);

/// <summary>Times candidates by turns, so that whatever happens on the machine meets all of them, and drops disturbed samples.</summary>
/// <param name="seconds">How long to sample a comparison.</param>
/// <param name="once">One sample a candidate: enough to see that everything works.</param>
/// <param name="warmUp">Whether candidates are called unmeasured first.</param>
sealed class Sampling(double seconds, bool once, bool warmUp = true)
{
    const double ShortestSampleMs = 8;
    const double WarmUpMs = 400;
    const double LongMs = 200;
    const int MostRounds = 100, FewestRounds = 3;

    /// <summary>Seconds a comparison is sampled.</summary>
    public double Seconds => seconds;

    /// <summary>True where one sample is enough.</summary>
    public bool Once => once;

    /// <summary>The same with another time.</summary>
    public Sampling For(double time) => new(time, once, warmUp);

    /// <summary>The same for candidates that are warm already.</summary>
    public Sampling Warm() => new(seconds, once, warmUp: false);

    /// <summary>Times <paramref name="ours"/> against the fastest of <paramref name="theirs"/>; also says which that was.</summary>
    public (Timing Ours, Timing Theirs, int Fastest) Compare(Action ours, params Action[] theirs)
    {
        double ourTime = WarmUp(ours);
        double[] times = [.. theirs.Select((t, i) => once && i > 0 ? double.MaxValue : WarmUp(t))];
        int fastest = Array.IndexOf(times, times.Min());
        var timings = Alternate([new Series(ours, ourTime), new Series(theirs[fastest], times[fastest])]);
        return (timings[0], timings[1], fastest);
    }

    /// <summary>Times all candidates by turns.</summary>
    public Timing[] Alternate(params Action[] candidates) => Alternate([.. candidates.Select(c => new Series(c, WarmUp(c)))]);

    Timing[] Alternate(Series[] series)
    {
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; !Enough(series, round, Stopwatch.GetElapsedTime(start).TotalSeconds); round++)
            foreach (var s in series)
            {
                if (!once)
                {
                    Settle();
                    // What the other side left in the caches matters to short calls only.
                    if (warmUp && s.Milliseconds < LongMs) s.Candidate();
                }
                Sample(s);
            }
        return [.. series.Select(s => s.Result())];
    }

    bool Enough(Series[] series, int rounds, double elapsed)
    {
        if (once) return rounds == 1;
        if (rounds >= MostRounds || elapsed > 2 * seconds) return rounds > 0;
        return elapsed > seconds && series.Min(s => s.Kept.Count) >= FewestRounds;
    }

    /// <summary>Calls a candidate until compiled and cached; gives the time of the last call in milliseconds.</summary>
    double WarmUp(Action candidate)
    {
        if (once || !warmUp) return LongMs;
        double last = 0, budget = Math.Min(WarmUpMs, seconds * 1000 / 8);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 2 || (i < 200 && Stopwatch.GetElapsedTime(start).TotalMilliseconds < budget); i++) last = Time(candidate);
        return last;
    }

    /// <summary>The other side's threads spin for up to 50 ms before they sleep: waits until this process is idle.</summary>
    static void Settle()
    {
        for (int i = 0; i < 30; i++)
        {
            var before = Environment.CpuUsage.TotalTime;
            Thread.Sleep(8);
            if ((Environment.CpuUsage.TotalTime - before).TotalMilliseconds < 1) return;
        }
    }

    static double Time(Action candidate)
    {
        long start = Stopwatch.GetTimestamp();
        candidate();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    static void Sample(Series s)
    {
        double waited = Disturbance.WaitedMs();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < s.Calls; i++) s.Candidate();
        double ms = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        bool quiet = Disturbance.WaitedMs() - waited < Disturbance.Limit * ms * Machine.Threads;
        (quiet ? s.Kept : s.Dropped).Add(ms / s.Calls);
    }

    sealed class Series(Action candidate, double milliseconds)
    {
        public Action Candidate => candidate;

        /// <summary>About how long a call takes.</summary>
        public double Milliseconds => milliseconds;

        /// <summary>Calls that make up a sample.</summary>
        public int Calls { get; } = (int)Math.Clamp(Math.Ceiling(ShortestSampleMs / Math.Max(milliseconds, 1e-4)), 1, 100_000);

        public List<double> Kept { get; } = [];

        public List<double> Dropped { get; } = [];

        public Timing Result() => new(Median(Kept.Count >= FewestRounds ? Kept : [.. Kept, .. Dropped]), Kept.Count, Dropped.Count);
    }

    /// <summary>The middle value, or the mean of the two.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] v = [.. values.Order()];
        return v.Length == 0 ? double.NaN : (v[(v.Length - 1) / 2] + v[v.Length / 2]) / 2;
    }
}
