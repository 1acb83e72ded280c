using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>What every row of <see cref="OpTable"/> is held to, on every device.</summary>
public sealed class OpTableTests
{
    static IEnumerable<TestCaseData> All() => TestDevices.With(OpTable.Rows);

    static IEnumerable<TestCaseData> Differentiable() => TestDevices.With(OpTable.Rows.Where(r => r.HasGradient));

    static IEnumerable<TestCaseData> TakingNothing() => TestDevices.With(OpTable.Rows.Where(r => r.TakesNothing));

    static IEnumerable<TestCaseData> TakingNaN() => TestDevices.With(OpTable.Rows.Where(r => r.TakesNaN));

    static IEnumerable<TestCaseData> OtherTypes() =>
        TestDevices.With(OpTable.Rows.SelectMany(r => r.Types.Select(t => (Row: r, Type: t))));

    [TestCaseSource(nameof(All))]
    public void Agrees_with_the_plain_reference(object row, Device device)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        var x = r.Draw(r.Shapes);
        Compare(r.Ours(Tensors(x, device)), r.Reference(x), r.Tolerance);
    }

    [TestCaseSource(nameof(Differentiable))]
    public void Gradient_agrees_with_central_differences(object row, Device device)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        var x = r.Draw(r.Shapes);
        var tensors = Tensors(x, device);
        foreach (var t in tensors) t.RequiresGrad = true;
        var g = Weights(r.Reference(x).Shape);
        r.Ours(tensors).Backward(From(g, device));
        for (int i = 0; i < x.Length; i++) Compare(tensors[i].Grad ?? Tensor.Zeros(tensors[i].Shape, device), Differences(r, x, i, g), r.GradientTolerance);
    }

    [TestCaseSource(nameof(All))]
    public void Views_of_any_stride_give_the_same(object row, Device device)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        var x = r.Draw(r.Shapes);
        var expected = r.Reference(x);
        Compare(r.Ours([.. Tensors(x, device).Select(Permuted)]), expected, r.Tolerance);
        Compare(r.Ours([.. Tensors(x, device).Select(Sliced)]), expected, r.Tolerance);

        var tensors = Tensors(x, device).Select(t => Sliced(Permuted(t))).ToArray();
        if (!r.HasGradient) return;
        foreach (var t in tensors) t.RequiresGrad = true;
        var g = Weights(expected.Shape);
        r.Ours(tensors).Backward(Permuted(From(g, device)));
        for (int i = 0; i < x.Length; i++) Compare(tensors[i].Grad ?? Tensor.Zeros(tensors[i].Shape, device), Differences(r, x, i, g), r.GradientTolerance);
    }

    [TestCaseSource(nameof(All))]
    public void Repeated_views_give_the_same_as_copies(object row, Device device)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        var x = r.Draw(r.Shapes);
        foreach (var p in x)
            for (int k = 0, n = p.Data.Length / Math.Max(1, p.Shape.FirstOrDefault(1)); k < p.Data.Length; k++) p.Data[k] = p.Data[k % n];
        Compare(r.Ours([.. Tensors(x, device).Select(t => t.Rank == 0 ? t : t.Narrow(0, 0, 1).Expand(t.Shape))]), r.Reference(x), r.Tolerance);
    }

    [TestCaseSource(nameof(TakingNothing))]
    public void Nothing_gives_nothing_or_its_neutral_element(object row, Device device)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        var x = r.Draw(r.ZeroShapes);
        var tensors = Tensors(x, device);
        if (r.HasGradient)
            foreach (var t in tensors) t.RequiresGrad = true;
        var y = r.Ours(tensors);
        Compare(y, r.Reference(x), r.Tolerance);
        if (!r.HasGradient) return;
        y.Backward(Tensor.Ones(y.Shape, device));
        foreach (var t in tensors) Assert.That((t.Grad ?? Tensor.Zeros(t.Shape, device)).ToArray<float>(), Is.All.Not.NaN);
    }

    [TestCaseSource(nameof(TakingNaN))]
    public void NaN_comes_out_where_it_must(object row, Device device)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        for (int i = 0; i < r.Shapes.Length; i++)
        {
            var x = r.Draw(r.Shapes);
            x[i].Data[x[i].Data.Length / 2] = double.NaN;
            Compare(r.Ours(Tensors(x, device)), r.Reference(x), r.Tolerance);
        }
    }

    [TestCaseSource(nameof(OtherTypes))]
    public void Other_element_types_give_the_same_bits(object row, Device device)
    {
        using var scope = Scope.Begin();
        var (r, type) = ((OpCase, DType))row;
        var x = r.Draw(r.Shapes).Select(p => p.Map(v => type == DType.Bool ? (v > 0 ? 1 : 0) : Math.Round(v * 50))).ToArray();
        var y = r.Ours([.. Tensors(x, device).Select(t => t.To(type))]);
        Compare(y, r.Reference(x), 0);
    }

    // What a row makes besides its inputs, such as indices, is made on the device too.
    internal static Tensor[] Tensors(Plain[] x, Device device)
    {
        Device.Default = device;
        return [.. x.Select(p => From(p, device))];
    }

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;

    internal static Tensor From(Plain p, Device device) => Tensor.From(Array.ConvertAll(p.Data, v => (float)v), p.Shape, device);

    /// <summary>The same elements with the memory order of the dimensions reversed.</summary>
    internal static Tensor Permuted(Tensor x)
    {
        int[] reversed = [.. Enumerable.Range(0, x.Rank).Reverse()];
        return Autograd.NoGrad(() => x.Permute(reversed).Clone().Permute(reversed)).Detach();
    }

    /// <summary>The same elements as every second one of a larger tensor, with garbage between.</summary>
    internal static Tensor Sliced(Tensor x)
    {
        if (x.Rank == 0) return x;
        var y = Tensor.Full([.. x.Shape.Select(d => (2 * d) + 1)], 1e30, x.DType, x.Device);
        for (int d = 0; d < x.Rank; d++) y = y.Narrow(d, 1, x.Shape[d], 2);
        y.CopyFrom(x);
        return y.Detach();
    }

    /// <summary>Output gradients that are all different.</summary>
    internal static Plain Weights(int[] shape)
    {
        int k = 0;
        return Plain.Of(shape, _ => (float)Math.Cos(1 + (1.7 * k++)));
    }

    /// <summary>∂(Σ y·g)/∂x of one input by central differences of the double-precision reference.</summary>
    internal static Plain Differences(OpCase r, Plain[] x, int input, Plain g)
    {
        const double H = 1e-6;
        double Loss() => r.Reference(x).Data.Zip(g.Data, (a, b) => a * b).Sum();
        double[] data = x[input].Data, slope = new double[data.Length];
        for (int k = 0; k < data.Length; k++)
        {
            double v = data[k];
            data[k] = v + H;
            double up = Loss();
            data[k] = v - H;
            slope[k] = (up - Loss()) / (2 * H);
            data[k] = v;
        }
        return new Plain(x[input].Shape, slope);
    }

    internal static void Compare(Tensor actual, Plain expected, double tolerance)
    {
        Assert.That(actual.Shape.ToArray(), Is.EqualTo(expected.Shape));
        float[] a = actual.To(DType.Float32).ToArray<float>();
        double scale = Math.Max(1, expected.Data.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max());
        for (int i = 0; i < a.Length; i++)
        {
            double b = expected.Data[i];
            if (!(((double)a[i]).Equals(b) || Math.Abs(a[i] - b) <= tolerance * scale))
                Assert.Fail($"element {i} of {actual.Shape}: got {a[i]:R}, expected {b:R} within {tolerance * scale:G3}");
        }
    }
}
