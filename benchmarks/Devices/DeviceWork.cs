using Tessera.NN;

namespace Tessera.Benchmarks;

/// <summary>A piece of work for one device, and what it counts.</summary>
/// <param name="Name">What tables call it; a peer's rows carry the same names.</param>
/// <param name="Unit"><c>TFLOP/s</c>, <c>GB/s</c> or <c>photos/s</c>.</param>
/// <param name="Amount">FLOPs, bytes or photos of one run.</param>
/// <param name="Create">Makes the operands; the action does the work once, without waiting for its end.</param>
sealed record DeviceWork(string Name, string Unit, double Amount, Func<Action> Create)
{
    /// <summary>All works, tiny for a look whether they work.</summary>
    public static IEnumerable<DeviceWork> All(bool tiny) => [.. Passes(tiny), .. Gemms(tiny), .. Convolutions(tiny), .. Nets(tiny)];

    static IEnumerable<DeviceWork> Passes(bool tiny)
    {
        int n = tiny ? 1 << 12 : 1 << 26, batch = tiny ? 2 : 64, c = tiny ? 8 : 64, side = tiny ? 8 : 112;
        double bytes = 4.0 * n, map = 4.0 * batch * c * side * side;
        yield return new("addition", "GB/s", 3 * bytes, () => Of([n], [n], (a, b) => a + b));
        yield return new("sigmoid", "GB/s", 2 * bytes, () => Of([n], x => x.Sigmoid()));
        yield return new("sum of all", "GB/s", bytes, () => Of([n], x => x.Sum()));
        yield return new("sum of columns", "GB/s", bytes, () => Of([n / 64, 64], x => x.Sum(0)));
        yield return new("softmax of rows of 1000", "GB/s", 2 * 4.0 * (n / 1024) * 1000, () => Of([n / 1024, 1000], x => x.Softmax(-1)));
        yield return new("bias over channels", "GB/s", 2 * map, () => Of([batch, c, side, side], [1, c, 1, 1], (x, b) => x + b));
        yield return new("max pool 3x3/2", "GB/s", 1.25 * map, () => Of([batch, c, side, side], x => x.MaxPool2d(3, 2, 1)));
        yield return new("batch norm, training", "GB/s", 3 * map, () => Of([batch, c, side, side], new BatchNorm2d(c).Forward));
    }

    static IEnumerable<DeviceWork> Gemms(bool tiny)
    {
        foreach (int n in tiny ? [40] : new[] { 1024, 2048, 4096, 8192 })
        {
            yield return new($"sgemm {n}", "TFLOP/s", 2.0 * n * n * n, () => Of([n, n], [n, n], (a, b) => a.MatMul(b)));
        }
    }

    static IEnumerable<DeviceWork> Convolutions(bool tiny)
    {
        int batch = tiny ? 1 : 64;
        foreach (var s in ConvShape.ResNet34.Select(s => s.Shrunk(tiny ? 8 : 1)))
        {
            yield return new($"conv {s} forward", "TFLOP/s", s.Flops(batch), () => Convolution(s, batch, backward: false));
            yield return new($"conv {s} forward+backward", "TFLOP/s", (s.C == 3 ? 2 : 3) * s.Flops(batch), () => Convolution(s, batch, backward: true));
        }
    }

    static IEnumerable<DeviceWork> Nets(bool tiny)
    {
        foreach (int depth in tiny ? [18] : new[] { 18, 34, 50 })
        {
            foreach (int batch in tiny ? [1] : new[] { 1, 64 })
            {
                var size = tiny ? BenchSize.Tiny with { Side = 32 } : BenchSize.Full with { Batch = batch };
                yield return new($"resnet{depth} inference, batch {batch}", "photos/s", batch, () => OurInference.ResNet(depth, size, batch).Run);
                if (Device.Default != Device.Cpu) yield return new($"resnet{depth} inference, batch {batch}, recorded", "photos/s", batch, () => DeviceGraph.Record(Device.Default, OurInference.ResNet(depth, size, batch).Run).Replay);
            }
            var step = tiny ? BenchSize.Tiny with { Side = 32 } : BenchSize.Full with { Batch = 64 };
            yield return new($"resnet{depth} training step, batch {step.Batch}", "photos/s", step.Batch, () => new OurTraining(depth, Learned.All, step).Step);
        }
    }

    static Action Of(Shape shape, Func<Tensor, Tensor> f)
    {
        var x = Tensor.Normal(shape, new Philox(1));
        return () =>
        {
            using var noGrad = Autograd.NoGrad();
            using var scope = Scope.Begin();
            f(x);
        };
    }

    static Action Of(Shape a, Shape b, Func<Tensor, Tensor, Tensor> f)
    {
        var second = Tensor.Normal(b, new Philox(2));
        return Of(a, x => f(x, second));
    }

    static Action Convolution(ConvShape s, int batch, bool backward)
    {
        Tensor x = Tensor.Normal([batch, s.C, s.Side, s.Side], new Philox(1)), w = Tensor.Normal([s.K, s.C, s.R, s.R], new Philox(2));
        var g = Tensor.Normal([batch, s.K, s.OutSide, s.OutSide], new Philox(3));
        if (!backward) return Of(x.Shape, v => v.Conv2d(w, stride: s.Stride, padding: s.R / 2));
        w.RequiresGrad = true;
        x.RequiresGrad = s.C != 3;
        return () =>
        {
            using var scope = Scope.Begin();
            x.Conv2d(w, stride: s.Stride, padding: s.R / 2).Backward(g);
            w.ZeroGrad();
            x.ZeroGrad();
        };
    }
}
