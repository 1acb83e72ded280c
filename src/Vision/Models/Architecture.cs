using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The network that transfer learning starts from: its form and, where given, the file its weights come from.</summary>
/// <example><code>
/// var learn = ImageLearner.Create(data, Architecture.ResNet34("resnet34.onnx"), Metrics.ErrorRate);
/// </code></example>
public sealed class Architecture
{
    readonly ResNetOptions? options;

    Architecture(string name, ResNetOptions? options, string? weights)
    {
        Name = name;
        this.options = options;
        Weights = weights;
    }

    /// <summary>Its name: <c>resnet34</c>.</summary>
    public string Name { get; }

    /// <summary>Path of an .onnx, .onnx.gz or .safetensors file; null for fresh weights.</summary>
    public string? Weights { get; }

    /// <summary>ResNet-18.</summary>
    /// <param name="weights">An ONNX export of it, whole or its first stages, or a safetensors file with torchvision's names.</param>
    public static Architecture ResNet18(string? weights = null) => new("resnet18", ResNetOptions.ResNet18, weights);

    /// <summary>ResNet-34.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet34(string? weights = null) => new("resnet34", ResNetOptions.ResNet34, weights);

    /// <summary>ResNet-50.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet50(string? weights = null) => new("resnet50", ResNetOptions.ResNet50, weights);

    /// <summary>ResNet-101.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet101(string? weights = null) => new("resnet101", ResNetOptions.ResNet101, weights);

    /// <summary>ResNet-152.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet152(string? weights = null) => new("resnet152", ResNetOptions.ResNet152, weights);

    /// <summary>Whatever convolutional network an ONNX file holds: a ResNet where it is one, else its graph up to the last pool.</summary>
    public static Architecture FromOnnx(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new Architecture(Path.GetFileNameWithoutExtension(path), null, path);
    }

    /// <summary>Makes the network, without pool and classifier.</summary>
    /// <exception cref="DataException">The weights cannot be read, or belong to another network.</exception>
    public Backbone Create()
    {
        if (Weights is null) return Backbone.Of(new ResNet(options!), "fresh weights");
        return Weights.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ? FromSafetensors(Weights) : FromModel(OnnxModel.Load(Weights));
    }

    Backbone FromModel(OnnxModel model)
    {
        bool matches = ResNet.TryMatch(model, out var network, out string report);
        if (options is null) return matches ? Backbone.Of(network!, report) : Backbone.Of(model, report);
        if (!matches) throw new DataException(report + $" Hint: Architecture.FromOnnx takes any network; {Name} needs its own export.");
        if (network!.Options.Bottleneck != options.Bottleneck || !options.Blocks.Take(network.Options.Blocks.Count).SequenceEqual(network.Options.Blocks))
            throw new DataException($"{model.File}: weights of another network: got {network.Describe()}, expected {Name}.");
        return Backbone.Of(network, report);
    }

    Backbone FromSafetensors(string path)
    {
        string file = Path.GetFileName(path);
        var state = Safetensors.Read(path).Tensors.Where(t => !t.Key.StartsWith("fc.", StringComparison.Ordinal)).ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal);
        using var unset = Init.Skip();
        var network = new ResNet((options ?? throw new DataException($"{file}: no architecture for a state dict: expected one of ResNet18 ... ResNet152. Hint: name it: --arch resnet34, or Architecture.ResNet34(path).")) with { Classes = 0 });
        try
        {
            network.LoadStateDict(state);
        }
        catch (TesseraException e)
        {
            throw new DataException($"{file}: weights of another network: expected {Name}. {e.Message}", e);
        }
        return Backbone.Of(network, $"{file}: {network.Describe()}");
    }
}

/// <summary>A network without pool and classifier, ready for a head.</summary>
/// <param name="Body">Images <c>[N, 3, H, W]</c> to feature maps <c>[N, Features, H', W']</c>.</param>
/// <param name="Features">Channels of the feature maps.</param>
/// <param name="Groups">Its layer groups, from the input on: for a ResNet the stem with stages 1 and 2, then the other stages.</param>
/// <param name="Report">Where it comes from, for a reader.</param>
public sealed record Backbone(Module Body, int Features, IReadOnlyList<IReadOnlyList<Module>> Groups, string Report)
{
    readonly Func<IEnumerable<Tensor>, Backbone>? recreate;

    /// <summary>The form of a residual network; null for a graph.</summary>
    internal ResNetOptions? Form { get; private init; }

    /// <summary>The bytes of the ONNX file of a graph; null for a residual network.</summary>
    internal byte[]? Graph { get; private init; }

    Backbone(Module body, int features, IReadOnlyList<IReadOnlyList<Module>> groups, string report, Func<IEnumerable<Tensor>, Backbone>? recreate)
        : this(body, features, groups, report) => this.recreate = recreate;

    /// <summary>True where the exporter folded batch norms into the convolutions, so that a frozen body cannot follow new images.</summary>
    public bool HasFoldedBatchNorms => recreate is not null;

    /// <summary>This backbone with its batch norms measured on images and put back; the same where none are folded.</summary>
    /// <param name="images">Normalised batches <c>[N, 3, H, W]</c>: a hundred training images or more.</param>
    public Backbone RecreateBatchNorms(IEnumerable<Tensor> images) => recreate?.Invoke(images) ?? this;

    /// <summary>The first 4 + stages children of a ResNet, split before stage 3.</summary>
    internal static Backbone Of(ResNet network, string report)
    {
        var body = network.Body();
        int split = Math.Min(6, body.Count);
        IReadOnlyList<Module>[] groups = [[.. body.Take(split)], [.. body.Skip(split)]];
        return new Backbone(body, network.Options.Features, [.. groups.Where(g => g.Count > 0)], report,
            network.Options.BatchNorm ? null : images => Of(network.RecreateBatchNorms(images), report + "; batch norms recreated"))
        {
            Form = network.Options with { Classes = 0 },
        };
    }

    /// <summary>A graph cut before its last pool, as one group.</summary>
    internal static Backbone Of(OnnxModel model, string report)
    {
        var pool = model.Nodes.LastOrDefault(n => n.Op is "GlobalAveragePool" or "GlobalMaxPool" or "AveragePool" or "MaxPool" or "ReduceMean")
            ?? throw new DataException($"{model.File}: no pool in the graph: expected an image classifier.");
        var body = model.ToModule(pool.Inputs[0]);
        var shape = Autograd.NoGrad(() => Scope.Run(() => body.Forward(Tensor.Zeros([1, 3, 224, 224])))).Shape;
        if (shape.Rank != 4) throw new DataException($"Backbone: the graph has no feature maps before its last pool: got shape {shape}, expected [N, C, H, W].");
        return new Backbone(body, shape[1], [[body]], report) { Graph = model.ToBytes() };
    }
}
