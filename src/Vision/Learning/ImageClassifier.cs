using System.Globalization;
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
public sealed partial class ImageClassifier
{
    const string Format = "tessera.image-classifier/";
    const int Version = 2;
    const string GraphKey = "onnx";

    /// <summary>A network from its parts.</summary>
    /// <param name="network">What it is made of.</param>
    /// <param name="model">Photos <c>[N, 3, H, W]</c>, normalised, to logits <c>[N, classes]</c>.</param>
    /// <param name="classes">Names in the order of the logits.</param>
    /// <param name="pipeline">From a photo to the floats of a batch; it has a size.</param>
    /// <param name="stats">Normalisation; null for none.</param>
    /// <param name="backbone">Where the model's body comes from.</param>
    /// <param name="learning">How it was learned; null where that is not known.</param>
    internal ImageClassifier(NetworkDescription network, Module model, IReadOnlyList<string> classes, TransformPipeline pipeline, ImageStats? stats, Backbone backbone, LearningDescription? learning) =>
        (Network, Model, Classes, Pipeline, Stats, Backbone, Learning) = (network, model, classes, pipeline, stats, backbone, learning);

    /// <summary>What the network is made of.</summary>
    public NetworkDescription Network { get; }

    /// <summary>The network.</summary>
    public Module Model { get; }

    /// <summary>The classes, in the order of the logits.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Side lengths of a photo.</summary>
    public ImageSize Size => Pipeline.Size!.Value;

    /// <summary>How photos are brought to the size.</summary>
    public ResizeMethod Resize => Pipeline.Method;

    /// <summary>Normalisation; null for none.</summary>
    public ImageStats? Stats { get; }

    internal TransformPipeline Pipeline { get; }

    internal Backbone Backbone { get; }

    internal LearningDescription? Learning { get; }

    /// <summary>Classifies a photo file.</summary>
    /// <exception cref="DataException">The file is no photo.</exception>
    public Prediction Predict(string path) => Predict(Image.Load(path));

    /// <summary>Classifies a photo.</summary>
    public Prediction Predict(Image image) => Predict([image])[0];

    /// <summary>Writes the network and all it takes to use it; the file appears whole or not at all.</summary>
    /// <exception cref="TesseraException">The file cannot be written; an older one stays as it was.</exception>
    public void Save(string path)
    {
        var description = new Description(Network, [.. Classes], Size.Height, Size.Width, Resize, Stats) { Padding = Pipeline.Padding, Interpolation = Pipeline.Mode, Transforms = [.. Pipeline.Transforms], Learning = Learning };
        var tensors = new Dictionary<string, Tensor>(Model.StateDict(), StringComparer.Ordinal);
        if (Backbone.Graph is { } graph) tensors[GraphKey] = Tensor.From(graph, [graph.Length]);
        Safetensors.Write(path, tensors, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = string.Create(CultureInfo.InvariantCulture, $"{Format}{Version}"),
            ["model"] = Text(description),
        });
    }

    static string Text(Description description)
    {
        try
        {
            return JsonSerializer.Serialize(description, DescriptionJson.Default.Description);
        }
        catch (NotSupportedException e)
        {
            throw new TesseraException($"Save: the model cannot be written: a transform of validation is none of this library: got {string.Join(", ", description.Transforms!.Select(t => t.GetType().Name))}. Hint: validate with transforms of this library; those of training are not stored and may be any.", e);
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote, in this version of the format or an older one.</summary>
    /// <exception cref="DataException">Missing, damaged, or another kind of file.</exception>
    public static ImageClassifier Load(string path)
    {
        var file = Safetensors.Read(path);
        CheckFormat(file.Metadata.GetValueOrDefault("format"), path);
        Description? d = null;
        try
        {
            d = JsonSerializer.Deserialize(file.Metadata.GetValueOrDefault("model", ""), DescriptionJson.Default.Description);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or TesseraException)
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

    static void CheckFormat(string? format, string path)
    {
        if (format?.StartsWith(Format, StringComparison.Ordinal) != true || !int.TryParse(format[Format.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int version) || version < 1)
            throw new DataException($"{path}: not a classifier: got format '{format ?? "none"}', expected {Format}{Version}. Hint: tessera train writes one.");
        if (version > Version)
            throw new DataException($"{path}: written by a newer Tessera: got version {version} of the format, expected 1..{Version}. Hint: update Tessera.");
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
            _ => Architecture.Body(d.Network.Name, file.Tensors.Values.Sum(t => t.Count))
                ?? throw new DataException($"{path}: neither the form nor the graph of the body is in the file, and its name is unknown or that of a larger network: got '{d.Network.Name}', expected one of {string.Join(", ", Architecture.Names)}."),
        };
        var model = d.Network.Join(backbone, d.Classes.Length);
        model.LoadStateDict(state);
        foreach (var tensor in file.Tensors.Values) tensor.Dispose();
        var pipeline = new TransformPipeline(d.Transforms ?? Transforms.None().Valid, new ImageSize(d.Height, d.Width), d.Resize, d.Padding, d.Interpolation);
        return new ImageClassifier(d.Network, model, d.Classes, pipeline, d.Stats, backbone, d.Learning);
    }

    internal sealed record Description(NetworkDescription Network, string[] Classes, int Height, int Width, ResizeMethod Resize, ImageStats? Stats)
    {
        public PaddingMode Padding { get; init; } = PaddingMode.Reflection;

        public InterpolationMode Interpolation { get; init; } = InterpolationMode.Bilinear;

        /// <summary>Those of validation; version 1 has the centre crop.</summary>
        public Transform[]? Transforms { get; init; }

        public LearningDescription? Learning { get; init; }

        /// <summary>Nothing is missing, and nothing is larger than a file of so many elements can fill.</summary>
        public bool IsWhole(long elements) =>
            Network is { Hidden: not null, Dropout: >= 0 and <= 1 } && Network.Hidden.All(n => n > 0 && n <= elements)
            && (Network.Body is null || (Network.Body is { Blocks: { Count: <= 8 } blocks, Width: > 0 and <= 1 << 16 } && blocks.All(n => n > 0 && n <= elements)))
            && Classes is { Length: > 0 } && Array.TrueForAll(Classes, c => c is not null) && Classes.Distinct(StringComparer.Ordinal).Count() == Classes.Length
            && Classes.Length <= elements && Network.LeastParameters(Classes.Length) <= elements
            && Height > 0 && Width > 0 && Enum.IsDefined(Resize) && Enum.IsDefined(Padding) && Enum.IsDefined(Interpolation)
            && (Transforms is null || Array.TrueForAll(Transforms, t => t is { P: >= 0 and <= 1 })) && Learning?.IsWhole() != false
            && (Stats is null || (Stats is { Mean: { Count: 1 or Image.Channels } mean, Std: { } std } && std.Count == mean.Count && std.All(s => s > 0)));
    }
}

/// <summary>JSON without reflection, so that trimmed and ahead-of-time compiled programs can load models.</summary>
[JsonSerializable(typeof(ImageClassifier.Description))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(float[]))]
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

    /// <summary>A lower bound of the parameters, in whole numbers that do not overflow: what a file must hold before anything of the size is made.</summary>
    internal double LeastParameters(int classes)
    {
        double sum = 0, features = 0;
        foreach (var (i, blocks) in Body?.Blocks.Index() ?? [])
        {
            features = Body!.Width * Math.Pow(2, i);
            sum += blocks * 9 * features * features;
        }
        double from = 2 * features;
        foreach (int width in Hidden.Append(classes))
        {
            sum += from * width;
            from = width;
        }
        return sum;
    }

    /// <summary>The network over a body: child 0 the body, child 1 a fresh head.</summary>
    internal Sequential Join(Backbone backbone, int classes) => new(backbone.Body, Head.Create(backbone.Features, classes, Hidden, Dropout, BnFinal));
}
