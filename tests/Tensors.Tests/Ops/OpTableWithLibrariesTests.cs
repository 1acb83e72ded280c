using Tessera.Cuda;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>
/// The rows of <see cref="OpTable"/> that NVIDIA's libraries have a part in, on an emulator whose libraries are a stand-in: values, gradients, views and NaN
/// are the same, whether a library takes the call or not.
/// </summary>
[NonParallelizable]
public sealed class OpTableWithLibrariesTests
{
    static readonly string[] families = ["softmax", "pool", "batch norm", "matmul", "linear", "conv", "entropy", "bmm"];
    static readonly string[] ofDnn =
    [
        "cudnnFindConvolutionForwardAlgorithmEx", "cudnnFindConvolutionBackwardDataAlgorithmEx", "cudnnFindConvolutionBackwardFilterAlgorithmEx",
        "cudnnConvolutionForward", "cudnnConvolutionBackwardData", "cudnnConvolutionBackwardFilter",
        "cudnnBatchNormalizationForwardInference", "cudnnBatchNormalizationForwardTraining", "cudnnBatchNormalizationBackward",
        "cudnnPoolingForward", "cudnnPoolingBackward", "cudnnSoftmaxForward", "cudnnSoftmaxBackward",
    ];
    static readonly OpTableTests table = new();
    static Device device = null!;

    [OneTimeSetUp]
    public void Open()
    {
        VendorStandIn.Name();
        try
        {
            var backend = new CudaBackend(new EmulatedCudaDriver());
            Assert.That((backend.Blas.Library, backend.BlasLt.Library, backend.Dnn.Library), Is.Not.EqualTo(((CudaBlas?)null, (CudaBlasLt?)null, (CudnnLayers?)null)));
            device = new Device("emulator with libraries", backend);
        }
        finally
        {
            VendorStandIn.Forget();
        }
    }

    [OneTimeTearDown]
    public void EveryLibraryHadAPart()
    {
        if (device is null) return;
        foreach (string function in ofDnn) Assert.That(VendorStandIn.Calls(function), Is.Positive, function);
        Assert.That(VendorStandIn.Count("lt_calls"), Is.GreaterThan(2));
    }

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;

    static IEnumerable<TestCaseData> Rows() => OpTable.Rows.Where(r => Array.Exists(families, f => r.Name.Contains(f, StringComparison.Ordinal))).Select(r => new TestCaseData(r).SetArgDisplayNames(r.Name));

    [TestCaseSource(nameof(Rows))]
    public void Values_gradients_and_views(object row)
    {
        var r = (OpCase)row;
        table.Agrees_with_the_plain_reference(r, device);
        if (r.HasGradient) table.Gradient_agrees_with_central_differences(r, device);
        table.Views_of_any_stride_give_the_same(r, device);
        if (r.TakesNothing) table.Nothing_gives_nothing_or_its_neutral_element(r, device);
        // Whether a tap on the padding is a product with 0 is the library's own affair.
        if (r.TakesNaN && !r.Name.Contains("conv", StringComparison.Ordinal)) table.NaN_comes_out_where_it_must(r, device);
    }
}
