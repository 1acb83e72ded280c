using System.Globalization;
using static TorchSharp.torch.nn.functional;

namespace Tessera.Benchmarks;

/// <summary>The convolutions of ResNet-34, forward, and forward with both gradients.</summary>
static class ConvWorks
{
    public static IEnumerable<Work> All =>
    [
        .. ConvShape.ResNet34.Where(s => s is { R: 3, Stride: 1 }).Select(s => new Work($"conv {s} forward", b => [Forward(b, s)])),
        new("resnet34 convolutions forward+backward", ForwardBackward),
    ];

    static Row Forward(Bench bench, ConvShape layer)
    {
        var target = new Target($"conv {layer} forward", "TorchSharp", layer.C <= 128 ? 2.0 : 1.2, layer.C <= 128 ? 3.2 : 2.2);
        var shape = layer.Shrunk(bench.Size.Divisor);
        using var ours = new OurConv(shape, bench.Size.Batch);
        if (!Peer.TorchSharp.Loaded) return Row.Alone(target, bench.Sampling.Alternate(ours.Forward)[0].Milliseconds, "ms", Peer.TorchSharp);
        using TorchConv rowMajor = new(shape, bench.Size.Batch, channelsLast: false), channelsLast = new(shape, bench.Size.Batch, channelsLast: true);
        var (us, them, which) = bench.Sampling.Compare(ours.Forward, rowMajor.Forward, channelsLast.Forward);
        double rate = shape.Flops(bench.Size.Batch) / us.Milliseconds / 1e6;
        return Row.OfTimes(target, us, them, string.Create(CultureInfo.InvariantCulture, $"{rate:0} GFLOP/s of {bench.Machine.MeasureFma():0}; TorchSharp {TorchLayout.Name(which)}"));
    }

    static IEnumerable<Row> ForwardBackward(Bench bench)
    {
        const string Name = "resnet34 convolutions forward+backward";
        List<(ConvShape Shape, Row Row)> rows = [];
        var sampling = bench.Sampling.For(bench.Sampling.Seconds * 3 / ConvShape.ResNet34.Count);
        foreach (var layer in ConvShape.ResNet34)
        {
            var shape = layer.Shrunk(bench.Size.Divisor);
            var target = new Target($"conv {layer} forward+backward", "TorchSharp");
            using var ours = new OurConv(shape, bench.Size.Batch);
            if (!Peer.TorchSharp.Loaded)
            {
                rows.Add((layer, Row.Alone(target, sampling.Alternate(ours.ForwardBackward)[0].Milliseconds, "ms", Peer.TorchSharp)));
                continue;
            }
            using TorchConv rowMajor = new(shape, bench.Size.Batch, channelsLast: false), channelsLast = new(shape, bench.Size.Batch, channelsLast: true);
            var (us, them, which) = sampling.Compare(ours.ForwardBackward, rowMajor.ForwardBackward, channelsLast.ForwardBackward);
            rows.Add((layer, Row.OfTimes(target, us, them, $"x{layer.Times}; TorchSharp {TorchLayout.Name(which)}")));
        }
        double? ourSum = rows.Sum(r => r.Row.Ours * r.Shape.Times), theirSum = Peer.TorchSharp.Loaded ? rows.Sum(r => r.Row.Theirs * r.Shape.Times) : null;
        var sum = new Target(Name, "TorchSharp", 1.7, 2.6);
        yield return theirSum is null
            ? Row.Alone(sum, ourSum, "ms", Peer.TorchSharp)
            : new Row(Name, "TorchSharp", ourSum, theirSum, "ms", theirSum / ourSum, sum.Gate, sum.Goal, false, rows.Min(r => r.Row.Samples), rows.Sum(r => r.Row.Disturbed), "sum over all 36 layers");
        foreach (var (_, row) in rows) yield return row;
    }
}

/// <summary>One convolution in Tessera.</summary>
sealed class OurConv : IDisposable
{
    readonly Tensor x, w, gy;
    readonly int stride, padding;

    public OurConv(ConvShape s, int batch)
    {
        x = Tensor.Normal([batch, s.C, s.Side, s.Side], new Philox(1));
        w = Tensor.Normal([s.K, s.C, s.R, s.R], new Philox(2));
        gy = Tensor.Normal([batch, s.K, s.OutSide, s.OutSide], new Philox(3));
        (stride, padding) = (s.Stride, s.R / 2);
        x.RequiresGrad = s.C > 3;
        w.RequiresGrad = true;
    }

    public void Forward()
    {
        using var noGrad = Autograd.NoGrad();
        x.Conv2d(w, null, stride, padding).Dispose();
    }

    public void ForwardBackward()
    {
        using var scope = Scope.Begin();
        x.Conv2d(w, null, stride, padding).Backward(gy);
        x.ZeroGrad();
        w.ZeroGrad();
    }

    public void Dispose()
    {
        x.Dispose();
        w.Dispose();
        gy.Dispose();
    }
}

/// <summary>The same in TorchSharp.</summary>
sealed class TorchConv : IDisposable
{
    readonly TorchTensor x, w, gy;
    readonly long[] stride, padding;
    readonly TorchTensor[] wanted;

    public TorchConv(ConvShape s, int batch, bool channelsLast)
    {
        x = TorchLayout.Of(Torch.randn(batch, s.C, s.Side, s.Side), channelsLast);
        w = TorchLayout.Of(Torch.randn(s.K, s.C, s.R, s.R), channelsLast);
        gy = TorchLayout.Of(Torch.randn(batch, s.K, s.OutSide, s.OutSide), channelsLast);
        (stride, padding) = ([s.Stride, s.Stride], [s.R / 2, s.R / 2]);
        x.requires_grad = s.C > 3;
        w.requires_grad = true;
        wanted = s.C > 3 ? [x, w] : [w];
    }

    public void Forward()
    {
        using var inference = Torch.inference_mode();
        conv2d(x, w, null, stride, padding).Dispose();
    }

    public void ForwardBackward()
    {
        using var scope = Torch.NewDisposeScope();
        Torch.autograd.grad([conv2d(x, w, null, stride, padding)], wanted, [gy]);
    }

    public void Dispose()
    {
        x.Dispose();
        w.Dispose();
        gy.Dispose();
    }
}
