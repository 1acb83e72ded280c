using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>What is measured in processes of its own: peak memory, cold start, the product on narrower vectors.</summary>
static class ProcessWorks
{
    const string Memory = "resnet34 training step, peak memory", Cold = "resnet34 from ONNX, process start to first prediction", Narrow = "sgemm 1024 on 256-bit vectors";

    public static IEnumerable<Work> All => [new(Memory, b => [PeakOf(b)]), new(Cold, b => [ColdStart(b)]), new(Narrow, b => [OnAvx2(b)])];

    static Row PeakOf(Bench bench)
    {
        var target = new Target(Memory, "TorchSharp", 0.8, 0.5);
        if (!PeakMemory.Available) return Row.Alone(target, null, "MiB", Peer.TorchSharp, lowerIsBetter: true) with { Note = "not available on this system" };
        string size = bench.Size.IsTiny ? "tiny" : "full";
        double[] ours = Child.Start([], "memory", "tessera", size);
        double us = ours[0] - ours[1];
        if (!Peer.TorchSharp.Loaded) return Row.Alone(target, us, "MiB", Peer.TorchSharp, lowerIsBetter: true);
        string[] layouts = bench.Size.IsTiny ? ["torch"] : ["torch", "torch-channels-last"];
        double[][] both = [.. layouts.Select(l => Child.Start([], "memory", l, size))];
        int which = Array.IndexOf(both, both.MinBy(t => t[0] - t[1])!);
        double[] theirs = both[which];
        double them = theirs[0] - theirs[1];
        return new(target.Work, target.Peer, us, them, "MiB", us / them, target.Gate, target.Goal, true, 1, 0,
            string.Create(CultureInfo.InvariantCulture, $"peak resident memory of a process above the loaded engine ({ours[1]:0} and {theirs[1]:0} MiB); TorchSharp {TorchLayout.Name(which)}"));
    }

    static Row ColdStart(Bench bench)
    {
        var target = new Target(Cold, "ONNX Runtime", 1.0, 2.0);
        string file = OnnxNetworks.File("resnet34", bench.Size.Width), pixels = bench.Size.Side.ToString(CultureInfo.InvariantCulture);
        double ourClass = -1, theirClass = -1;
        if (!Peer.OnnxRuntime.Loaded) return Row.Alone(target, bench.Sampling.Alternate(Ours)[0].Milliseconds, "ms", Peer.OnnxRuntime);
        var (us, them, _) = bench.Sampling.Compare(Ours, Theirs);
        return Row.OfTimes(target, us, them, ourClass == theirClass ? "both name the same class" : "the two name different classes");

        void Ours() => ourClass = Child.Start([], "first-prediction", "tessera", file, pixels)[0];
        void Theirs() => theirClass = Child.Start([], "first-prediction", "onnxruntime", file, pixels)[0];
    }

    static Row OnAvx2(Bench bench)
    {
        var target = new Target(Narrow, "FMA peak", 0.85);
        int n = 1024 / bench.Size.Divisor;
        double[] r = Child.Start(
            [("DOTNET_EnableAVX512", "0")], "gemm-peak", n.ToString(CultureInfo.InvariantCulture), (bench.Sampling.Once ? 0 : bench.Sampling.Seconds * 1000).ToString(CultureInfo.InvariantCulture));
        return new(target.Work, target.Peer, r[0], r[1], "GFLOP/s", r[0] / r[1], target.Gate, target.Goal, false, 1, 0,
            string.Create(CultureInfo.InvariantCulture, $"a process with DOTNET_EnableAVX512=0: {r[2]:0}-bit vectors; best of many"));
    }
}
