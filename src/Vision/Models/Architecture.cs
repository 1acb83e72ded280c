using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The network that transfer learning starts from: its form and, where given, the file its weights come from.</summary>
/// <example><code>
/// var learn = ImageLearner.Create(data, Architecture.ResNet34("resnet34.onnx"), Metrics.ErrorRate);
/// </code></example>
public sealed partial class Architecture
{
    readonly ResNetOptions? options;
    readonly Func<bool, ImageNetwork>? make;

    Architecture(string name, ResNetOptions? options, Func<bool, ImageNetwork>? make, string? weights)
    {
        Name = name;
        (this.options, this.make) = (options, make);
        Weights = weights;
    }

    /// <summary>Its name: <c>resnet34</c>.</summary>
    public string Name { get; }

    /// <summary>Path of an .onnx, .onnx.gz, .safetensors, .pth or .pt file; null for fresh weights.</summary>
    public string? Weights { get; }

    /// <summary>
    /// Whatever convolutional network an ONNX file holds, or a model file of this library: a ResNet where it is one, whatever its head, else its graph up to the last pool, or up to the convolution that
    /// classifies (SqueezeNet). A graph that is laid out as one of <see cref="Names"/> has the layer groups of that network, others are one group.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="cut">The value of the graph to take as feature maps, where the rule would choose another: a name as a viewer of ONNX files shows it.</param>
    public static Architecture FromOnnx(string path, string? cut = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new Architecture(Path.GetFileNameWithoutExtension(path), null, null, path) { Cut = cut };
    }

    string? Cut { get; init; }

    /// <summary>Makes the network, without pool and classifier.</summary>
    /// <exception cref="DataException">The weights cannot be read, or belong to another network.</exception>
    public Backbone Create()
    {
        if (Weights is null) return make is null ? Backbone.Of(new ResNet(options! with { Classes = 0 }), "fresh weights") : Backbone.Of(make(false), Name, "fresh weights");
        return Path.GetExtension(Weights).ToUpperInvariant() switch
        {
            ".SAFETENSORS" => FromSafetensors(Safetensors.Read(Weights)),
            ".PTH" or ".PT" => FromState(PyTorchFile.Load(Weights)),
            _ => FromModel(OnnxModel.Load(Weights)),
        };
    }

    Backbone FromModel(OnnxModel model)
    {
        if (make is not null) return FromState(model.Initializers.ToDictionary(name => name, model.Initializer, StringComparer.Ordinal));
        if (Cut is not null) return Backbone.Of(model, Cut);
        RequirePlanes(model);
        bool matches = ResNet.TryMatch(model, out var network, out string report) || ResNet.TryMatchBody(model, out network, out report);
        if (options is null) return matches ? Backbone.Of(network!, report) : Backbone.Of(model);
        if (!matches) throw new DataException(report + $" Hint: Architecture.FromOnnx takes any network; {Name} needs its own export.");
        if (network!.Options.Bottleneck != options.Bottleneck || !options.Blocks.Take(network.Options.Blocks.Count).SequenceEqual(network.Options.Blocks))
            throw new DataException($"{model.File}: weights of another network: got {network.Describe()}, expected {Name}. Hint: choose the architecture that the file was made for.");
        return Backbone.Of(network, report);
    }

    /// <summary>A graph with preprocessing takes a photo as bytes, its channels last, which no body of a learner does.</summary>
    static void RequirePlanes(OnnxModel model)
    {
        if (model.Inputs is not [{ Shape: [_, not "3", _, "3"] } input]) return;
        throw new DataException(
            $"{model.File}: its input is a photo as it lies in memory: got {input}, expected normalised floats [N, 3, H, W]. "
                + "Hint: export it again without preprocessing; in a shell, tessera export without --preprocess.");
    }

    Backbone FromSafetensors(SafetensorsFile file)
    {
        string? format = file.Metadata.GetValueOrDefault("format");
        if (ImageClassifier.IsFormat(format)) return FromClassifier(ImageClassifier.Of(file, Weights!));
        if (format?.StartsWith("tessera.", StringComparison.Ordinal) == true)
            throw new DataException($"{Weights}: no weights of a network: got format '{format}', expected a model or torchvision's names. Hint: learn.Load reads it; learn.Export writes a model.");
        return FromState(file.Tensors);
    }

    /// <summary>The body of a model that this library trained; it remembers the model, whose head may go along.</summary>
    Backbone FromClassifier(ImageClassifier trained)
    {
        var known = trained.Network;
        bool isOther = options is not null ? known.Body is not { } body || body.Bottleneck != options.Bottleneck || !options.Blocks.Take(body.Blocks.Count).SequenceEqual(body.Blocks)
            : make is not null && known.Name != Name && known.Name != Name + Timm;
        if (isOther)
            throw new DataException($"{Weights}: weights of another network: got {known.Name}, expected {Name}. Hint: leave the architecture out (--arch, or Architecture.FromOnnx): the file says it.");
        string classes = string.Join(", ", trained.Classes.Take(5)) + (trained.Classes.Count > 5 ? ", ..." : "");
        return trained.Backbone with { Report = $"{Path.GetFileName(Weights)}: {known.Name}, trained for {classes}", Trained = trained };
    }

    // Tensors by torchvision's or timm's names.
    Backbone FromState(IReadOnlyDictionary<string, Tensor> state)
    {
        string file = Path.GetFileName(Weights!);
        using var unset = Init.Skip();
        try
        {
            if (make is not null)
            {
                bool timm = TimmNames.Are(state.Keys);
                var network = make(timm);
                network.LoadWeights(state);
                return Backbone.Of(network, timm ? Name + Timm : Name, $"{file}: {Name}, {(timm ? "timm's" : "torchvision's")} names, {network.Channels} features");
            }
            var form = options ?? throw new DataException(
                $"{file}: no architecture for a state dict: expected one of {string.Join(", ", Names)}. "
                    + "Hint: name it: --arch resnet34, or Architecture.ResNet34(path).");
            var resnet = new ResNet(form with { Classes = 0 });
            resnet.LoadStateDict(state.Where(t => !t.Key.StartsWith("fc.", StringComparison.Ordinal)).ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal));
            return Backbone.Of(resnet, $"{file}: {resnet.Describe()}");
        }
        catch (TesseraException e) when (e is not DataException)
        {
            string hint = Weights!.Contains(".onnx", StringComparison.OrdinalIgnoreCase)
                ? "Architecture.FromOnnx takes any network; this one needs an export that keeps batch norms and names." : "name the network that the file was made for.";
            throw new DataException($"{file}: weights of another network: expected {Name}. {e.Message.Split(" Hint: ")[0]} Hint: {hint}", e);
        }
        finally
        {
            foreach (var tensor in state.Values) tensor.Dispose();
        }
    }
}

/// <summary>A network without pool and classifier, ready for a head.</summary>
/// <param name="Body">Images <c>[N, 3, H, W]</c> to feature maps <c>[N, Features, H', W']</c>.</param>
/// <param name="Features">Channels of the feature maps.</param>
/// <param name="Groups">Its layer groups, from the input on: for a ResNet the stem with stages 1 and 2, then the other stages; one for a graph of unknown layout.</param>
/// <param name="Report">Where it comes from, for a reader.</param>
public sealed partial record Backbone(Module Body, int Features, IReadOnlyList<IReadOnlyList<Module>> Groups, string Report)
{
    readonly Func<IEnumerable<Tensor>, Backbone>? recreate;

    /// <summary>The form of a residual network; null for any other network.</summary>
    internal ResNetOptions? Form { get; private init; }

    /// <summary>The name of another known network, by which <see cref="Architecture.Body"/> makes it again.</summary>
    internal string? Known { get; private init; }

    /// <summary>The bytes of the ONNX file of a graph; null for any other network.</summary>
    internal byte[]? Graph { get; private init; }

    /// <summary>The value at which a graph was cut; null where it was cut by the rule.</summary>
    internal string? Cut { get; private init; }

    /// <summary>How many children of the features of a known network the body is; null for all.</summary>
    internal int? Parts { get; private init; }

    /// <summary>The model that the body was trained in; null for other weights.</summary>
    internal ImageClassifier? Trained { get; init; }

    /// <summary>What a user should look at before training with it; null for nothing.</summary>
    internal string? Warning { get; private init; }

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

    /// <summary>The features of a network, in its groups.</summary>
    internal static Backbone Of(ImageNetwork network, string name, string report) => new(network.Features, network.Channels, network.Groups, report) { Known = name };

    /// <summary>A graph cut before its head, in the groups of the known network that it is laid out as; else in one.</summary>
    internal static Backbone Of(OnnxModel model, string? cut = null)
    {
        string value = cut ?? GraphCut.Of(model);
        GraphModule body;
        Shape shape;
        using (model.Allowance($"to run '{value}' on one photo of 224 x 224")) // and for its layers, together
        {
            body = model.ToModule(value);
            shape = Autograd.NoGrad(() => Scope.Run(() => body.Forward(Tensor.Zeros([1, 3, 224, 224])))).Shape;
        }
        if (shape.Rank != 4) throw new DataException($"{model.File}: no feature maps at '{value}': got shape {shape}, expected [N, C, H, W]. Hint: name another value as cut.");
        int convolutions = body.NamedModules().Count(m => m.Module is Conv2d);
        var (name, groups) = GraphGroups.Of(body) ?? ("", [[body]]);
        string layout = name.Length > 0 ? $", in the layer groups of {name}" : "";
        return new Backbone(body, shape[1], groups, FormattableString.Invariant($"{model.File}: a graph of {convolutions} convolutions up to '{value}', {shape[1]} features{layout}"))
        {
            Graph = model.ToBytes(),
            Cut = cut,
            Warning = model.Report().PreprocessingHint,
        };
    }
}
