using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// DenseNet-BC (Huang et al. 2016, <see href="https://arxiv.org/abs/1608.06993"/>) with torchvision's names: in a block, each layer sees the results of all layers
/// before it side by side, and adds a few channels. The features end in a batch norm; in the classifier ReLU and mean follow.
/// </summary>
public sealed class DenseNet : ImageNetwork
{
    /// <summary>A network with fresh weights: convolutions Kaiming-normal by fan-in, as in torchvision.</summary>
    /// <param name="depth">Weighted layers: 121, 161, 169 or 201.</param>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    public DenseNet(int depth = 121, int classes = 1000) : this(depth, classes, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal DenseNet(int depth, int classes, int narrow)
        : base(string.Create(CultureInfo.InvariantCulture, $"densenet{depth}"), Blocks(depth, narrow, out int channels), channels, 7)
    {
        if (classes > 0) Classify(new Linear(channels, classes));
        Initialize(w => Init.KaimingNormal(w), w => Init.Default(w));
    }

    private protected override Tensor Pool(Tensor x) => base.Pool(x.Relu());

    static Sequential Blocks(int depth, int narrow, out int channels)
    {
        (int[] counts, int growth) = depth switch
        {
            121 => ((int[])[6, 12, 24, 16], 32),
            161 => ([6, 12, 36, 24], 48),
            169 => ([6, 12, 32, 32], 32),
            201 => ([6, 12, 48, 32], 32),
            _ => throw new ShapeException($"DenseNet: depth: got {depth}, expected 121, 161, 169 or 201. Hint: 121 is the smallest."),
        };
        growth /= narrow;
        channels = 2 * growth;
        List<(string, Module)> parts =
        [
            ("conv0", new Conv2d(3, channels, 7, 2, 3, bias: false)), ("norm0", new BatchNorm2d(channels)), ("relu0", new Relu()), ("pool0", new MaxPool2d(3, 2, 1)),
        ];
        foreach (var (i, count) in counts.Index())
        {
            string n = (i + 1).ToString(CultureInfo.InvariantCulture);
            parts.Add(("denseblock" + n, new DenseBlock(channels, count, growth)));
            channels += count * growth;
            if (i == counts.Length - 1) break;
            parts.Add(("transition" + n, Sequential.Named(
                ("norm", new BatchNorm2d(channels)), ("relu", new Relu()), ("conv", new Conv2d(channels, channels / 2, 1, bias: false)), ("pool", new AvgPool2d(2)))));
            channels /= 2;
        }
        parts.Add(("norm5", new BatchNorm2d(channels)));
        return Sequential.Named([.. parts]);
    }
}

/// <summary>x₀, f₁(x₀), f₂(x₀, x₁), ... side by side; f is batch norm, ReLU, 1×1 convolution, batch norm, ReLU, 3×3 convolution.</summary>
public sealed class DenseBlock : Module
{
    readonly Sequential[] layers;

    /// <summary>A block.</summary>
    /// <param name="channels">Channels that come in.</param>
    /// <param name="count">Layers.</param>
    /// <param name="growth">Channels that each layer adds.</param>
    public DenseBlock(int channels, int count, int growth)
    {
        layers = new Sequential[count];
        for (int i = 0; i < count; i++)
        {
            int from = channels + (i * growth), inner = 4 * growth;
            layers[i] = Register(string.Create(CultureInfo.InvariantCulture, $"denselayer{i + 1}"), Sequential.Named(
                ("norm1", new BatchNorm2d(from)), ("relu1", new Relu()), ("conv1", new Conv2d(from, inner, 1, bias: false)),
                ("norm2", new BatchNorm2d(inner)), ("relu2", new Relu()), ("conv2", new Conv2d(inner, growth, 3, padding: 1, bias: false))));
        }
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        foreach (var layer in layers) x = Tensor.Cat([x, layer.Call(x)], 1);
        return x;
    }
}
