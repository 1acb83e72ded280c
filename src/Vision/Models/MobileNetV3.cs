using Tessera.NN;

namespace Tessera.Vision;

/// <summary>MobileNetV3 (Howard et al. 2019, <see href="https://arxiv.org/abs/1905.02244"/>) with torchvision's names.</summary>
public sealed class MobileNetV3 : ImageNetwork
{
    readonly bool large;

    /// <summary>A network with fresh weights: convolutions Kaiming-normal by fan-out, as in torchvision.</summary>
    /// <param name="large">The large one; else the small.</param>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    /// <param name="eps">ε of the batch norms: 0.001 in torchvision, 1e-5 in timm.</param>
    public MobileNetV3(bool large = true, int classes = 1000, double eps = 1e-3) : this(large, classes, eps, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal MobileNetV3(bool large, int classes, double eps, int narrow)
        : base(large ? "mobilenet_v3_large" : "mobilenet_v3_small", Blocks(large ? Large : Small, eps, narrow), (large ? 960 : 576) / narrow, large ? 7 : 4)
    {
        this.large = large;
        int hidden = (large ? 1280 : 1024) / narrow;
        if (classes > 0) Classify(new Sequential(new Linear(Channels, hidden), new HardSwish(), new Dropout(0.2), new Linear(hidden, classes)));
        Initialize(w => Init.KaimingNormal(w, Fan.Out), w => Init.Normal(w, 0, 0.01));
    }

    private protected override IEnumerable<(string Own, string Timm)> TimmModules =>
        MobileNames.Of(Features, large ? [1, 2, 3, 4, 2, 3] : [1, 2, 3, 2, 3], large ? ("blocks.6.0.conv", "blocks.6.0.bn1") : ("blocks.5.0.conv", "blocks.5.0.bn1"))
            .Concat([("classifier.0", "conv_head"), ("classifier.3", "classifier")]);

    /// <summary>A block: kernel, channels inside, channels that leave, whether channels are weighed, hard swish instead of ReLU, stride.</summary>
    readonly record struct Block(int Kernel, int Expanded, int To, bool Weighs, bool Swish, int Stride);

    static Block[] Large =>
    [
        new(3, 16, 16, false, false, 1), new(3, 64, 24, false, false, 2), new(3, 72, 24, false, false, 1),
        new(5, 72, 40, true, false, 2), new(5, 120, 40, true, false, 1), new(5, 120, 40, true, false, 1),
        new(3, 240, 80, false, true, 2), new(3, 200, 80, false, true, 1), new(3, 184, 80, false, true, 1), new(3, 184, 80, false, true, 1),
        new(3, 480, 112, true, true, 1), new(3, 672, 112, true, true, 1),
        new(5, 672, 160, true, true, 2), new(5, 960, 160, true, true, 1), new(5, 960, 160, true, true, 1),
    ];

    static Block[] Small =>
    [
        new(3, 16, 16, true, false, 2), new(3, 72, 24, false, false, 2), new(3, 88, 24, false, false, 1),
        new(5, 96, 40, true, true, 2), new(5, 240, 40, true, true, 1), new(5, 240, 40, true, true, 1),
        new(5, 120, 48, true, true, 1), new(5, 144, 48, true, true, 1),
        new(5, 288, 96, true, true, 2), new(5, 576, 96, true, true, 1), new(5, 576, 96, true, true, 1),
    ];

    static Sequential Blocks(Block[] blocks, double eps, int narrow)
    {
        const double momentum = 0.01;
        int from = 16 / narrow;
        List<Module> features = [ConvNorm.Create(3, from, 3, 2, activation: new HardSwish(), eps: eps, momentum: momentum)];
        foreach (var b in blocks.Select(b => b with { Expanded = b.Expanded / narrow, To = b.To / narrow }))
        {
            var weigh = b.Weighs ? new SqueezeExcitation(b.Expanded, ConvNorm.Round8(b.Expanded / 4), gate: new HardSigmoid()) : null;
            var path = InvertedResidual.Path(from, b.Expanded, b.To, b.Kernel, b.Stride, () => b.Swish ? new HardSwish() : new Relu(), weigh, eps, momentum);
            features.Add(new InvertedResidual("block", path, residual: b.Stride == 1 && from == b.To));
            from = b.To;
        }
        features.Add(ConvNorm.Create(from, 6 * from, 1, activation: new HardSwish(), eps: eps, momentum: momentum));
        return new Sequential([.. features]);
    }
}
