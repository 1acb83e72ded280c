using Tessera.NN;
using static System.FormattableString;

namespace Tessera.Vision;

/// <summary>EfficientNet B0 to B7 (Tan &amp; Le 2019, <see href="https://arxiv.org/abs/1905.11946"/>) with torchvision's names.</summary>
public sealed class EfficientNet : ImageNetwork
{
    // Factor of widening, kernel, stride of the first block, channels, blocks: of B0.
    static readonly (int Widen, int Kernel, int Stride, int Channels, int Count)[] stages =
        [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)];

    // Factors of width and depth, dropout: of B0 to B7.
    static readonly (double Width, double Depth, double Dropout)[] sizes = [(1, 1, .2), (1, 1.1, .2), (1.1, 1.2, .3), (1.2, 1.4, .3), (1.4, 1.8, .4), (1.6, 2.2, .4), (1.8, 2.6, .5), (2, 3.1, .5)];

    /// <summary>A network with fresh weights: convolutions Kaiming-normal by fan-out, as in torchvision.</summary>
    /// <param name="size">0 to 7 for B0 to B7.</param>
    /// <param name="classes">Outputs; 0 for a network that ends in pooled features.</param>
    /// <param name="drop">Stochastic depth of the last block; the earlier ones have proportionally less.</param>
    /// <param name="eps">ε of the batch norms; by default torchvision's: 1e-5, and 0.001 from B5 on. timm has 1e-5 in all.</param>
    public EfficientNet(int size = 0, int classes = 1000, double drop = 0.2, double? eps = null) : this(size, classes, drop, eps, 1)
    {
    }

    /// <summary>A network of the same layers with all widths divided by <paramref name="narrow"/>.</summary>
    internal EfficientNet(int size, int classes, double drop, double? eps, int narrow)
        : base(Invariant($"efficientnet_b{size}"), Blocks(size, drop, eps, narrow, out int channels), channels, 4)
    {
        if (classes > 0) Classify(new Sequential(new Dropout(sizes[size].Dropout), new Linear(channels, classes)));
        Initialize(w => Init.KaimingNormal(w, Fan.Out), w => Init.Uniform(w, -1 / Math.Sqrt(w.Shape[0]), 1 / Math.Sqrt(w.Shape[0])));
    }

    private protected override IEnumerable<(string Own, string Timm)> TimmModules
    {
        get
        {
            List<(string, string)> names = [("features.0.0", "conv_stem"), ("features.0.1", "bn1"), ("features.8.0", "conv_head"), ("features.8.1", "bn2"), ("classifier.1", "classifier")];
            for (int stage = 0; stage < stages.Length; stage++)
                foreach (var (i, block) in ((Sequential)Features[stage + 1]).Index())
                    names.AddRange(((InvertedResidual)block).TimmModules(Invariant($"features.{stage + 1}.{i}"), Invariant($"blocks.{stage}.{i}")));
            return names;
        }
    }

    static Sequential Blocks(int size, double drop, double? givenEps, int narrow, out int channels)
    {
        if ((uint)size >= (uint)sizes.Length) throw new ShapeException($"EfficientNet: size: got {size}, expected 0..{sizes.Length - 1}. Hint: 0 is the smallest.");
        var (width, depth, _) = sizes[size];
        (double eps, double momentum) = (givenEps ?? (size < 5 ? 1e-5 : 1e-3), size < 5 ? 0.1 : 0.01);
        int[] counts = [.. stages.Select(s => (int)Math.Ceiling(s.Count * depth))];
        width /= narrow;
        int from = ConvNorm.Round8(32 * width), done = 0, all = counts.Sum();
        List<Module> features = [ConvNorm.Create(3, from, 3, 2, activation: new Silu(), eps: eps, momentum: momentum)];
        foreach (var (s, count) in stages.Zip(counts))
        {
            int to = ConvNorm.Round8(s.Channels * width);
            var stage = new Module[count];
            for (int i = 0; i < count; i++, from = to)
            {
                int stride = i == 0 ? s.Stride : 1, expanded = ConvNorm.Round8(from * s.Widen);
                var weigh = new SqueezeExcitation(expanded, Math.Max(1, from / 4), new Silu());
                var path = InvertedResidual.Path(from, expanded, to, s.Kernel, stride, () => new Silu(), weigh, eps, momentum);
                stage[i] = new InvertedResidual("block", path, residual: stride == 1 && from == to, drop * done++ / all);
            }
            features.Add(new Sequential(stage));
        }
        channels = 4 * from;
        features.Add(ConvNorm.Create(from, channels, 1, activation: new Silu(), eps: eps, momentum: momentum));
        return new Sequential([.. features]);
    }
}
