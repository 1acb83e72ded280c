using Tessera.Cuda;
using Tessera.Testing;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <summary>The calls of NVIDIA's libraries, into <see cref="VendorStandIn"/>.</summary>
[NonParallelizable]
public sealed partial class VendorTests
{
    static readonly Backend cpu = Device.Cpu.Backend;

    [SetUp]
    public void Name() => VendorStandIn.Name("TESSERA_CUBLAS", "TESSERA_CUDNN");

    [TearDown]
    public void Forget()
    {
        VendorStandIn.Forget();
        (Precision.AllowTf32, Determinism.Exact) = (false, false);
    }

    // The views are the emulator's memory; the backend is one of its own, with the libraries.
    static CudaBackend Backend() => new(((CudaBackend)Device.Emulator.Backend).Driver);

    [TestCase(false, false, 1)]
    [TestCase(true, false, 3)]
    [TestCase(false, true, 2)]
    [TestCase(true, true, 1)]
    public void A_matrix_product(bool transposedA, bool transposedB, int batch)
    {
        var backend = Backend();
        View a = transposedA ? Views.Of([batch, 7, 5], Normal(batch * 35, 1)).Permute(0, 2, 1) : Views.Of([batch, 5, 7], Normal(batch * 35, 1));
        View b = transposedB ? Views.Of([batch, 6, 7], Normal(batch * 42, 2)).Permute(0, 2, 1) : Views.Of([batch, 7, 6], Normal(batch * 42, 2));
        View y = Views.Of([batch, 5, 6], Normal(batch * 30, 3)), expected = Views.Of([batch, 5, 6], Views.Get<float>(y));
        Precision.AllowTf32 = true;
        backend.Gemm(a, b, y, 0.5f, 2);
        cpu.Gemm(a, b, expected, 0.5f, 2);
        Assert.That(backend.Blas.Library, Is.Not.Null);
        Assert.That(backend.Blas.Library!.Version, Is.EqualTo(new Version(13, 1, 0)));
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-5));
    }

    /// <summary>NVIDIA's own would take the emulator's addresses for a GPU's.</summary>
    [Test]
    public void The_emulator_uses_no_library_that_it_was_not_given_by_name()
    {
        VendorStandIn.Forget();
        string[] variables = ["TESSERA_CUBLAS", "TESSERA_CUBLASLT", "TESSERA_CUDNN", "TESSERA_NCCL"];
        foreach (string variable in variables) Environment.SetEnvironmentVariable(variable, "on");
        Assert.That(Backend().Libraries.Select(l => l.State), Is.All.EqualTo("not searched for: the device is not a GPU"));
        VendorStandIn.Forget();
    }

    [Test]
    public void Exact_sums_are_not_left_to_libraries()
    {
        View a = Views.Of([5, 7], Normal(35, 1)), b = Views.Of([7, 6], Normal(42, 2)), y = Views.Empty<float>([5, 6]);
        var backend = Backend();
        int Kernels() => backend.Time(() => backend.Gemm(a, b, y)).Count;
        Assert.That(Kernels(), Is.Zero, "by the library");
        Determinism.Exact = true;
        Assert.That(Kernels(), Is.EqualTo(1));
    }

    [Test]
    public void What_cuBLAS_does_not_take_runs_on_our_kernels()
    {
        View a = Views.Of([5, 7], Normal(35, 1)), b = Views.Of([7, 12], Normal(84, 2)).Slice(1, 0, 6, 2), y = Views.Empty<float>([5, 6]), expected = Views.Empty<float>([5, 6]);
        Backend().Gemm(a, b, y);
        cpu.Gemm(a, b, expected);
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-5));
    }

    static readonly Window2d[] windows =
    [
        new(3, 3, Top: 1, Left: 1, Bottom: 1, Right: 1), new(3, 2, StrideH: 2, StrideW: 1, Top: 1, Bottom: 1), new(1, 1, StrideH: 2, StrideW: 2),
        new(3, 3, Top: 1, Left: 1, Bottom: 1, Right: 1, Groups: 2),
        new(3, 3, DilationH: 2), new(2, 2, Top: 1), // these two run on our kernels
    ];

    [TestCaseSource(nameof(windows))]
    public void A_convolution_and_its_gradients(Window2d window)
    {
        var backend = Backend();
        Shape sx = [2, 4, 9, 8], sw = [6, 4 / window.Groups, window.R, window.S], sy = [2, 6, window.OutH(9), window.OutW(8)];
        View x = Views.Of(sx, Normal(sx.Count, 1)), w = Views.Of(sw, Normal(sw.Count, 2)), g = Views.Of(sy, Normal(sy.Count, 3)), bias = Views.Of([6], Normal(6, 4));
        for (int round = 0; round < 2; round++) // searched, then known
        {
            View[] ours = [Views.Empty<float>(sy), Views.Empty<float>(sx), Views.Empty<float>(sw)], plain = [Views.Empty<float>(sy), Views.Empty<float>(sx), Views.Empty<float>(sw)];
            foreach (var (k, result) in new[] { ((Backend)backend, ours), (new Composed(), plain) })
            {
                k.Conv2d(x, w, result[0], window, new Epilogue(bias, Relu: true));
                k.Conv2dBackwardData(g, w, result[1], window);
                k.Conv2dBackwardWeight(g, x, result[2], window);
            }
            for (int i = 0; i < 3; i++) Assert.That(Views.Get<float>(ours[i]), Is.EqualTo(Views.Get<float>(plain[i])).Within(2e-4), $"result {i}");
        }
        Assert.That(backend.Dnn.Library!.Context.Version, Is.EqualTo(new Version(9, 19, 0)));
    }

    // Refused by the search, or by the call itself: Tessera's kernels take over, and cuDNN is not searched again.
    [TestCase(3, 2), TestCase(5, 1)]
    public void A_convolution_that_was_refused_is_not_searched_for_again(int rows, int dilation)
    {
        var backend = Backend();
        Window2d window = new(rows, 3, DilationH: dilation);
        Shape sx = [2, 4, 9, 8], sw = [6, 4, rows, 3], sy = [2, 6, window.OutH(9), window.OutW(8)];
        View x = Views.Of(sx, Normal(sx.Count, 1)), w = Views.Of(sw, Normal(sw.Count, 2)), expected = Views.Empty<float>(sy);
        cpu.Conv2d(x, w, expected, window);
        for (int round = 0; round < 3; round++)
        {
            int before = VendorStandIn.Count("find_calls");
            View y = Views.Empty<float>(sy);
            backend.Conv2d(x, w, y, window);
            Assert.That(VendorStandIn.Count("find_calls") - before, Is.EqualTo(round == 0 ? 1 : 0));
            Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-4));
        }
    }

    [Test]
    public void Each_can_be_turned_off_and_says_so()
    {
        Environment.SetEnvironmentVariable("TESSERA_CUBLAS", "off");
        Environment.SetEnvironmentVariable("TESSERA_CUDNN", "off");
        var backend = Backend();
        Assert.That(backend.Blas, Is.EqualTo(((CudaBlas?)null, "turned off by TESSERA_CUBLAS=off")));
        Assert.That(backend.Dnn, Is.EqualTo(((CudnnLayers?)null, "turned off by TESSERA_CUDNN=off")));
    }

    [Test]
    public void A_library_that_is_none_is_an_error_with_the_cure()
    {
        Environment.SetEnvironmentVariable("TESSERA_CUBLAS", "/nowhere/libcublas.so.13");
        var e = Assert.Throws<DeviceException>(() => _ = Backend().Blas);
        Assert.That(e!.Message, Does.Contain("TESSERA_CUBLAS").And.Contain("/nowhere/libcublas.so.13").And.Contain("Hint"));
    }
}
