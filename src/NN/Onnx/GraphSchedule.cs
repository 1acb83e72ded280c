namespace Tessera.NN;

/// <summary>Neighbouring steps of a graph's plan, and how many items of a batch they take at a time.</summary>
/// <param name="First">The first of them.</param>
/// <param name="End">The step behind the last.</param>
/// <param name="Items">Items at a time; 0 for the whole batch.</param>
/// <param name="Result">Shape of what the last one computes for the whole batch, where they go part by part.</param>
internal readonly record struct StepRun(int First, int End, int Items = 0, Shape Result = default);

/// <summary>
/// How a graph goes over a batch of images. Where activations outgrow the last cache, neighbouring steps run for a few items at a time, so that each
/// finds in the cache what the one before has written. Steps are cut apart where only one value is alive, and only steps that treat every item
/// by itself, with the same algorithm for a part as for the batch, go part by part: the bits are those of the whole batch.
/// </summary>
internal static class GraphSchedule
{
    /// <summary>Bytes of live activations that should stay in the last cache; tests try others.</summary>
    public static long CacheBytes { get; set; } = 16 << 20;

    /// <summary>The runs of a plan, which cover it in order.</summary>
    /// <param name="plan">The steps.</param>
    /// <param name="input">The only input of the graph.</param>
    /// <param name="x">Its shape.</param>
    public static StepRun[] Of(IReadOnlyList<GraphStep> plan, string input, Shape x)
    {
        var runs = new List<StepRun>();
        var live = new Dictionary<string, Shape>(StringComparer.Ordinal) { [input] = x };
        int first = 0;
        double widest = 0;
        for (int i = 0; i < plan.Count && x.Rank == 4 && x[0] > 1; i++)
        {
            var step = plan[i];
            if (ResultOf(step, live) is not { } y) break;
            live[step.Outputs[0]] = y;
            widest = Math.Max(widest, live.Values.Sum(s => (double)s.Count) * sizeof(float) / x[0]);
            int items = ItemsFor(widest, x[0]);
            foreach (string name in step.Release) live.Remove(name);
            if (live.Count != 1 || !live.ContainsKey(step.Outputs[0])) continue;
            Append(runs, new StepRun(first, i + 1, items, y));
            (first, widest) = (i + 1, 0);
        }
        Append(runs, new StepRun(first, plan.Count));
        return [.. runs];
    }

    // A power of two, so that neighbours are likely to agree.
    static int ItemsFor(double bytes, int batch)
    {
        int items = 1;
        while (items < batch && 2.0 * items * bytes <= CacheBytes) items *= 2;
        return items < batch ? items : 0;
    }

    static void Append(List<StepRun> runs, StepRun run)
    {
        if (run.First == run.End) return;
        if (runs.Count > 0 && runs[^1].Items == run.Items) runs[^1] = runs[^1] with { End = run.End, Result = run.Result };
        else runs.Add(run);
    }

    /// <summary>The shape of a step's result, or null for steps that may look at more than one item, or that treat a part of a batch differently.</summary>
    static Shape? ResultOf(GraphStep step, Dictionary<string, Shape> live)
    {
        var inputs = new Shape[step.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
            if (step.Inputs[i] is not { } name || !live.TryGetValue(name, out inputs[i]) || inputs[i].Rank != 4) return null;
        if (step.Units.Length > 0) return Convolved(step.Units, inputs);
        return step.Node.Op switch
        {
            "Relu" => inputs[0],
            "Add" when inputs is [var a, var b] && a == b => a,
            "MaxPool" when step.Node.Outputs.Length == 1 && !step.Node.Flag("ceil_mode") => Pooled(step.Node, inputs[0]),
            _ => null,
        };
    }

    // Convolutions side by side give their channels one behind the other; a single one may add a second input to its result.
    static Shape? Convolved(ConvUnit[] units, Shape[] inputs)
    {
        Shape? result = null;
        for (int i = 0; i < units.Length; i++)
        {
            if (units[i].ItemShape(inputs[i]) is not { } y || result is { } sum && sum.With(1, 0) != y.With(1, 0)) return null;
            result = result is { } before ? before.With(1, before[1] + y[1]) : y;
        }
        return inputs.Length == units.Length || inputs[^1] == result ? result : default(Shape?);
    }

    static Shape? Pooled(OnnxNode node, Shape x)
    {
        if (node.Ints("kernel_shape") is not [int r, int s]) return null;
        var window = OnnxWindow.Of(node, r, s, x[2], x[3]);
        return window.OutH(x[2]) > 0 && window.OutW(x[3]) > 0 ? x.With(2, window.OutH(x[2])).With(3, window.OutW(x[3])) : default(Shape?);
    }
}
