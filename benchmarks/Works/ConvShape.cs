using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary>A convolution of a residual network: square maps and kernels, padding half the kernel.</summary>
/// <param name="C">Channels in.</param>
/// <param name="K">Channels out.</param>
/// <param name="R">Side of the kernel.</param>
/// <param name="Stride">Step.</param>
/// <param name="Side">Side of the input map.</param>
/// <param name="Times">How often the network has it.</param>
sealed record ConvShape(int C, int K, int R, int Stride, int Side, int Times)
{
    /// <summary>Side of the output map.</summary>
    public int OutSide => (Side - 1) / Stride + 1;

    /// <summary>All convolutions of ResNet-34 at 224 pixels; the first one needs no gradient of its input.</summary>
    public static IReadOnlyList<ConvShape> ResNet34 { get; } =
    [
        new(3, 64, 7, 2, 224, 1),
        new(64, 64, 3, 1, 56, 6),
        new(64, 128, 3, 2, 56, 1), new(64, 128, 1, 2, 56, 1), new(128, 128, 3, 1, 28, 7),
        new(128, 256, 3, 2, 28, 1), new(128, 256, 1, 2, 28, 1), new(256, 256, 3, 1, 14, 11),
        new(256, 512, 3, 2, 14, 1), new(256, 512, 1, 2, 14, 1), new(512, 512, 3, 1, 7, 5),
    ];

    /// <summary>Multiply-adds times two of one pass over a batch.</summary>
    public double Flops(int batch) => 2.0 * batch * OutSide * OutSide * K * C * R * R;

    /// <summary>The same with channels divided.</summary>
    public ConvShape Shrunk(int divisor) => divisor == 1 ? this : this with { C = Math.Max(3, C / divisor), K = K / divisor, Side = Math.Max(7, Side / divisor) };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{R}x{R}{(Stride > 1 ? $"/{Stride}" : "")} {C}-{K} @{Side}");
}
