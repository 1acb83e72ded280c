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
        var library = CudaDNNContext.TryOpen(1, null, out _)!;
        using (library)
        {
            View x = Views.Of([2, 3, 4, 4], Normal(96, 1)), y = Views.Empty<float>([2, 3, 2, 2]);
            Assert.That(library.TryPoolingForward(DnnPoolingMode.Max, new(2, 3, 4, 4), new(2, 3, 2, 2), new Window2d(2, 2, 2, 2), x.Address, y.Address));
            var window = new Window2d(3, 3);
            View w = Views.Of([6, 3, 3, 3], Normal(162, 2)), z = Views.Empty<float>([2, 6, 2, 2]);
            Assert.That(library.TryConvolution(new(Cuda.ConvolutionPass.Forward, 2, 3, 4, 4, 6, 2, 2, window, false), x.Address, w.Address, z.Address, Device.Emulator.Memory));
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
