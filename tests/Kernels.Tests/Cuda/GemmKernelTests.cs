using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Which kernel a matrix product gets.</summary>
public sealed class GemmKernelTests
{
    [TestCase(1, 1000, 512, 80, false, nameof(GemmVersion.Tiles))]
    [TestCase(100_000, 24, 96, 90, false, nameof(GemmVersion.Tiles))]
    [TestCase(64, 1000, 512, 75, false, nameof(GemmVersion.Registers))]
    [TestCase(64, 1000, 512, 80, false, nameof(GemmVersion.Tf32x3))]
    [TestCase(64, 1000, 512, 90, true, nameof(GemmVersion.Tf32))]
    public void TheShapeAndTheDeviceChooseTheVersion(int M, int N, int K, int architecture, bool allowTf32, string expected)
        => Assert.That(GemmKernel.Choose(M, N, K, architecture, allowTf32).ToString(), Is.EqualTo(expected));

    [Test]
    public void ALongSumIsCutIntoPiecesThatFillTheDevice([Values("Plain", "Registers")] string version)
    {
        var kernel = GemmKernel.For(Enum.Parse<GemmVersion>(version), 16);
        foreach (int K in (int[])[0, 1, 255, 256, 511, 512, 1000, 200_000])
            foreach (long products in (long[])[1, 3, 1000])
            {
                var (pieces, length) = kernel.Pieces(16, 16, K, products);
                Assert.That(((long)pieces - 1) * length, Is.LessThanOrEqualTo(Math.Max(0, K - 1)), "no piece is empty");
                Assert.That((long)pieces * length, Is.GreaterThanOrEqualTo(K), "the pieces hold all of K");
                Assert.That(pieces, Is.LessThanOrEqualTo(Math.Max(1, K / 256)), "no piece is short");
            }
        Assert.That(kernel.Pieces(16, 16, 200_000, 1).Pieces, Is.GreaterThan(200));
    }

    /// <summary>One block a multiprocessor, 132 of them: 64 tiles twice fill them; 256 tiles do so alone; 133 tiles would leave the second wave nearly empty. Lengths are multiples of 32.</summary>
    [TestCase(1024, 1024, 1024, 2)]
    [TestCase(2048, 2048, 2048, 1)]
    [TestCase(64, 64, 200_704, 131)]
    [TestCase(128, 133 * 128, 8192, 6)]
    public void PiecesMakeFullWaves(int M, int N, int K, int pieces)
        => Assert.That(GemmKernel.For(GemmVersion.Tf32x3, N).Pieces(M, N, K, 1).Pieces, Is.EqualTo(pieces));
}
