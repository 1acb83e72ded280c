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
        using TorchTraining rowMajor = new(depth, learned, bench.Size, channelsLast: false), channelsLast = new(depth, learned, bench.Size, channelsLast: true);
        var (us, them, which) = bench.Sampling.Compare(ours.Step, rowMajor.Step, channelsLast.Step);
        return Row.OfTimes(target, us, them, $"TorchSharp {TorchLayout.Name(which)}");
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
