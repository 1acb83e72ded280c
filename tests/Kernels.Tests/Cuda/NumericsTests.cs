using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>No result of the GPU's kernels leans on an approximate instruction, or on whether the compiler fuses products with sums.</summary>
public sealed class NumericsTests
{
    static readonly (PtxApproximation, PtxContraction)[] others = [(PtxApproximation.Low, PtxContraction.Fused), (PtxApproximation.High, PtxContraction.Separate)];

    [Test]
    public void KernelsGiveTheSameBits([ValueSource(typeof(KernelCases), nameof(KernelCases.Names))] string name)
    {
        byte[][] expected = Run(PtxApproximation.Nearest, PtxContraction.Separate, KernelCases.Of(name).Run);
        Assert.That(expected, Is.Not.Empty);
        foreach (var (approximation, contraction) in others) Same(Run(approximation, contraction, KernelCases.Of(name).Run), expected, $"{approximation}, {contraction}");
    }

    static void Same(byte[][] got, byte[][] expected, string settings)
    {
        Assert.That(got, Has.Length.EqualTo(expected.Length));
        for (int k = 0; k < got.Length; k++) Assert.That(got[k].AsSpan().SequenceEqual(expected[k]), Is.True, $"view {k}: {settings}");
    }

    static byte[][] Run(PtxApproximation approximation, PtxContraction contraction, Action<Bench> work)
    {
        using EmulatedCudaDriver driver = new() { Approximation = approximation, Contraction = contraction };
        using CudaBackend backend = new(driver);
        using var bench = new Bench(new Device("numerics", backend)) { Cleared = true };
        work(bench);
        return bench.Contents();
    }

    [Test]
    public void ADeviceHasItsOwnNumerics()
    {
        using CudaBackend backend = new(new EmulatedCudaDriver());
        PtxModule module = PtxModule.Parse(".version 7.0\n.target sm_70\n.address_size 64\n.entry k() { ret; }");
        Assert.That(() => module.Launch(new Device("numerics", backend), "k", new((1, 1, 1), (1, 1, 1)) { Approximation = PtxApproximation.Low }), Throws.TypeOf<DeviceException>());
    }
}
