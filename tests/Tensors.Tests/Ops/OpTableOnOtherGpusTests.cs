using System.Collections.Concurrent;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>
/// Rows of <see cref="OpTable"/> with the kernels that the emulator does not take by itself: those of a GPU before 8.0, and the convolutions that one
/// of 8.0 or later takes by default.
/// </summary>
public sealed class OpTableOnOtherGpusTests
{
    static readonly string[] onTensorCores = ["conv"], before80 = ["conv", "matmul", "linear", "batch norm"];
    static readonly OpTableTests table = new();
    static readonly HalfOpTableTests halves = new();
    static readonly ConcurrentDictionary<string, bool> launched = new(), launchedBefore80 = new();
    static readonly Lazy<Device> turing = new(() => On(Watched(75, launchedBefore80), null));
    static readonly Lazy<Device> ampere = new(() => On(Watched(80, launched), null));
    static readonly Lazy<Device> wide = new(() => On(Watched(80, launched), Conv2dVersion.Tf32x3Wide));

    static EmulatedCudaDriver Watched(int architecture, ConcurrentDictionary<string, bool> entries)
        => new() { Architecture = architecture, PrefersTensorCores = true, Counts = true, Reported = (entry, _) => entries[entry] = true };

    static Device On(EmulatedCudaDriver driver, Conv2dVersion? version) => new($"emulator of {driver.Architecture}", new CudaBackend(driver) { OnlyConv2d = version });

    static IEnumerable<TestCaseData> Rows(string[] families) => OpTable.Rows.Where(r => Array.Exists(families, f => r.Name.Contains(f, StringComparison.Ordinal) && !r.Name.Contains("interpolate", StringComparison.Ordinal))).Select(r => new TestCaseData(r).SetArgDisplayNames(r.Name));

    static IEnumerable<TestCaseData> Convolutions() => Rows(onTensorCores);

    /// <summary>Results of more than 64 channels, where the wide kernel differs.</summary>
    static IEnumerable<TestCaseData> OfManyChannels() => Rows(["68 channels"]);

    static IEnumerable<TestCaseData> Before80() => Rows(before80);

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;

    [OneTimeTearDown]
    public void TensorCoresHadAPart()
    {
        if (!ampere.IsValueCreated || !wide.IsValueCreated) return;
        Assert.That(launched.Keys, Is.SupersetOf(new[] { "conv2d_tf32x3", "conv2d_tf32x3_wide", "conv2d_weight_tf32x3" }));
    }

    [TestCaseSource(nameof(Convolutions))]
    public void Tf32x3(object row) => All((OpCase)row, ampere.Value);

    [TestCaseSource(nameof(OfManyChannels))]
    public void Tf32x3Wide(object row) => All((OpCase)row, wide.Value);

    /// <summary>Text for 8.0 and later does not even load there.</summary>
    [TestCaseSource(nameof(Before80))]
    public void Of_7_5(object row)
    {
        table.Agrees_with_the_plain_reference(row, turing.Value);
        if (((OpCase)row).HasGradient) table.Gradient_agrees_with_central_differences(row, turing.Value);
    }

    [TestCaseSource(nameof(Before80))]
    public void Halves_of_7_5(object row)
    {
        object half = ((OpCase)row, DType.Float16);
        halves.Agrees_with_the_plain_reference(half, turing.Value);
        if (((OpCase)row).HasGradient) halves.Gradient_agrees_with_central_differences(half, turing.Value);
    }

    [Test]
    public void A_large_product_of_7_5()
    {
        using var scope = Scope.Begin();
        float[] a = [.. Enumerable.Range(0, 40 * 36).Select(i => ((i * 7919 % 101) - 50) / 50f)];
        Tensor On(Device device) => Tensor.From(a, [40, 36], device).MatMul(Tensor.From(a, [36, 40], device));
        Assert.That(On(turing.Value).ToArray<float>(), Is.EqualTo(On(Device.Cpu).ToArray<float>()).Within(1e-5f));
        Assert.That(launchedBefore80.Keys, Does.Contain("gemm_registers"));
    }

    static void All(OpCase row, Device device)
    {
        table.Agrees_with_the_plain_reference(row, device);
        if (row.HasGradient) table.Gradient_agrees_with_central_differences(row, device);
        table.Views_of_any_stride_give_the_same(row, device);
        if (row.TakesNothing) table.Nothing_gives_nothing_or_its_neutral_element(row, device);
        if (row.TakesNaN) table.NaN_comes_out_where_it_must(row, device);
    }
}
