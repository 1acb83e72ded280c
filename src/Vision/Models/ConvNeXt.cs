using Tessera.NN;
using static System.FormattableString;

namespace Tessera.Vision;

/// <summary>ConvNeXt (Liu et al. 2022, <see href="https://arxiv.org/abs/2201.03545"/>) with torchvision's names.</summary>
public sealed class ConvNeXt : ImageNetwork
{
    const double Eps = 1e-6;
    static readonly (string Name, int Width, int Third, double Drop)[] sizes = [("tiny", 96, 9, .1), ("small", 96, 27, .4), ("base", 128, 27, .5), ("large", 192, 27, .5)];

    static readonly (int At, string Timm)[] layers = [(0, "conv_dw"), (2, "norm"), (3, "mlp.fc1"), (5, "mlp.fc2")];

    /// <summary>A network with fresh weights: normal with deviation 0.02, as in torchvision.</summary>
    /// <param name="size"><c>tiny</c>, <c>small</c>, <c>base</c> or <c>large</c>.</param>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    /// <param name="drop">Stochastic depth of the last block; the earlier ones have proportionally less. By default as the size asks.</param>
    public ConvNeXt(string size = "tiny", int classes = 1000, double? drop = null) : this(size, classes, drop, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal ConvNeXt(string size, int classes, double? drop, int narrow) : base("convnext_" + size, Blocks(size, drop, narrow, out int channels), channels, 4)
    {
        if (classes > 0) Classify(new Sequential(new LayerNorm2d(channels, Eps), new Flatten(), new Linear(channels, classes)));
        Initialize(w => Init.Normal(w, 0, 0.02), w => Init.Normal(w, 0, 0.02));
    }

    private protected override Tensor Pool(Tensor x) => Classifier is null ? base.Pool(x) : x.AdaptiveAvgPool2d(1, 1);

    private protected override IEnumerable<(string Own, string Timm)> TimmModules
    {
        get
        {
            yield return ("features.0.0", "stem.0");
            yield return ("features.0.1", "stem.1");
            yield return ("classifier.0", "head.norm");
            yield return ("classifier.2", "head.fc");
            for (int stage = 0; stage < 4; stage++)
            {
                for (int part = 0; stage > 0 && part < 2; part++) yield return (Invariant($"features.{2 * stage}.{part}"), Invariant($"stages.{stage}.downsample.{part}"));
                for (int i = 0; i < ((Sequential)Features[(2 * stage) + 1]).Count; i++)
                {
                    (string own, string timm) = (Invariant($"features.{(2 * stage) + 1}.{i}"), Invariant($"stages.{stage}.blocks.{i}"));
                    yield return (own, timm);
                    foreach (var (at, name) in layers) yield return (Invariant($"{own}.block.{at}"), $"{timm}.{name}");
                }
            }
        }
    }

    static Sequential Blocks(string size, double? givenDrop, int narrow, out int channels)
    {
        var (name, width, third, drop) = Array.Find(sizes, s => s.Name == size);
        if (name is null) throw new ShapeException($"ConvNeXt: size: got '{size}', expected {string.Join(", ", sizes.Select(s => s.Name))}. Hint: tiny is the smallest.");
        width /= narrow;
        int[] counts = [3, 3, third, 3];
        int done = 0, last = counts.Sum() - 1;
        List<Module> features = [new Sequential(new Conv2d(3, width, 4, 4), new LayerNorm2d(width, Eps))];
        channels = width;
        for (int stage = 0; stage < 4; stage++)
        {
            if (stage > 0)
            {
                features.Add(new Sequential(new LayerNorm2d(channels, Eps), new Conv2d(channels, 2 * channels, 2, 2)));
                channels *= 2;
            }
            int c = channels;
            features.Add(new Sequential([.. Enumerable.Range(0, counts[stage]).Select(_ => new ConvNeXtBlock(c, (givenDrop ?? drop) * done++ / last))]));
        }
        return new Sequential([.. features]);
    }
}

/// <summary>x + γ·f(x): f is a 7×7 convolution of each channel on its own, a norm over channels, and two linear layers on each pixel with GELU between.</summary>
public sealed class ConvNeXtBlock : Module
{
    readonly Sequential path;
    readonly Tensor scale;
    readonly StochasticDepth drop;

    /// <summary>A block; γ starts at 1e-6.</summary>
    /// <param name="channels">Channels that come in and leave; four times as many inside.</param>
    /// <param name="drop">Stochastic depth.</param>
    public ConvNeXtBlock(int channels, double drop = 0)
    {
        // torchvision permutes at 1 and 6, so that channels come last; here they do in memory anyway.
        path = Register("block", new Sequential(
            new Conv2d(channels, channels, 7, padding: 3, groups: channels), new Identity(), new LayerNorm2d(channels),
            new PixelLinear(channels, 4 * channels), new Gelu(), new PixelLinear(4 * channels, channels), new Identity()));
        scale = RegisterParameter("layer_scale", Tensor.Full([channels, 1, 1], 1e-6));
        this.drop = Register("stochastic_depth", new StochasticDepth(drop));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => x + drop.Call(path.Call(x) * scale);
}

/// <summary>A linear layer on the channels of each pixel: x <c>[N, in, H, W]</c> → <c>[N, out, H, W]</c>; its weight is that of a linear layer, <c>[out, in]</c>.</summary>
sealed class PixelLinear : Module
{
    readonly Tensor weight, bias;

    public PixelLinear(int from, int to)
    {
        weight = RegisterParameter("weight", Init.Normal(Tensor.Empty([to, from]), 0, 0.02));
        bias = RegisterParameter("bias", Tensor.Zeros([to]));
    }

    public override Tensor Forward(Tensor x) => x.Conv2d(weight.Reshape(weight.Shape[0], weight.Shape[1], 1, 1), bias);
}
