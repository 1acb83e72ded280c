namespace Tessera.NN;

/// <summary>
/// The runs of a plan for the latest shapes of its input: they depend on shapes, and on how convolutions are computed, only. Where some step does not
/// treat every item by itself, as in training, they are found anew each time.
/// </summary>
internal sealed class ScheduleCache
{
    /// <summary>Most shapes that are kept.</summary>
    public const int Most = 8;

    readonly Lock gate = new();
    readonly List<(Key Key, StepRun[] Runs)> kept = []; // the latest last

    /// <summary>Shapes that are kept.</summary>
    public int Count
    {
        get
        {
            lock (gate) return kept.Count;
        }
    }

    /// <summary><see cref="GraphSchedule.Of"/>, found once a shape.</summary>
    public StepRun[] Of(IReadOnlyList<GraphStep> plan, string input, Shape x)
    {
        if (!IsPerItem(plan)) return GraphSchedule.Of(plan, input, x);
        var key = new Key(x, ConvolutionPlan.Forced, Determinism.Exact, GraphSchedule.CacheBytes);
        if (Find(key) is { } known) return known;
        var found = GraphSchedule.Of(plan, input, x); // without the lock: threads with other shapes need not wait
        return Keep(key, found);
    }

    StepRun[]? Find(Key key)
    {
        lock (gate)
        {
            int i = kept.FindLastIndex(k => k.Key == key);
            if (i < 0) return null;
            var found = kept[i];
            kept.RemoveAt(i);
            kept.Add(found);
            return found.Runs;
        }
    }

    // Another thread may have found the same meanwhile.
    StepRun[] Keep(Key key, StepRun[] runs)
    {
        lock (gate)
        {
            int i = kept.FindLastIndex(k => k.Key == key);
            if (i >= 0) return kept[i].Runs;
            if (kept.Count == Most) kept.RemoveAt(0);
            kept.Add((key, runs));
            return runs;
        }
    }

    static bool IsPerItem(IReadOnlyList<GraphStep> plan)
    {
        for (int i = 0; i < plan.Count; i++)
            foreach (var unit in plan[i].Units)
                if (!unit.IsPerItem) return false;
        return true;
    }

    readonly record struct Key(Shape X, ConvolutionAlgorithm Forced, bool Exact, long CacheBytes);
}
