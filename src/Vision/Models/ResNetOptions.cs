namespace Tessera.Vision;

/// <summary>The form of a residual network. The defaults are those of torchvision's ResNets.</summary>
/// <param name="Blocks">Blocks in each stage: <c>[3, 4, 6, 3]</c>. Fewer than four stages make a truncated network.</param>
/// <param name="Bottleneck">Blocks of 1×1, 3×3, 1×1 convolutions with four times as many channels at the end, instead of two 3×3.</param>
/// <param name="Width">Channels of the stem and of the first stage's inner convolutions; doubled from stage to stage.</param>
/// <param name="StrideInFirst">Bottlenecks step in the first 1×1 convolution (v1, as in Keras) instead of the 3×3 (v1.5, as in torchvision).</param>
/// <param name="ConvBias">Convolutions have a bias.</param>
/// <param name="BatchNorm">False where batch norms were folded into the convolutions, which then need a bias.</param>
/// <param name="Eps">Added to the variance in batch norms.</param>
/// <param name="Classes">Outputs of the fully connected layer; 0 for a network that ends in its pooled features.</param>
public sealed record ResNetOptions(
    IReadOnlyList<int> Blocks, bool Bottleneck = false, int Width = 64, bool StrideInFirst = false, bool ConvBias = false, bool BatchNorm = true,
    float Eps = 1e-5f, int Classes = 1000)
{
    /// <summary>Channels that leave a bottleneck over those inside; 1 for basic blocks.</summary>
    public int Expansion => Bottleneck ? 4 : 1;

    /// <summary>Channels of the last feature map: 512 for ResNet-18 and -34, 2048 from ResNet-50 on.</summary>
    public int Features => Width * Expansion << (Blocks.Count - 1);

    /// <summary>The number of weighted layers, which names the network: 18, 34, 50, 101, 152. The fully connected one counts even where it is left out.</summary>
    public int Depth => (Blocks.Sum() * (Bottleneck ? 3 : 2)) + 2;

    /// <summary>ResNet-18: two basic blocks a stage.</summary>
    public static ResNetOptions ResNet18 { get; } = new([2, 2, 2, 2]);

    /// <summary>ResNet-34.</summary>
    public static ResNetOptions ResNet34 { get; } = new([3, 4, 6, 3]);

    /// <summary>ResNet-50.</summary>
    public static ResNetOptions ResNet50 { get; } = new([3, 4, 6, 3], Bottleneck: true);

    /// <summary>ResNet-101.</summary>
    public static ResNetOptions ResNet101 { get; } = new([3, 4, 23, 3], Bottleneck: true);

    /// <summary>ResNet-152.</summary>
    public static ResNetOptions ResNet152 { get; } = new([3, 8, 36, 3], Bottleneck: true);
}
