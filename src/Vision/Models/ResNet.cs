using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// A residual network (He et al. 2015, <see href="https://arxiv.org/abs/1512.03385"/>) with the parameter names of torchvision:
/// <c>conv1, bn1, layer1.0.conv1, ..., fc</c>. Images <c>[N, 3, H, W]</c> become logits <c>[N, classes]</c>, or pooled features
/// <c>[N, features]</c> where there is no fully connected layer.
/// </summary>
public sealed partial class ResNet : Module
{
    readonly Conv2d conv1;
    readonly Module bn1;
    readonly Relu relu = new();
    readonly MaxPool2d maxPool = new(3, 2, 1);
    readonly Sequential[] stages;
    readonly Sequential body;

    /// <summary>A network with fresh weights: convolutions Kaiming-normal by fan-out, as in torchvision.</summary>
    public ResNet(ResNetOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Blocks.Count is < 1 or > 8 || options.Blocks.Any(n => n < 1) || options.Width < 1 || options.Classes < 0 || (!options.BatchNorm && !options.ConvBias))
            throw new ShapeException(
                $"ResNet: no form of a network: got blocks [{string.Join(", ", options.Blocks)}], width {options.Width}, "
                    + $"{options.Classes} classes, batch norm {options.BatchNorm}, bias {options.ConvBias}, "
                    + "expected 1..8 stages of at least one block, a width of at least 1, and a bias where there is no batch norm. "
                    + "Hint: [2, 2, 2, 2] of width 64 is ResNet-18.");
        Options = options;
        conv1 = Register("conv1", ResidualBlock.Conv(options, 3, options.Width, 7, 2));
        bn1 = Register("bn1", ResidualBlock.Norm(options, options.Width));
        stages = new Sequential[options.Blocks.Count];
        int channels = options.Width;
        for (int i = 0; i < stages.Length; i++)
        {
            int inner = options.Width << i;
            stages[i] = Register(string.Create(CultureInfo.InvariantCulture, $"layer{i + 1}"), Stage(options, channels, inner, i == 0 ? 1 : 2, options.Blocks[i]));
            channels = inner * options.Expansion;
        }
        body = Body();
        if (options.Classes > 0) Classifier = Register("fc", new Linear(channels, options.Classes));
    }

    /// <summary>Its form.</summary>
    public ResNetOptions Options { get; }

    /// <summary>The fully connected layer <c>fc</c>, or null.</summary>
    public Linear? Classifier { get; }

    /// <summary>Stages of blocks: <c>layer1</c>, <c>layer2</c>, ... .</summary>
    public IReadOnlyList<Sequential> Stages => stages;

    /// <summary>
    /// The network without pool and classifier, sharing its parameters: 0 convolution, 1 batch norm, 2 ReLU, 3 max-pool, 4 and on the stages.
    /// Images become feature maps <c>[N, features, H/32, W/32]</c> (H/16 with three stages).
    /// </summary>
    public Sequential Body() => new([conv1, bn1, relu, maxPool, .. stages]);

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        var y = body.Call(x).AdaptiveAvgPool2d(1, 1).Flatten();
        return Classifier is null ? y : Classifier.Call(y);
    }

    static Sequential Stage(ResNetOptions options, int channels, int inner, int stride, int blocks)
    {
        var stage = new Module[blocks];
        for (int i = 0; i < blocks; i++)
            stage[i] = new ResidualBlock(options, i == 0 ? channels : inner * options.Expansion, inner, i == 0 ? stride : 1);
        return new Sequential(stage);
    }
}
