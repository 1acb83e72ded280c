namespace Tessera.Benchmarks;

/// <summary>Training steps of ResNets, batch 16 at 224 pixels.</summary>
static class TrainingWorks
{
    public static IEnumerable<Work> All =>
    [
        .. new[] { 34, 18, 50 }.Select(depth => Of($"resnet{depth} training step", depth, Learned.All, 1.5, 2.4)),
        Of("resnet34 training step, frozen body", 34, Learned.Head, 1.8, 2.8),
        Of("resnet34 training step, frozen body with live batch norms", 34, Learned.HeadAndNorms, 1.6, 2.4),
        new("resnet34 training step, 1 to 2 threads", b => [Scaling(b)]),
    ];

    static Work Of(string name, int depth, Learned learned, double gate, double goal) =>
        new(name, b => [Measure(b, new Target(name, "TorchSharp", gate, goal), depth, learned)]);

    static Row Measure(Bench bench, Target target, int depth, Learned learned)
    {
        using var ours = new OurTraining(depth, learned, bench.Size);
        if (!Peer.TorchSharp.Loaded) return Row.Alone(target, bench.Sampling.Alternate(ours.Step)[0].Milliseconds, "ms", Peer.TorchSharp);
        // A layout in which libtorch ends the process is left out, and the row says so.
        var layouts = (bench.Sampling.Once ? [0] : new[] { 0, 1 }).ToLookup(l => TorchSteps.HowItEnds(depth, learned, bench.Size, l == 1), StringComparer.Ordinal);
        int[] living = [.. layouts[null]];
        string note = string.Join("; ", layouts.Where(l => l.Key is not null).SelectMany(l => l.Select(i => $"TorchSharp {TorchLayout.Name(i)} {l.Key}")));
        if (living.Length == 0) return Row.Alone(target, bench.Sampling.Alternate(ours.Step)[0].Milliseconds, "ms", Peer.TorchSharp) with { Note = note };
        TorchTraining[] theirs = [.. living.Select(l => new TorchTraining(depth, learned, bench.Size, l == 1))];
        var (us, them, which) = bench.Sampling.Compare(ours.Step, [.. theirs.Select(t => (Action)t.Step)]);
        foreach (var t in theirs) t.Dispose();
        return Row.OfTimes(target, us, them, string.Join("; ", new[] { $"TorchSharp {TorchLayout.Name(living[which])}", note }.Where(n => n.Length > 0)));
    }

    static Row Scaling(Bench bench)
    {
        int threads = CpuThreads.Count;
        using var ours = new OurTraining(34, Learned.All, bench.Size);
        try
        {
            var (two, one, _) = bench.Sampling.Compare(With(2), With(1));
            return Row.OfTimes(new Target("resnet34 training step, 1 to 2 threads", "Tessera, 1 thread", 1.8, 1.95), two, one);
        }
        finally
        {
            CpuThreads.Count = threads;
        }

        Action With(int count) => () =>
        {
            CpuThreads.Count = count;
            ours.Step();
        };
    }
}
