using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// SqueezeNet (Iandola et al. 2016, <see href="https://arxiv.org/abs/1602.07360"/>) with torchvision's names. Its classifier is a convolution: logits are the
/// means of class maps. Images need 21 pixels a side (1.0) or 17 (1.1).
/// </summary>
public sealed class SqueezeNet : ImageNetwork
{
    /// <summary>A network with fresh weights: convolutions Kaiming-uniform, as in torchvision.</summary>
    /// <param name="light">Version 1.1, as accurate at 2.4 times less work; else 1.0.</param>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    public SqueezeNet(bool light = true, int classes = 1000) : this(light, classes, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal SqueezeNet(bool light, int classes, int narrow)
        : base(light ? "squeezenet1_1" : "squeezenet1_0", light ? Light(narrow) : Original(narrow), 512 / narrow, 5, 8)
    {
        var last = classes > 0 ? new Conv2d(Channels, classes, 1) : null;
        if (last is not null) Classify(new Sequential(new Dropout(0.5), last, new Relu(), new AdaptiveAvgPool2d(1)));
        Initialize(w => Init.KaimingUniform(w), w => Init.Normal(w, 0, 0.01));
        if (last is not null) Init.Normal(last.Weight, 0, 0.01);
    }

    private protected override Tensor Pool(Tensor x) => Classifier is null ? base.Pool(x) : x;

    static Sequential Original(int narrow)
    {
        return new(
            new Conv2d(3, 96 / narrow, 7, 2), new Relu(), Halve(), Block(96, 16, 64), Block(128, 16, 64), Block(128, 32, 128),
            Halve(), Block(256, 32, 128), Block(256, 48, 192), Block(384, 48, 192), Block(384, 64, 256), Halve(), Block(512, 64, 256));

        Fire Block(int channels, int squeeze, int expand) => new(channels / narrow, squeeze / narrow, expand / narrow);
    }

    static Sequential Light(int narrow)
    {
        return new(
            new Conv2d(3, 64 / narrow, 3, 2), new Relu(), Halve(), Block(64, 16, 64), Block(128, 16, 64),
            Halve(), Block(128, 32, 128), Block(256, 32, 128), Halve(), Block(256, 48, 192), Block(384, 48, 192), Block(384, 64, 256), Block(512, 64, 256));

        Fire Block(int channels, int squeeze, int expand) => new(channels / narrow, squeeze / narrow, expand / narrow);
    }

    static MaxPool2d Halve() => new(3, 2, ceilMode: true);
}

/// <summary>The block of SqueezeNet: a 1×1 convolution to few channels, then 1×1 and 3×3 convolutions side by side, each with ReLU.</summary>
public sealed class Fire : Module
{
    readonly Sequential squeeze, expand1x1, expand3x3;

    /// <summary>A block.</summary>
    /// <param name="channels">Channels that come in.</param>
    /// <param name="squeeze">Channels between.</param>
    /// <param name="expand">Channels of each of the two sides; twice as many leave.</param>
    public Fire(int channels, int squeeze, int expand)
    {
        this.squeeze = new Sequential(Register("squeeze", new Conv2d(channels, squeeze, 1)), new Relu());
        expand1x1 = new Sequential(Register("expand1x1", new Conv2d(squeeze, expand, 1)), new Relu());
        expand3x3 = new Sequential(Register("expand3x3", new Conv2d(squeeze, expand, 3, padding: 1)), new Relu());
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        var s = squeeze.Call(x);
        return Tensor.Cat([expand1x1.Call(s), expand3x3.Call(s)], 1);
    }
}
