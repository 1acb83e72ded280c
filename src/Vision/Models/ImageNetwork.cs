using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// A convolutional classifier with the parameter names of torchvision: <c>features</c>, a global pool, <c>classifier</c>. Images <c>[N, 3, H, W]</c> become
/// logits <c>[N, classes]</c>, or pooled features <c>[N, channels]</c> where there is no classifier.
/// </summary>
public abstract class ImageNetwork : Module
{
    static readonly string[] bodies = ["features.", "blocks.", "stages."];

    readonly int[] splits;

    /// <summary>A network from its features on.</summary>
    /// <param name="name">As torchvision calls it.</param>
    /// <param name="features">Images to feature maps.</param>
    /// <param name="channels">Channels of the feature maps.</param>
    /// <param name="splits">Where in the features a new layer group begins.</param>
    private protected ImageNetwork(string name, Sequential features, int channels, params int[] splits)
    {
        (Name, Channels, this.splits) = (name, channels, splits);
        Features = Register("features", features);
    }

    /// <summary>As torchvision calls it: <c>efficientnet_b0</c>.</summary>
    public string Name { get; }

    /// <summary>Images <c>[N, 3, H, W]</c> to feature maps <c>[N, channels, H', W']</c>: what transfer learning keeps.</summary>
    public Sequential Features { get; }

    /// <summary>Channels of the feature maps.</summary>
    public int Channels { get; }

    /// <summary>From feature maps or pooled features to logits; null where there are no classes.</summary>
    public Module? Classifier { get; private set; }

    /// <summary>The features in layer groups, early ones first: the head makes one more.</summary>
    public IReadOnlyList<IReadOnlyList<Module>> Groups =>
        [.. splits.Prepend(0).Zip(splits.Append(Features.Count), (from, to) => (IReadOnlyList<Module>)[.. Features.Skip(from).Take(to - from)])];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        var y = Pool(Features.Call(x));
        return Classifier is null ? y.Flatten() : Classifier.Call(y).Flatten();
    }

    /// <summary>What stands between features and classifier: means over all pixels, <c>[N, channels]</c>.</summary>
    private protected virtual Tensor Pool(Tensor x) => x.AdaptiveAvgPool2d(1, 1).Flatten();

    /// <summary>Sets the classifier.</summary>
    private protected void Classify(Module classifier) => Classifier = Register("classifier", classifier);

    /// <summary>Fresh weights: each kind of layer its own, biases 0.</summary>
    private protected void Initialize(Action<Tensor> convolution, Action<Tensor> linear)
    {
        foreach (var (_, module) in NamedModules())
        {
            var (weight, bias, initialize) = module switch
            {
                Conv2d c => (c.Weight, c.Bias, convolution),
                Linear l => (l.Weight, l.Bias, linear),
                _ => (null, null, null),
            };
            if (weight is not null) initialize!(weight);
            if (bias is not null) Init.Zeros(bias);
        }
    }

    /// <summary>Modules that timm calls otherwise: the path here, the path there.</summary>
    private protected virtual IEnumerable<(string Own, string Timm)> TimmModules => [];

    /// <summary>
    /// The parameters and buffers under the names and in the shapes that timm gives them, for <see cref="Safetensors.Write"/>. SqueezeNet, which timm lacks,
    /// keeps torchvision's names; so do DenseNet and the features of VGG, whose names agree.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> TimmStateDict()
    {
        var names = new TimmNames(TimmModules);
        return new OrderedDictionary<string, Tensor>(StateDict().Select(t => KeyValuePair.Create(names.Of(t.Key), TimmNames.Shaped(names.Of(t.Key), t.Value))), StringComparer.Ordinal);
    }

    /// <summary>
    /// Copies weights into this network, whether they have torchvision's names or timm's, and those of 2017 for DenseNets. Tensors of a classifier are left out
    /// where this network has none.
    /// </summary>
    /// <param name="state">Tensors by name: of <see cref="PyTorchFile.Load(string, Device?)"/> or <see cref="Safetensors.Read(string, Device?)"/>.</param>
    /// <exception cref="TesseraException">Names are missing or unexpected, or shapes differ; nothing was copied.</exception>
    public void LoadWeights(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var own = StateDict();
        var timm = new TimmNames(TimmModules);
        var names = own.Keys.GroupBy(timm.Of, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        var found = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (key, value) in state)
        {
            string name = TimmNames.WithoutDots(key);
            if (!own.ContainsKey(name) && names.TryGetValue(name, out string? known)) name = known;
            if (Classifier is null && !own.ContainsKey(name) && !Array.Exists(bodies, b => name.StartsWith(b, StringComparison.Ordinal))) continue;
            found[name] = own.TryGetValue(name, out var tensor) && tensor.Rank != value.Rank && tensor.Count == value.Count ? value.Reshape(tensor.Shape) : value;
        }
        LoadStateDict(found);
    }
}
