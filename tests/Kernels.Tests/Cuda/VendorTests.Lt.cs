using Tessera.Cuda;
using Tessera.Testing;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <content>cuBLASLt's products with what follows them, and NCCL.</content>
public sealed unsafe partial class VendorTests
{
    static CudaBackend WithLt()
    {
        VendorStandIn.Name("TESSERA_CUBLASLT", "TESSERA_NCCL");
        return Backend();
    }

    [Test]
    public void A_product_with_its_epilogue([Values] bool bias, [Values] bool residual, [Values] bool relu, [Values("", "a", "b")] string transposed, [Values(1, 3)] int batch)
    {
        var backend = WithLt();
        int m = 5, n = 6, k = 7;
        View a = transposed == "a" ? Views.Of([batch, k, m], Normal(batch * m * k, 1)).Permute(0, 2, 1) : Views.Of([batch, m, k], Normal(batch * m * k, 1));
        View b = transposed == "b" ? Views.Of([batch, n, k], Normal(batch * n * k, 2)).Permute(0, 2, 1) : Views.Of([batch, k, n], Normal(batch * n * k, 2));
        var epilogue = new Epilogue(bias ? Views.Of([n], Normal(n, 3)) : null, residual ? Views.Of([batch, m, n], Normal(batch * m * n, 4)) : null, relu);
        for (int round = 0; round < 2; round++) // searched, then known
        {
            View y = Views.Empty<float>([batch, m, n]), expected = Views.Empty<float>([batch, m, n]);
            int before = VendorStandIn.Count("lt_calls");
            backend.Gemm(a, b, y, epilogue);
            cpu.Gemm(a, b, expected, epilogue);
            Assert.That(VendorStandIn.Count("lt_calls") - before, Is.EqualTo(1));
            Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-5));
        }
        Assert.That(backend.BlasLt.Library!.Version, Is.EqualTo(new Version(13, 1, 0)));
    }

    [Test]
    public void Tf32_and_addresses_of_any_alignment([Values] bool tf32, [Values(0, 1, 2, 3)] int offset)
    {
        Precision.AllowTf32 = tf32;
        View x = Views.Of([40], Normal(40, 1)), b = Views.Of([7, 6], Normal(42, 2)), y = Views.Empty<float>([5, 6]), expected = Views.Empty<float>([5, 6]);
        View a = x.As(new Layout([5, 7], [7, 1], offset));
        int before = VendorStandIn.Count("lt_calls");
        WithLt().Gemm(a, b, y, new Epilogue(Relu: true));
        cpu.Gemm(a, b, expected, new Epilogue(Relu: true));
        Assert.That(VendorStandIn.Count("lt_calls") - before, Is.EqualTo(1));
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-5));
    }

    [Test]
    public void Factors_of_16_bits([Values(DType.Float16, DType.BFloat16)] DType type, [Values(0f, 0.5f)] float beta)
    {
        float[] left = Normal(35, 1), right = Normal(42, 2);
        View a, b;
        if (type == DType.Float16) (a, b) = (Views.Of([5, 7], [.. left.Select(v => (Half)v)]), Views.Of([7, 6], [.. right.Select(v => (Half)v)]));
        else (a, b) = (Views.Of([5, 7], [.. left.Select(v => (BFloat16)v)]), Views.Of([7, 6], [.. right.Select(v => (BFloat16)v)]));
        View wideA = Views.Empty<float>([5, 7]), wideB = Views.Empty<float>([7, 6]), y = Views.Of([5, 6], Normal(30, 3)), expected = Views.Of([5, 6], Normal(30, 3));
        cpu.Copy(a, wideA);
        cpu.Copy(b, wideB);
        int before = VendorStandIn.Count("lt_calls");
        WithLt().Gemm16(a, b, y, 2, beta);
        cpu.Gemm(wideA, wideB, expected, 2, beta);
        Assert.That(VendorStandIn.Count("lt_calls") - before, Is.EqualTo(1));
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-5));
    }

    /// <summary>Where the library writes 16 bits itself, there is no kernel that rounds; a bias is float32, and the library wants it as the result is.</summary>
    [Test]
    public void Results_of_16_bits([Values(DType.Float16, DType.BFloat16)] DType type, [Values] bool residual, [Values] bool relu, [Values] bool bias)
    {
        View Halves(Shape shape, ulong seed)
        {
            View wide = Views.Of(shape, [.. Normal(shape.Count, seed).Select(v => MathF.Round(v * 4))]), narrow = type == DType.Float16 ? Views.Empty<Half>(shape) : Views.Empty<BFloat16>(shape);
            cpu.Copy(wide, narrow);
            return narrow;
        }
        View a = Halves([5, 7], 1), b = Halves([7, 6], 2), y = Halves([5, 6], 3), expected = Halves([5, 6], 3);
        var epilogue = new Epilogue(bias ? Views.Of([6], Normal(6, 5)) : null, residual ? Halves([5, 6], 4) : null, relu);
        var backend = WithLt();
        int before = VendorStandIn.Count("lt_calls");
        int kernels = backend.Time(() => backend.Gemm16(a, b, y, epilogue)).Count;
        cpu.Gemm16(a, b, expected, epilogue);
        Assert.That(VendorStandIn.Count("lt_calls") - before, Is.EqualTo(1));
        if (!bias) Assert.That(kernels, Is.Zero, "rounded by the library");
        View got = Views.Empty<float>([5, 6]), wanted = Views.Empty<float>([5, 6]);
        cpu.Copy(y, got);
        cpu.Copy(expected, wanted);
        Assert.That(Views.Get<float>(got), Is.EqualTo(Views.Get<float>(wanted)), "whole numbers: every order gives the same sum");
    }

    [Test]
    public void What_cuBLASLt_does_not_take_goes_on_to_cuBLAS()
    {
        View a = Views.Of([5, 17], Normal(85, 1)), b = Views.Of([17, 6], Normal(102, 2)), bias = Views.Of([6], Normal(6, 3)), y = Views.Empty<float>([5, 6]), expected = Views.Empty<float>([5, 6]);
        int before = VendorStandIn.Count("lt_calls");
        WithLt().Gemm(a, b, y, new Epilogue(bias, Relu: true));
        cpu.Gemm(a, b, expected, new Epilogue(bias, Relu: true));
        Assert.That(VendorStandIn.Count("lt_calls"), Is.EqualTo(before));
        Assert.That(Views.Get<float>(y), Is.EqualTo(Views.Get<float>(expected)).Within(1e-5));
    }

    [Test]
    public void CuBLAS_off_is_cuBLASLt_off()
    {
        VendorStandIn.Name();
        Environment.SetEnvironmentVariable("TESSERA_CUBLAS", "off");
        Assert.That(Backend().BlasLt, Is.EqualTo(((CudaBlasLt?)null, "turned off by TESSERA_CUBLAS=off")));
    }

    [Test]
    public void Nccl_is_found_and_bound()
    {
        var nccl = WithLt().Nccl.Library!;
        Assert.That(nccl.Version, Is.EqualTo(new Version(2, 28, 9)));
        NcclUniqueId id;
        nint communicator;
        nccl.Check(nccl.Functions.ncclGetUniqueId(&id), "ncclGetUniqueId");
        nccl.Check(nccl.Functions.ncclCommInitRank(&communicator, 1, id, 0), "ncclCommInitRank");
        float[] sent = [1, 2, 3], received = new float[3];
        fixed (float* from = sent, to = received)
            nccl.Check(nccl.Functions.ncclAllReduce((nint)from, (nint)to, 3, NcclDataType.Float32, NcclRedOp.Sum, communicator, 1), "ncclAllReduce");
        Assert.That(received, Is.EqualTo(sent));
        nccl.Check(nccl.Functions.ncclCommDestroy(communicator), "ncclCommDestroy");
        var refused = nccl.Functions.ncclCommInitRank(&communicator, 1, id, 5);
        var e = Assert.Throws<CudaException>(() => nccl.Check(refused, "ncclCommInitRank"));
        Assert.That(e!.Message, Is.EqualTo("ncclCommInitRank: failed: got ncclInvalidArgument (4), expected CUDA_SUCCESS: invalid argument"));
    }

    [Test]
    public void The_doctor_names_every_library()
    {
        VendorStandIn.Name();
        Assert.That(Backend().Libraries, Is.EqualTo(new[]
        {
            ("cuBLAS", $"13.1.0 ({VendorStandIn.Path})"), ("cuBLASLt", $"13.1.0 ({VendorStandIn.Path})"), ("cuDNN", $"9.19.0 ({VendorStandIn.Path})"),
            ("NCCL", $"2.28.9 ({VendorStandIn.Path}), not used yet"),
        }));
        VendorStandIn.Forget();
        Assert.That(Backend().Libraries.Select(l => l.State), Is.All.EqualTo("not searched for: the device is not a GPU"));
    }
}
