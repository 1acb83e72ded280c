using Tessera.Cuda;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every row of the op table in 16 bits, on a GPU's kernels that load and store halves and on widened copies: the same bits, of results and of gradients.</summary>
[NonParallelizable]
public sealed class HalfMapTableTests
{
    static readonly CudaBackend gpu = (CudaBackend)Device.Emulator.Backend;

    static IEnumerable<TestCaseData> Rows() => OpTable.Rows.SelectMany(r => new[] { DType.Float16, DType.BFloat16 }.Select(t => new TestCaseData(r, t).SetArgDisplayNames(r.Name, t.ToString())));

    [TestCaseSource(nameof(Rows))]
    public void Halves_as_they_lie_give_the_bits_of_widened_ones(object row, DType type)
    {
        using var scope = Scope.Begin();
        var r = (OpCase)row;
        var x = r.Draw(r.Shapes);
        bool views = type == DType.BFloat16; // of any stride, with one of the types
        float[][] expected = Run(r, x, type, views, widened: true), actual = Run(r, x, type, views, widened: false);
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        for (int i = 0; i < actual.Length; i++) Assert.That(actual[i].Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(expected[i].Select(BitConverter.SingleToUInt32Bits)), i == 0 ? "result" : $"gradient {i - 1}");
    }

    static float[][] Run(OpCase r, Plain[] x, DType type, bool views, bool widened)
    {
        gpu.WidensHalves = widened;
        Tensor[] halves = [.. OpTableTests.Tensors(x, Device.Emulator).Select(t => t.To(type)).Select(t => views ? OpTableTests.Sliced(OpTableTests.Permuted(t)) : t)];
        foreach (var t in halves) t.RequiresGrad = r.HasGradient;
        Tensor y = Autocast.To(type, () => r.Ours(halves));
        if (r.HasGradient) y.Backward(OpTableTests.From(OpTableTests.Weights(y.Shape.ToArray()), Device.Emulator).To(y.DType));
        return [y.To(DType.Float32).ToArray<float>(), .. halves.Where(t => t.Grad is not null).Select(t => t.Grad!.To(DType.Float32).ToArray<float>())];
    }

    [TearDown]
    public void Restore()
    {
        gpu.WidensHalves = false;
        Device.Default = Device.Cpu;
    }
}
