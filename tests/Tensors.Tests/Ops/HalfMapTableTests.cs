using Tessera.Cuda;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every row of the op table in 16 bits, on a GPU's kernels that load and store halves and on widened copies: the same bits, of results and of gradients.</summary>
[NonParallelizable]
public sealed class HalfMapTableTests
{
    static readonly DType[] types = [DType.Float16, DType.BFloat16];

    /// <summary>On the emulator, and on a GPU where there is one.</summary>
    static IEnumerable<TestCaseData> Rows() => TestDevices.With(OpTable.Rows.SelectMany(r => types.Select(t => (Row: r, Type: t)))).Where(c => c.Arguments[1] as Device != Device.Cpu);

    [TestCaseSource(nameof(Rows))]
    public void Halves_as_they_lie_give_the_bits_of_widened_ones(object row, Device device)
    {
        using var scope = Scope.Begin();
        var (r, type) = ((OpCase, DType))row;
        var x = r.Draw(r.Shapes);
        bool views = type == DType.BFloat16; // of any stride, with one of the types
        float[][] expected = Run(r, x, type, views, device, widened: true), actual = Run(r, x, type, views, device, widened: false);
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        for (int i = 0; i < actual.Length; i++) Assert.That(actual[i].Select(Bits), Is.EqualTo(expected[i].Select(Bits)), i == 0 ? "result" : $"gradient {i - 1}");

        // All NaN alike: a GPU's rounding keeps no payload.
        static uint Bits(float v) => float.IsNaN(v) ? 0x7FC00000 : BitConverter.SingleToUInt32Bits(v);
    }

    static float[][] Run(OpCase r, Plain[] x, DType type, bool views, Device device, bool widened)
    {
        ((CudaBackend)device.Backend).WidensHalves = widened;
        Tensor[] halves = [.. OpTableTests.Tensors(x, device).Select(t => t.To(type)).Select(t => views ? OpTableTests.Sliced(OpTableTests.Permuted(t)) : t)];
        foreach (var t in halves) t.RequiresGrad = r.HasGradient;
        Tensor y = Autocast.To(type, () => r.Ours(halves));
        if (r.HasGradient) y.Backward(OpTableTests.From(OpTableTests.Weights(y.Shape.ToArray()), device).To(y.DType));
        return [y.To(DType.Float32).ToArray<float>(), .. halves.Where(t => t.Grad is not null).Select(t => t.Grad!.To(DType.Float32).ToArray<float>())];
    }

    [TearDown]
    public void Restore()
    {
        if (Device.Default.Backend is CudaBackend gpu) gpu.WidensHalves = false;
        Device.Default = Device.Cpu;
    }
}
