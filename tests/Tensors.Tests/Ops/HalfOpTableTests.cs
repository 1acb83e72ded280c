using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>
/// The op table in 16 bits: the inputs are rounded first, so that what remains is the rounding of results, by half a unit in the last place, and of what
/// composed operations store between their parts.
/// </summary>
public sealed class HalfOpTableTests
{
    /// <summary>Roundings of a chain of operations that may add up.</summary>
    const double Roundings = 6;

    static readonly DType[] types = [DType.Float16, DType.BFloat16];

    /// <summary>Operations whose kernels for halves are their own, or that stand in networks: those that the emulator runs too.</summary>
    static readonly string[] networks = ["matmul", "linear", "conv", "batch norm", "max pool", "avg pool", "add", "cat images", "vector matrix", "dropout"];

    /// <summary>Rows whose rounded inputs lie on a kink or a tie, where there is no gradient to compare.</summary>
    static readonly string[] kinks = ["relu6", "remainder", "sort descending", "max pool"];

    static IEnumerable<TestCaseData> All() => TestDevices.With(OpTable.Rows.SelectMany(r => types.Select(t => (Row: r, Type: t)))).Where(Runs);

    static IEnumerable<TestCaseData> Differentiable()
        => TestDevices.With(OpTable.Rows.Where(r => r.HasGradient && !kinks.Contains(r.Name, StringComparer.Ordinal)).SelectMany(r => types.Select(t => (Row: r, Type: t)))).Where(Runs);

    static IEnumerable<TestCaseData> Networks() => TestDevices.With(OpTable.Rows.Where(r => r.TakesNothing && IsOfNetworks(r)).SelectMany(r => types.Select(t => (Row: r, Type: t))));

    static bool IsOfNetworks(OpCase row) => networks.Any(n => row.Name.Contains(n, StringComparison.Ordinal));

    static bool Runs(TestCaseData c) => c.Arguments is not [ValueTuple<OpCase, DType> row, Device device] || device == Device.Cpu || IsOfNetworks(row.Item1);

    /// <summary>Half a unit in the last place, relative.</summary>
    static double Epsilon(DType type) => type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256;

    [TestCaseSource(nameof(All))]
    public void Agrees_with_the_plain_reference(object row, Device device)
    {
        using var scope = Scope.Begin();
        var (r, type) = ((OpCase, DType))row;
        var x = Rounded(r.Draw(r.Shapes), type);
        Tensor[] halves = [.. Tensors(x, device).Select(t => t.To(type))];
        Tensor y;
        using (Autocast.To(type)) y = r.Ours(halves);
        Compare(y, r.Reference(x), Tolerance(r.Tolerance, type));
    }

    [TestCaseSource(nameof(Differentiable))]
    public void Gradient_agrees_with_central_differences(object row, Device device)
    {
        using var scope = Scope.Begin();
        var (r, type) = ((OpCase, DType))row;
        var x = Rounded(r.Draw(r.Shapes), type);
        Tensor[] halves = [.. Tensors(x, device).Select(t => t.To(type))];
        foreach (var t in halves) t.RequiresGrad = true;
        var g = Rounded([OpTableTests.Weights(r.Reference(x).Shape)], type)[0];
        Tensor y;
        using (Autocast.To(type)) y = r.Ours(halves);
        y.Backward(OpTableTests.From(g, device)); // outside of the region: it follows what was recorded
        for (int i = 0; i < x.Length; i++)
        {
            if (halves[i].Grad is not { } gradient) continue;
            Assert.That(gradient.DType, Is.EqualTo(type));
            Compare(gradient, OpTableTests.Differences(r, x, i, g), Tolerance(r.GradientTolerance, type));
        }
    }

    [TestCaseSource(nameof(Networks))]
    public void Nothing_gives_nothing_or_its_neutral_element(object row, Device device)
    {
        using var scope = Scope.Begin();
        var (r, type) = ((OpCase, DType))row;
        var x = Rounded(r.Draw(r.ZeroShapes), type);
        Tensor[] halves = [.. Tensors(x, device).Select(t => t.To(type))];
        foreach (var t in halves) t.RequiresGrad = r.HasGradient;
        var y = Autocast.To(type, () => r.Ours(halves));
        Compare(y, r.Reference(x), Tolerance(r.Tolerance, type));
        if (r.HasGradient) y.Backward(Tensor.Ones(y.Shape, device));
        foreach (var t in halves) Assert.That(t.Grad?.To(DType.Float32).ToArray<float>() ?? [], Is.All.Not.NaN);
    }

    [TestCaseSource(nameof(Networks))]
    public void Views_of_any_stride_give_the_same(object row, Device device)
    {
        using var scope = Scope.Begin();
        var (r, type) = ((OpCase, DType))row;
        var x = Rounded(r.Draw(r.Shapes), type);
        Tensor[] halves = [.. Tensors(x, device).Select(t => OpTableTests.Sliced(OpTableTests.Permuted(t.To(type))))];
        Compare(Autocast.To(type, () => r.Ours(halves)), r.Reference(x), Tolerance(r.Tolerance, type));
    }

    static double Tolerance(double float32, DType type) => float32 + (Roundings * Epsilon(type));

    static Plain[] Rounded(Plain[] x, DType type) => [.. x.Select(p => p.Map(v => type == DType.Float16 ? (double)(float)(Half)(float)v : (float)(BFloat16)(float)v))];

    static Tensor[] Tensors(Plain[] x, Device device) => OpTableTests.Tensors(x, device);

    static void Compare(Tensor actual, Plain expected, double tolerance) => OpTableTests.Compare(actual, expected, tolerance);

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;
}
