using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// VGG (Simonyan &amp; Zisserman 2014, <see href="https://arxiv.org/abs/1409.1556"/>) with torchvision's names: five blocks of 3×3 convolutions, each halved by a pool,
/// then three linear layers.
/// </summary>
public sealed class Vgg : ImageNetwork
{
    /// <summary>A network with fresh weights: convolutions Kaiming-normal by fan-out, as in torchvision.</summary>
    /// <param name="depth">Weighted layers: 11, 13, 16 or 19.</param>
    /// <param name="batchNorm">Whether a batch norm follows each convolution.</param>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    public Vgg(int depth = 16, bool batchNorm = true, int classes = 1000) : this(depth, batchNorm, classes, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal Vgg(int depth, bool batchNorm, int classes, int narrow)
        : base(string.Create(CultureInfo.InvariantCulture, $"vgg{depth}{(batchNorm ? "_bn" : "")}"), Blocks(depth, batchNorm, narrow, out int fourth), 512 / narrow, fourth)
    {
        int hidden = 4096 / narrow;
        if (classes > 0)
            Classify(new Sequential(new Linear(Channels * 7 * 7, hidden), new Relu(), new Dropout(0.5), new Linear(hidden, hidden), new Relu(), new Dropout(0.5), new Linear(hidden, classes)));
        Initialize(w => Init.KaimingNormal(w, Fan.Out), w => Init.Normal(w, 0, 0.01));
    }

    private protected override Tensor Pool(Tensor x) => Classifier is null ? base.Pool(x) : x.AdaptiveAvgPool2d(7, 7).Flatten();

    private protected override IEnumerable<(string Own, string Timm)> TimmModules => [("classifier.0", "pre_logits.fc1"), ("classifier.3", "pre_logits.fc2"), ("classifier.6", "head.fc")];

    static Sequential Blocks(int depth, bool batchNorm, int narrow, out int fourth)
    {
        int[] counts = depth switch
        {
            11 => [1, 1, 2, 2, 2],
            13 => [2, 2, 2, 2, 2],
            16 => [2, 2, 3, 3, 3],
            19 => [2, 2, 4, 4, 4],
            _ => throw new ShapeException($"Vgg: depth: got {depth}, expected 11, 13, 16 or 19. Hint: 16 is usual."),
        };
        List<Module> layers = [];
        int channels = 3;
        fourth = 0;
        foreach (var (i, count) in counts.Index())
        {
            if (i == 3) fourth = layers.Count;
            for (int k = 0; k < count; k++)
            {
                int width = Math.Min(64 << i, 512) / narrow;
                layers.Add(new Conv2d(channels, width, 3, padding: 1));
                if (batchNorm) layers.Add(new BatchNorm2d(width));
                layers.Add(new Relu());
                channels = width;
            }
            layers.Add(new MaxPool2d(2));
        }
        return new Sequential([.. layers]);
    }
}
