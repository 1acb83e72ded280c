using Tessera.NN;
using static System.FormattableString;

namespace Tessera.Vision;

/// <summary>MobileNetV2 (Sandler et al. 2018, <see href="https://arxiv.org/abs/1801.04381"/>) with torchvision's names.</summary>
public sealed class MobileNetV2 : ImageNetwork
{
    // Factor of widening, channels, blocks, stride of the first block.
    static readonly (int Widen, int Channels, int Count, int Stride)[] stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

    /// <summary>A network with fresh weights: convolutions Kaiming-normal by fan-out, as in torchvision.</summary>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    public MobileNetV2(int classes = 1000) : this(classes, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal MobileNetV2(int classes, int narrow) : base("mobilenet_v2", Blocks(narrow), 1280 / narrow, 10)
    {
        if (classes > 0) Classify(new Sequential(new Dropout(0.2), new Linear(Channels, classes)));
        Initialize(w => Init.KaimingNormal(w, Fan.Out), w => Init.Normal(w, 0, 0.01));
    }

    private protected override IEnumerable<(string Own, string Timm)> TimmModules =>
        MobileNames.Of(Features, [.. stages.Select(s => s.Count)], last: ("conv_head", "bn2")).Append(("classifier.1", "classifier"));

    static Sequential Blocks(int narrow)
    {
        int from = 32 / narrow;
        List<Module> features = [ConvNorm.Create(3, from, 3, 2, activation: new Relu6())];
        foreach (var (widen, channels, count, stride) in stages)
            for (int i = 0, to = channels / narrow; i < count; i++, from = to)
                features.Add(Block(from, from * widen, to, i == 0 ? stride : 1));
        features.Add(ConvNorm.Create(from, 1280 / narrow, 1, activation: new Relu6()));
        return new Sequential([.. features]);
    }

    // The narrowing convolution and its norm stand in the chain themselves.
    static InvertedResidual Block(int from, int expanded, int to, int stride)
    {
        List<Module> path = [];
        if (expanded != from) path.Add(ConvNorm.Create(from, expanded, 1, activation: new Relu6()));
        path.AddRange([ConvNorm.Create(expanded, expanded, 3, stride, expanded, new Relu6()), new Conv2d(expanded, to, 1, bias: false), new BatchNorm2d(to)]);
        return new InvertedResidual("conv", new Sequential([.. path]), residual: stride == 1 && from == to);
    }
}

/// <summary>timm's names of features that are a stem, inverted residual blocks one after another, and a last convolution.</summary>
static class MobileNames
{
    /// <summary>All modules with weights.</summary>
    /// <param name="features">The chain.</param>
    /// <param name="counts">Blocks in each of timm's stages.</param>
    /// <param name="last">timm's names of the last convolution and its norm.</param>
    public static IEnumerable<(string Own, string Timm)> Of(Sequential features, int[] counts, (string Conv, string Norm) last)
    {
        yield return ("features.0.0", "conv_stem");
        yield return ("features.0.1", "bn1");
        int at = 1;
        foreach (var (stage, count) in counts.Index())
            for (int i = 0; i < count; i++, at++)
                foreach (var pair in ((InvertedResidual)features[at]).TimmModules(Invariant($"features.{at}"), Invariant($"blocks.{stage}.{i}"))) yield return pair;
        yield return (Invariant($"features.{at}.0"), last.Conv);
        yield return (Invariant($"features.{at}.1"), last.Norm);
    }
}
