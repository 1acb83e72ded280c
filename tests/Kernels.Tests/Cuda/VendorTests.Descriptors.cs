using Tessera.Cuda;
using Tessera.Testing;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <content>What the libraries make to describe work is given back.</content>
public sealed partial class VendorTests
{
    static int LiveDescriptors => VendorStandIn.Count("live_descriptors");

    static void Convolve(CudaBackend backend, int height, Window2d window)
    {
        Shape sx = [1, 4, height, 8], sw = [6, 4, window.R, window.S];
        backend.Conv2d(Views.Of(sx, Normal(sx.Count, 1)), Views.Of(sw, Normal(sw.Count, 2)), Views.Empty<float>([1, 6, window.OutH(height), window.OutW(8)]), window);
    }

    [Test]
    public void Descriptors_live_as_long_as_their_context()
    {
        int before = LiveDescriptors;
        var library = CudnnLayers.TryOpen(1, null, out _)!;
        using (library)
        {
            View x = Views.Of([2, 3, 4, 4], Normal(96, 1)), y = Views.Empty<float>([2, 3, 2, 2]);
            Assert.That(library.TryPoolingForward(CudnnPoolingMode.Max, new(2, 3, 4, 4), new(2, 3, 2, 2), new Window2d(2, 2, 2, 2), x.Address, y.Address));
            var window = new Window2d(3, 3);
            View w = Views.Of([6, 3, 3, 3], Normal(162, 2)), z = Views.Empty<float>([2, 6, 2, 2]);
            Assert.That(library.TryConvolution(new(ConvolutionPass.Forward, 2, 3, 4, 4, 6, 2, 2, window, false), x.Address, w.Address, z.Address, Device.Emulator.Memory));
            Assert.That(LiveDescriptors - before, Is.EqualTo(3 + 4), "of the pool and of the convolution");
        }
        Assert.That(LiveDescriptors, Is.EqualTo(before));
    }

    // Refused by the search, or by the call itself.
    [TestCase(3, 2), TestCase(5, 1)]
    public void A_convolution_that_was_refused_leaves_nothing(int rows, int dilation)
    {
        var backend = Backend();
        int before = LiveDescriptors;
        Convolve(backend, 9, new Window2d(rows, 3, DilationH: dilation));
        Assert.That(LiveDescriptors, Is.EqualTo(before));
    }

    [Test]
    public void A_product_that_was_refused_leaves_nothing_and_one_that_was_not_its_plan([Values(17, 7)] int k)
    {
        var library = WithLt().BlasLt.Library!;
        int before = LiveDescriptors;
        View a = Views.Of([5, k], Normal(5 * k, 1)), b = Views.Of([k, 6], Normal(6 * k, 2)), y = Views.Empty<float>([5, 6]);
        var product = new BlasLtProduct(Operation.NonTranspose, Operation.NonTranspose, 6, 5, k, CudaDataType.R32F, new(6, 0), new(k, 0), new(6, 0), new(6, 0), 1, BlasLtEpilogue.Default, false, 4);
        using (library)
        {
            Assert.That(library.TryMatmul(product, 1, b.Address, a.Address, 0, y.Address, y.Address, 0, Device.Emulator.Memory), Is.EqualTo(k != 17));
            Assert.That(LiveDescriptors - before, Is.EqualTo(k == 17 ? 0 : 5));
        }
        Assert.That(LiveDescriptors, Is.EqualTo(before));
    }

    [Test]
    public void A_call_that_fails_names_its_operands()
    {
        var e = Assert.Throws<CudaException>(() => Convolve(Backend(), 9, new Window2d(7, 3, StrideW: 2, Left: 1, Right: 1)));
        Assert.That(e!.Message, Is.EqualTo("cudnnConvolutionForward(tensor [1, 4, 9, 8] Nhwc; filter [6, 4, 7, 3]; padding 0 x 1, stride 1 x 2, dilation 1 x 1; tensor [1, 6, 3, 4] Nhwc): "
            + "failed: got CUDNN_STATUS_BAD_PARAM (2000), expected CUDA_SUCCESS: reported by cuDNN"));
    }

    /// <summary>As a user of ManagedCuda writes it.</summary>
    [Test]
    public void The_binding_by_itself()
    {
        using var dnn = CudaDNNContext.TryOpen(1, null, out _)!;
        dnn.SetStream(2);
        View x = Views.Of([1, 4, 2, 2], Normal(16, 1)), y = Views.Empty<float>([1, 4, 1, 1]), expected = Views.Empty<float>([1, 4, 1, 1]);
        using TensorDescriptor xDesc = new(dnn), yDesc = new(dnn);
        using PoolingDescriptor poolingDesc = new(dnn);
        xDesc.SetTensor4dDescriptor(CudnnTensorFormat.Nhwc, CudnnDataType.Float, 1, 4, 2, 2);
        yDesc.SetTensor4dDescriptor(CudnnTensorFormat.Nhwc, CudnnDataType.Float, 1, 4, 1, 1);
        poolingDesc.SetPooling2dDescriptor(CudnnPoolingMode.Max, CudnnNanPropagation.PropagateNan, 2, 2, 0, 0, 2, 2);
        Assert.That(dnn.PoolingForward(poolingDesc, 1, xDesc, x.Address, 0, yDesc, y.Address));
        cpu.MaxPool2d(x, expected, null, new Window2d(2, 2, 2, 2));
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)));
        Assert.That($"{poolingDesc}; {xDesc}", Is.EqualTo("Max of 2 x 2, padding 0 x 0, stride 2 x 2; tensor [1, 4, 2, 2] Nhwc"));
    }

    [Test]
    public void The_newest_plans_are_kept()
    {
        List<int> gone = [];
        using PlanCache<int, Plan> plans = new(3);
        for (int i = 0; i < 5; i++) plans.Set(i, i == 1 ? null : new Plan(i, gone));
        Assert.That((plans.Count, gone), Is.EqualTo((3, (List<int>)[0])));
        Assert.That(plans.TryGet(1, out _), Is.False);
        Assert.That((plans.TryGet(2, out var plan), plan!.Id), Is.EqualTo((true, 2)));
        plans.Set(4, null); // known: nothing makes room
        Assert.That((plans.Count, gone), Is.EqualTo((3, (List<int>)[0, 4])));
        plans.Dispose();
        Assert.That(gone, Is.EquivalentTo(new[] { 0, 4, 2, 3 }));
    }

    sealed record Plan(int Id, List<int> Gone) : IDisposable
    {
        public void Dispose() => Gone.Add(Id);
    }
}
