namespace Tessera.Emulator;

/// <summary>A thread of the launch: the number of its block, and its number in the block.</summary>
readonly record struct Spot(long Block, int Thread);

/// <summary>What the observers of a launch have found: one entry for each rule, instruction and detail, such as the other line of a race.</summary>
sealed class Findings(Launch launch)
{
    const int most = 100;

    readonly Dictionary<(string Rule, int Site, int Detail), PtxFinding> found = [];

    /// <summary>In the order of the text.</summary>
    public IReadOnlyList<PtxFinding> All
    {
        get { lock (found) return [.. found.Values.OrderBy(f => f.Line).ThenBy(f => f.Column).ThenBy(f => f.OtherLine)]; }
    }

    /// <summary>Whether this is known already, or one too many; what is known is counted.</summary>
    public bool Counts(string rule, Op op, int detail)
    {
        lock (found)
        {
            if (found.TryGetValue((rule, op.Site, detail), out PtxFinding? known)) known.Count++;
            return known != null || found.Count >= most;
        }
    }

    public void Add(string rule, Op op, int detail, Spot thread, string message, string place = "", int otherLine = 0)
    {
        lock (found) if (!Counts(rule, op, detail)) found[(rule, op.Site, detail)] = Make(rule, op, thread, message, place, otherLine);
    }

    /// <summary>What ended the launch.</summary>
    public PtxFinding? Failure { get; private set; }

    /// <summary>What ends the launch; it is kept whatever the number of findings.</summary>
    public void End(string rule, Op op, Spot thread, string message, string place = "")
    {
        lock (found)
        {
            if (Failure == null) found[(rule, op.Site, int.MinValue)] = Failure = Make(rule, op, thread, message, place, 0);
        }
    }

    PtxFinding Make(string rule, Op op, Spot thread, string message, string place, int otherLine) =>
        new(rule, launch.File, op.Position.Line, op.Position.Column, launch.Code.Function.Name, launch.BlockAt(thread.Block), launch.ThreadAt(thread.Thread), message)
        {
            Place = place,
            OtherLine = otherLine,
        };
}
