using System.Text.Json;
using System.Text.Json.Serialization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What a classifier says about one photo.</summary>
/// <param name="Label">The most probable class.</param>
/// <param name="Index">Its index.</param>
/// <param name="Probabilities">One a class, in the order of the classes; they sum to 1.</param>
public sealed record Prediction(string Label, int Index, IReadOnlyList<float> Probabilities);

/// <summary>
/// A trained network with all it takes to use it: classes, size, normalisation. It is saved as one safetensors file, data only, checksummed.
/// </summary>
public sealed class ImageClassifier
{
    const string Format = "tessera.image-classifier/1";
    const string GraphKey = "onnx";

    readonly byte[]? graph;

    /// <summary>A network from its parts.</summary>
    /// <param name="network">What it is made of.</param>
    /// <param name="model">Photos <c>[N, 3, H, W]</c>, normalised, to logits <c>[N, classes]</c>.</param>
    /// <param name="classes">Names in the order of the logits.</param>
    /// <param name="size">Side lengths of a photo.</param>
    /// <param name="resize">How photos are brought to the size.</param>
    /// <param name="stats">Normalisation; null for none.</param>
    /// <param name="graph">The ONNX file of the body, where it is no residual network.</param>
    internal ImageClassifier(NetworkDescription network, Module model, IReadOnlyList<string> classes, ImageSize size, ResizeMethod resize, ImageStats? stats, byte[]? graph)
    {
        (Network, Model, Classes, Size, Resize, Stats, this.graph) = (network, model, classes, size, resize, stats, graph);
        Pipeline = new TransformPipeline(Transforms.None().Valid, size, resize);
    }

    /// <summary>What the network is made of.</summary>
    public NetworkDescription Network { get; }

    /// <summary>The network.</summary>
    public Module Model { get; }

    /// <summary>The classes, in the order of the logits.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Side lengths of a photo.</summary>
    public ImageSize Size { get; }

    /// <summary>How photos are brought to the size.</summary>
    public ResizeMethod Resize { get; }

    /// <summary>Normalisation; null for none.</summary>
    public ImageStats? Stats { get; }

    TransformPipeline Pipeline { get; }

    /// <summary>Classifies a photo file.</summary>
    /// <exception cref="DataException">The file is no photo.</exception>
    public Prediction Predict(string path) => Predict(Image.Load(path));

    /// <summary>Classifies a photo.</summary>
    public Prediction Predict(Image image)
    {
        var (pixels, height, width) = Pipeline.Apply(image, layout: PixelLayout.Hwc);
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        Model.Eval();
        var x = Tensor.FromChannelsLast<float>(pixels, [1, Image.Channels, height, width]);
        float[] p = Model.Forward(Stats?.Normalize(x) ?? x).Softmax(1).ToArray<float>();
        int best = Array.IndexOf(p, p.Max());
        return new Prediction(Classes[best], best, p);
    }

    /// <summary>Writes the network and all it takes to use it; the file appears whole or not at all.</summary>
    /// <exception cref="TesseraException">The file cannot be written; an older one stays as it was.</exception>
    public void Save(string path)
    {
        var description = new Description(Network, [.. Classes], Size.Height, Size.Width, Resize, Stats);
        var tensors = new Dictionary<string, Tensor>(Model.StateDict(), StringComparer.Ordinal);
        if (graph is not null) tensors[GraphKey] = Tensor.From(graph, [graph.Length]);
        Safetensors.Write(path, tensors, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = Format,
            ["model"] = JsonSerializer.Serialize(description, DescriptionJson.Default.Description),
        });
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="DataException">Missing, damaged, or another kind of file.</exception>
    public static ImageClassifier Load(string path)
    {
        var file = Safetensors.Read(path);
        if (!file.Metadata.TryGetValue("format", out string? format) || !string.Equals(format, Format, StringComparison.Ordinal))
            throw new DataException($"{path}: not a classifier: got format '{format ?? "none"}', expected {Format}. Hint: tessera train writes one.");
        Description? d = null;
        try
        {
            d = JsonSerializer.Deserialize(file.Metadata.GetValueOrDefault("model", ""), DescriptionJson.Default.Description);
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: the description of the model is damaged: {e.Message}", e);
        }
        if (d is null || !d.IsWhole(file.Tensors.Values.Sum(t => t.Count)))
            throw new DataException($"{path}: the description of the model is incomplete or impossible: expected network, classes, size and statistics that fit the file's tensors. Hint: train and save the model again.");
        try
        {
            return Rebuild(d, file, path);
        }
        catch (TesseraException e) when (e is not DataException)
        {
            throw new DataException($"{path}: {e.Message}", e);
        }
    }

    static ImageClassifier Rebuild(Description d, SafetensorsFile file, string path)
    {
        using var unset = Init.Skip();
        var state = new Dictionary<string, Tensor>(file.Tensors, StringComparer.Ordinal);
        byte[]? graph = state.Remove(GraphKey, out var bytes) ? bytes.ToArray<byte>() : null;
        var backbone = (d.Network.Body, graph) switch
        {
            ({ } form, _) => Backbone.Of(new ResNet(form), path),
            (_, { } onnx) => Backbone.Of(OnnxModel.Parse(onnx, path), d.Network.Cut),
            _ => Architecture.Body(d.Network.Name) ?? throw new DataException($"{path}: neither the form nor the graph of the body is in the file, and its name is unknown: got '{d.Network.Name}', expected one of {string.Join(", ", Architecture.Names)}."),
        };
        var model = d.Network.Join(backbone, d.Classes.Length);
        model.LoadStateDict(state);
        foreach (var tensor in file.Tensors.Values) tensor.Dispose();
        return new ImageClassifier(d.Network, model, d.Classes, new ImageSize(d.Height, d.Width), d.Resize, d.Stats, graph);
    }

    internal sealed record Description(NetworkDescription Network, string[] Classes, int Height, int Width, ResizeMethod Resize, ImageStats? Stats)
    {
        /// <summary>Nothing is missing, and nothing is larger than a file of so many elements can fill.</summary>
        public bool IsWhole(long elements) =>
            Network is { Hidden: not null, Dropout: >= 0 and <= 1 } && Network.Hidden.All(n => n > 0 && n <= elements)
            && (Network.Body is null || (Network.Body is { Blocks: { Count: <= 8 } blocks, Width: > 0 and <= 1 << 16 } && blocks.All(n => n > 0 && n <= elements)))
            && Classes is { Length: > 0 } && Array.TrueForAll(Classes, c => c is not null)
            && Height > 0 && Width > 0 && Enum.IsDefined(Resize)
            && (Stats is null || (Stats is { Mean: { Count: 1 or Image.Channels } mean, Std: { } std } && std.Count == mean.Count && std.All(s => s > 0)));
    }
}

/// <summary>JSON without reflection, so that trimmed and ahead-of-time compiled programs can load models.</summary>
[JsonSerializable(typeof(ImageClassifier.Description))]
sealed partial class DescriptionJson : JsonSerializerContext;

/// <summary>A body and a head, described so that the network can be built again.</summary>
/// <param name="Name">What people call it: <c>resnet34</c>.</param>
/// <param name="Body">The form of a residual body; null for an ONNX graph and for the networks that their name describes.</param>
/// <param name="Hidden">Widths of the head's hidden layers.</param>
/// <param name="Dropout">Probability of the head's last dropout.</param>
/// <param name="BnFinal">A batch norm of the scores.</param>
public sealed record NetworkDescription(string Name, ResNetOptions? Body, IReadOnlyList<int> Hidden, double Dropout, bool BnFinal)
{
    /// <summary>The value of an ONNX graph that is its feature maps, where one was named.</summary>
    public string? Cut { get; init; }

    /// <summary>The network over a body: child 0 the body, child 1 a fresh head.</summary>
    internal Sequential Join(Backbone backbone, int classes) => new(backbone.Body, Head.Create(backbone.Features, classes, Hidden, Dropout, BnFinal));
}
