using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>Networks in evaluation mode, against both peers.</summary>
static class InferenceWorks
{
    public static IEnumerable<Work> All =>
    [
        .. from batch in Batches select new Work($"resnet34 inference, batch {batch}, TorchSharp", b => [AgainstTorch(b, batch)]),
        .. from network in new[] { "resnet34", "resnet50", "squeezenet" } from batch in Batches select new Work($"{network} inference, batch {batch}, ONNX Runtime", b => [AgainstOrt(b, network, batch)]),
    ];

    static int[] Batches => [1, 16];

    static Row AgainstTorch(Bench bench, int batch)
    {
        var target = new Target($"resnet34 inference, batch {batch}, TorchSharp", "TorchSharp", batch == 1 ? 1.6 : 2.0, batch == 1 ? 2.2 : 3.0);
        int n = Math.Min(batch, bench.Size.Batch);
        using var ours = OurInference.ResNet(34, bench.Size, n);
        if (!Peer.TorchSharp.Loaded) return Row.Alone(target, bench.Sampling.Alternate(ours.Run)[0].Milliseconds, "ms", Peer.TorchSharp);
        using TorchInference rowMajor = new(34, bench.Size, n, channelsLast: false), channelsLast = new(34, bench.Size, n, channelsLast: true);
        var (us, them, which) = bench.Sampling.Compare(ours.Run, rowMajor.Run, channelsLast.Run);
        return Row.OfTimes(target, us, them, $"TorchSharp {TorchLayout.Name(which)}");
    }

    static Row AgainstOrt(Bench bench, string network, int batch)
    {
        var target = new Target($"{network} inference, batch {batch}, ONNX Runtime", "ONNX Runtime", 1.3, 2.0);
        int n = Math.Min(batch, bench.Size.Batch);
        string file = OnnxNetworks.File(network, bench.Size.Width);
        using var ours = OurInference.Onnx(file, bench.Size.Side, n);
        if (!Peer.OnnxRuntime.Loaded) return Row.Alone(target, bench.Sampling.Alternate(ours.Run)[0].Milliseconds, "ms", Peer.OnnxRuntime);
        using var theirs = new OrtInference(file, bench.Size.Side, n);
        var (us, them, _) = bench.Sampling.Compare(ours.Run, theirs.Run);
        theirs.Run();
        return Row.OfTimes(target, us, them, string.Create(CultureInfo.InvariantCulture, $"outputs differ by {Difference(ours.Output(), theirs.Output):0.0e0} of the largest"));
    }

    static double Difference(float[] a, ReadOnlySpan<float> b)
    {
        double most = 0, largest = 0;
        for (int i = 0; i < a.Length; i++)
        {
            most = Math.Max(most, Math.Abs(a[i] - b[i]));
            largest = Math.Max(largest, Math.Abs(b[i]));
        }
        return most / largest;
    }
}
