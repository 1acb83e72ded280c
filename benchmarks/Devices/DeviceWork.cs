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
        yield return new("cross-entropy of rows of 1000, forward+backward", "GB/s", 3 * 4.0 * (n / 1024) * 1000, () => CrossEntropy(n / 1024, 1000));
    }

    static IEnumerable<DeviceWork> Gemms(bool tiny)
    {
        foreach (int n in tiny ? [40] : new[] { 1024, 2048, 4096, 8192 })
        {
            yield return new($"sgemm {n}", "TFLOP/s", 2.0 * n * n * n, () => Of([n, n], [n, n], (a, b) => a.MatMul(b)));
            yield return new($"bf16 gemm {n}", "TFLOP/s", 2.0 * n * n * n, () => HalfProduct(n));
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

    /// <summary>ResNets in float32, and with activations in bfloat16; "recorded" replays what was recorded as one graph.</summary>
    static IEnumerable<DeviceWork> Nets(bool tiny)
    {
        foreach (int depth in tiny ? [18] : new[] { 18, 34, 50 })
        {
            foreach (var precision in new[] { DType.Float32, DType.BFloat16 })
            {
                string name = precision == DType.Float32 ? $"resnet{depth}" : $"resnet{depth} bf16";
                foreach (int batch in tiny ? [1] : new[] { 1, 64 })
                {
                    OurInference Network() => OurInference.ResNet(depth, Sized(batch), batch, precision);
                    yield return new($"{name} inference, batch {batch}", "photos/s", batch, () => Network().Run);
                    if (Device.Default != Device.Cpu) yield return new($"{name} inference, batch {batch}, recorded", "photos/s", batch, () => DeviceGraph.Record(Device.Default, Network().Run).Replay);
                }
                foreach (int batch in tiny ? [2] : new[] { 8, 64 })
                {
                    OurTraining Training() => new(depth, Learned.All, Sized(batch), precision);
                    yield return new($"{name} training step, batch {batch}", "photos/s", batch, () => Training().Step);
                    if (Device.Default != Device.Cpu) yield return new($"{name} training step, batch {batch}, recorded", "photos/s", batch, () => Training().Recorded().Replay);
                }
            }
        }

        BenchSize Sized(int batch) => tiny ? BenchSize.Tiny with { Batch = batch, Side = 32 } : BenchSize.Full with { Batch = batch };
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

    static Action HalfProduct(int n)
    {
        Tensor a = Tensor.Normal([n, n], new Philox(1)).To(DType.BFloat16), b = Tensor.Normal([n, n], new Philox(2)).To(DType.BFloat16);
        return () =>
        {
            using var noGrad = Autograd.NoGrad();
            using var scope = Scope.Begin();
            Autocast.To(DType.BFloat16, () => a.MatMul(b));
        };
    }

    static Action CrossEntropy(int rows, int classes)
    {
        var x = Tensor.Normal([rows, classes], new Philox(1));
        var y = Tensor.From(Networks.Classes(rows, classes), [rows]);
        x.RequiresGrad = true;
        return () =>
        {
            using var scope = Scope.Begin();
            x.CrossEntropy(y).Backward();
            x.ZeroGrad();
        };
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
