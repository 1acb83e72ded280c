using System.Text.Json;
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
    const string Format = "tessera-image-classifier-1";
    static readonly JsonSerializerOptions json = new() { WriteIndented = false };

    /// <summary>A network from its parts.</summary>
    /// <param name="network">What it is made of.</param>
    /// <param name="model">Photos <c>[N, 3, H, W]</c>, normalised, to logits <c>[N, classes]</c>.</param>
    /// <param name="classes">Names in the order of the logits.</param>
    /// <param name="size">Side lengths of a photo.</param>
    /// <param name="resize">How photos are brought to the size.</param>
    /// <param name="stats">Normalisation; null for none.</param>
    internal ImageClassifier(NetworkDescription network, Module model, IReadOnlyList<string> classes, ImageSize size, ResizeMethod resize, ImageStats? stats)
    {
        (Network, Model, Classes, Size, Resize, Stats) = (network, model, classes, size, resize, stats);
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
        Safetensors.Write(path, Model.StateDict(), new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = Format,
            ["model"] = JsonSerializer.Serialize(description, json),
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
            d = JsonSerializer.Deserialize<Description>(file.Metadata.GetValueOrDefault("model", ""), json);
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}: the description of the model is damaged: {e.Message}", e);
        }
        if (d?.Network is null || d.Classes is not { Length: > 0 } || d.Height < 1 || d.Width < 1)
            throw new DataException($"{path}: the description of the model is incomplete: expected network, classes and size.");
        try
        {
            var model = d.Network.Build(d.Classes.Length);
            model.LoadStateDict(file.Tensors);
            foreach (var tensor in file.Tensors.Values) tensor.Dispose();
            return new ImageClassifier(d.Network, model, d.Classes, new ImageSize(d.Height, d.Width), d.Resize, d.Stats);
        }
        catch (Exception e) when (e is TesseraException and not DataException)
        {
            throw new DataException($"{path}: {e.Message}", e);
        }
    }

    sealed record Description(NetworkDescription Network, string[] Classes, int Height, int Width, ResizeMethod Resize, ImageStats? Stats);
}

/// <summary>A body and a head, described so that the network can be built again.</summary>
/// <param name="Name">What people call it: <c>resnet34</c>.</param>
/// <param name="Body">The form of the body.</param>
/// <param name="Hidden">Widths of the head's hidden layers.</param>
/// <param name="Dropout">Probability of the head's last dropout.</param>
/// <param name="BnFinal">A batch norm of the scores.</param>
public sealed record NetworkDescription(string Name, ResNetOptions Body, IReadOnlyList<int> Hidden, double Dropout, bool BnFinal)
{
    /// <summary>The network with fresh weights: child 0 the body, child 1 the head.</summary>
    public Sequential Build(int classes) => Join(new ResNet(Body), classes);

    internal Sequential Join(ResNet network, int classes) => new(network.Body(), Head.Create(Body.Features, classes, Hidden, Dropout, BnFinal));
}
