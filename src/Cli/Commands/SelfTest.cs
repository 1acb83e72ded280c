using System.Globalization;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>Small cases of each family of kernels on a device and on the CPU, with the largest difference between the two.</summary>
static class SelfTest
{
    /// <summary>A family: what it computes on a device, and how far the results may lie apart, in units of the largest number (at least 1).</summary>
    sealed record Family(string Name, double Allowed, Func<Device, Tensor[]> Run);

    static readonly Family[] families =
    [
        new("maps", 1e-6, d => [(Numbers(d, 1, 5, 67, 9) * Numbers(d, 2, 67, 1)).Sigmoid(), Numbers(d, 1, 1003).Exp(), Numbers(d, 3, 33, 5).Relu() - 1f]),
        new("comparisons", 1e-6,
            d => [Numbers(d, 1, 60, 33).Greater(Numbers(d, 2, 33)), Numbers(d, 1, 1003).LessEqual(0.5f),
                Tensor.Where(Numbers(d, 3, 7, 90).Less(0), Numbers(d, 4, 7, 90), Numbers(d, 5, 90))]),
        new("fills", 0, d => [.. ((DType[])[DType.Float32, DType.Float16, DType.BFloat16, DType.Int64, DType.Int32, DType.UInt8, DType.Bool]).Select(t => Tensor.Full([1003], 1, t, d))]),
        new("casts", 0, d => [Cast(d, DType.Float16), Cast(d, DType.BFloat16), Cast(d, DType.Int32), Cast(d, DType.Bool)]),
        new("reductions", 1e-5, d => [Numbers(d, 1, 40_001).Sum(), Numbers(d, 2, 7, 300, 5).Sum(1), .. Both(Numbers(d, 3, 9, 1000).Max(1)), Numbers(d, 4, 60, 33).ArgMax(0)]),
        new("scan", 1e-5, d => [Numbers(d, 1, 3, 5000).CumSum(1)]),
        new("sort", 0, d => [.. Both(Numbers(d, 1, 4, 777).Sort(1)), .. Both(Numbers(d, 2, 50, 6).Sort(0, descending: true))]),
        new("gather, scatter", 1e-6, d => [Numbers(d, 1, 50, 8).IndexSelect(0, Indices(d, 200, 50)), Numbers(d, 2, 50, 8).IndexAdd(0, Indices(d, 200, 50), Numbers(d, 3, 200, 8))]),
        new("matrix products", 3e-5, d => [Numbers(d, 1, 130, 70).MatMul(Numbers(d, 2, 70, 95)), Numbers(d, 3, 3, 17, 40).MatMul(Numbers(d, 4, 3, 40, 64))]),
        new("convolutions", 3e-5,
            d => [.. Differentiated((x, w) => x.Conv2d(w, padding: 1), d, [2, 16, 14, 13], [24, 16, 3, 3]),
                .. Differentiated((x, w) => x.Conv2d(w, padding: 1, groups: 16), d, [2, 16, 9, 9], [16, 1, 3, 3])]),
        new("16 bits", 8e-3,
            d => [.. Mixed(d, DType.Float16, (x, w) => x.MatMul(w).Relu(), [70, 40], [40, 33]),
                .. Mixed(d, DType.BFloat16, (x, w) => x.Linear(w, w.Narrow(1, 0, 1).Reshape(24)), [70, 40], [24, 40]),
                .. Mixed(d, DType.BFloat16, (x, w) => x.Conv2d(w, padding: 1).AvgPool2d(2), [2, 16, 10, 8], [24, 16, 3, 3])]),
        new("batch norm", 1e-5, d => Differentiated((x, w) => x.BatchNorm(w, null, null, null, training: true, relu: true), d, [4, 24, 7, 6], [24])),
        new("layer, group norm", 1e-5, d => [.. Differentiated((x, w) => x.LayerNorm([30], w), d, [40, 30], [30]), .. Differentiated((x, w) => x.GroupNorm(2, w), d, [3, 8, 5, 6], [8])]),
        new("pools", 1e-6,
            d => [.. Differentiated((x, w) => x.MaxPool2d(3, stride: 2, padding: 1) * w, d, [2, 8, 11, 10], [1]),
                .. Differentiated((x, w) => x.AvgPool2d(2) * w, d, [2, 8, 10, 10], [1])]),
        new("softmax", 1e-6, d => Differentiated((x, w) => (x * w).CrossEntropy(Indices(d, 30, 40)), d, [30, 40], [1])),
        new("grid samples", 1e-5, d => Differentiated((x, w) => x.GridSample(w), d, [2, 3, 9, 8], [2, 6, 5, 2])),
        new("dropout", 1e-6, d => Differentiated((x, w) => (x * w).Dropout(0.3f, new Philox(4)), d, [5, 201], [1])),
        new("pictures", 2e-6, PictureTrial.Run),
        new("optimizers", 1e-6,
            d => [Stepped(d, w => new Adam(w, 0.01)), Stepped(d, w => new Sgd(w, 0.01, 0.9)),
                Stepped(d, w => new RmsProp(w, momentum: 0.9, centered: true)), .. Clipped(d), .. Unscaled(d)]),
        new("random numbers", 1e-6, d => [Tensor.Uniform([1001], new Philox(1), device: d), Tensor.Normal([1001], new Philox(2), device: d)]),
    ];

    /// <summary>Prints a line a family.</summary>
    /// <returns>False where one differs or fails.</returns>
    public static bool Run(Device device, TextWriter output)
    {
        output.WriteLine($"{device} against cpu: largest difference, relative to the largest number");
        bool right = true;
        foreach (var family in families)
        {
            var (ok, verdict) = Verdict(family, device);
            output.WriteLine($"{family.Name,-17}  {(ok ? "ok" : "WRONG"),-5}  {verdict}");
            right &= ok;
        }
        return right;
    }

    static (bool Ok, string Verdict) Verdict(Family family, Device device)
    {
        using var scope = Scope.Begin();
        try
        {
            Tensor[] actual = family.Run(device), expected = family.Run(Device.Cpu);
            double difference = actual.Zip(expected, Difference).Aggregate(0.0, Math.Max); // Math.Max keeps a NaN
            return (difference <= family.Allowed, string.Create(CultureInfo.InvariantCulture, $"{difference:0.0e+0} (at most {family.Allowed:0e+0})"));
        }
        catch (TesseraException e)
        {
            return (false, e.Message);
        }
    }

    /// <summary>max |a - b| / max(1, max |b|); NaN where either has one.</summary>
    static double Difference(Tensor a, Tensor b)
    {
        float[] x = a.To(DType.Float32).ToArray<float>(), y = b.To(DType.Float32).ToArray<float>();
        double largest = y.Aggregate(1.0, (m, v) => Math.Max(m, Math.Abs((double)v)));
        return x.Length == y.Length ? x.Zip(y, (p, q) => Math.Abs((double)p - q)).Aggregate(0.0, Math.Max) / largest : double.NaN;
    }

    static Tensor Numbers(Device device, ulong seed, params int[] shape) => Tensor.Normal(shape, new Philox(seed), device: Device.Cpu).To(device);

    static Tensor Indices(Device device, int n, int below) => Tensor.From([.. Enumerable.Range(0, n).Select(i => i * 37L % below)], [n], device);

    static Tensor Cast(Device device, DType dtype) => (Numbers(device, 5, 77, 9) * 3f).To(dtype).To(DType.Float32);

    static Tensor[] Both((Tensor Values, Tensor Indices) sorted) => [sorted.Values, sorted.Indices];

    /// <summary>f(x, w), and its gradients for x and w.</summary>
    static Tensor[] Differentiated(Func<Tensor, Tensor, Tensor> f, Device device, int[] x, int[] w)
    {
        Tensor a = Numbers(device, 1, x), b = Numbers(device, 2, w);
        a.RequiresGrad = b.RequiresGrad = true;
        var y = f(a, b);
        y.Backward(Numbers(device, 3, [.. y.Shape.Dims]));
        return [y, a.Grad!, b.Grad!];
    }

    /// <summary>The same within a region of mixed precision.</summary>
    static Tensor[] Mixed(Device device, DType type, Func<Tensor, Tensor, Tensor> f, int[] x, int[] w)
        => Autocast.To(type, () => Differentiated((a, b) => f(a, b).To(DType.Float32), device, x, w));

    /// <summary>Gradients divided by a scale, and whether they are finite: once all are, once one is not.</summary>
    static Tensor[] Unscaled(Device device)
    {
        Tensor[] w = [Numbers(device, 6, 1003), Numbers(device, 7, 5)];
        foreach (var p in w)
        {
            p.RequiresGrad = true;
            (p * p * 1024).Sum().Backward();
        }
        bool finite = Gradients.Unscale(w, 1.0 / 1024);
        var endless = Numbers(device, 8, 5);
        endless.RequiresGrad = true;
        (endless * float.PositiveInfinity).Sum().Backward();
        return [.. w.Select(p => p.Grad!), Tensor.From([finite ? 1f : 0, Gradients.Unscale([endless], 1) ? 1 : 0], [2])];
    }

    /// <summary>Gradients after their norm was limited, and the norm before.</summary>
    static Tensor[] Clipped(Device device)
    {
        Tensor[] w = [.. new[] { 1003, 4097, 1 }.Select(n => Numbers(device, (ulong)n, n))];
        foreach (var p in w)
        {
            p.RequiresGrad = true;
            (p * p).Sum().Backward();
        }
        double norm = Gradients.ClipNorm(w, 5);
        return [Tensor.From([(float)norm], [1]), .. w.Select(p => p.Grad!)];
    }

    /// <summary>Parameters after two steps against the gradient of Σ w².</summary>
    static Tensor Stepped(Device device, Func<Tensor[], Optimizer> make)
    {
        var w = Numbers(device, 1, 1003);
        w.RequiresGrad = true;
        var optimizer = make([w]);
        for (int step = 0; step < 2; step++)
        {
            (w * w).Sum().Backward();
            optimizer.Step();
            optimizer.ZeroGrad();
        }
        return w;
    }
}
