using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>C = A·B for square matrices of floats.</summary>
static class GemmWorks
{
    public static IEnumerable<Work> All => new[] { 512, 1024, 2048 }.Select(n => new Work($"sgemm {n}", b => [Measure(b, n)]));

    static Row Measure(Bench bench, int size)
    {
        int n = size / bench.Size.Divisor;
        var target = new Target($"sgemm {size}", "TorchSharp", 1.05, 1.25);
        using var scope = Scope.Begin();
        Tensor a = Tensor.Normal([n, n], new Philox(1)), b = Tensor.Normal([n, n], new Philox(2));
        double flops = 2.0 * n * n * n;
        if (!Peer.TorchSharp.Loaded)
            return Row.Alone(target, flops / bench.Sampling.Alternate(Ours)[0].Milliseconds / 1e6, "GFLOP/s", Peer.TorchSharp);
        using var torchScope = Torch.NewDisposeScope();
        using var noGrad = Torch.no_grad();
        TorchTensor ta = Torch.randn(n, n), tb = Torch.randn(n, n);
        var (ours, theirs, _) = bench.Sampling.Compare(Ours, () => ta.matmul(tb).Dispose());
        double share = flops / ours.Milliseconds / 1e6 / bench.Machine.MeasureFma();
        return Row.OfRates(target, flops, "GFLOP/s", ours, theirs, string.Create(CultureInfo.InvariantCulture, $"{share:0%} of the FMA peak"));

        void Ours() => a.MatMul(b).Dispose();
    }
}
