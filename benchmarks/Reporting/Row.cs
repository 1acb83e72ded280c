using System.Text.Json.Serialization;

namespace Tessera.Benchmarks;

/// <summary>One line of the table. Field names are those of the JSON file.</summary>
/// <param name="Work">What was done; the name that <c>--work</c> takes.</param>
/// <param name="Peer">What it is compared with.</param>
/// <param name="Ours">Tessera's figure.</param>
/// <param name="Theirs">The peer's; null where it did not load.</param>
/// <param name="Unit"><c>ms</c>, <c>GFLOP/s</c>, <c>GB/s</c>, <c>photos/s</c> or <c>MiB</c>.</param>
/// <param name="Ratio">For times how many times faster Tessera is (theirs / ours); for all else ours / theirs. Null where the peer did not load.</param>
/// <param name="Gate">What the ratio must reach; null for a line that only informs.</param>
/// <param name="Goal">What it should reach.</param>
/// <param name="LowerIsBetter">Whether gate and goal are upper limits.</param>
/// <param name="Samples">Undisturbed samples behind the figures, the fewer of both sides.</param>
/// <param name="Disturbed">Samples dropped on both sides.</param>
/// <param name="Note">Settings, share of the machine's peak, or why the peer did not load.</param>
sealed record Row(string Work, string Peer, double? Ours, double? Theirs, string Unit, double? Ratio, double? Gate, double? Goal, bool LowerIsBetter, int Samples, int Disturbed, string Note)
{
    /// <summary>True where the ratio is on the right side of the gate; null where there is none to judge.</summary>
    [JsonIgnore]
    public bool? Holds => Reaches(Gate);

    /// <summary>The same for the goal.</summary>
    [JsonIgnore]
    public bool? HoldsGoal => Reaches(Goal);

    /// <summary>Two times in milliseconds.</summary>
    public static Row OfTimes(Target target, Timing ours, Timing theirs, string note = "") => new(
        target.Work, target.Peer, ours.Milliseconds, theirs.Milliseconds, "ms", theirs.Milliseconds / ours.Milliseconds, target.Gate, target.Goal, false,
        Math.Min(ours.Samples, theirs.Samples), ours.Disturbed + theirs.Disturbed, note);

    /// <summary>Two times as rates, such as GFLOP/s for an <paramref name="amount"/> of FLOP.</summary>
    public static Row OfRates(Target target, double amount, string unit, Timing ours, Timing theirs, string note = "")
    {
        double Rate(Timing t) => amount / t.Milliseconds / 1e6;
        return OfTimes(target, ours, theirs, note) with { Ours = Rate(ours), Theirs = Rate(theirs), Unit = unit };
    }

    /// <summary>A figure of ours alone, for a peer that did not load.</summary>
    public static Row Alone(Target target, double? ours, string unit, Peer peer, bool lowerIsBetter = false) =>
        new(target.Work, target.Peer, ours, null, unit, null, target.Gate, target.Goal, lowerIsBetter, 0, 0, peer.ToString());

    bool? Reaches(double? limit) => Ratio is { } r && limit is { } l ? (LowerIsBetter ? r <= l : r >= l) : null;
}

/// <summary>What a row compares, with whom, and how far it should come.</summary>
readonly record struct Target(string Work, string Peer, double? Gate = null, double? Goal = null);
