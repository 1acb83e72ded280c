using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What a classifier says about one photo.</summary>
/// <param name="Label">The most probable class.</param>
/// <param name="Index">Its index.</param>
/// <param name="Probabilities">One a class, in the order of the classes; they sum to 1.</param>
public sealed record Prediction(string Label, int Index, IReadOnlyList<float> Probabilities)
{
    /// <summary>The class and its probability, as in <c>Bengal 0.9871</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Label} {Probabilities[Index]:0.0000}");

    /// <summary>The most probable of the classes.</summary>
    internal static Prediction Of(IReadOnlyList<string> classes, float[] probabilities)
    {
        int best = Array.IndexOf(probabilities, probabilities.Max());
        return new Prediction(classes[best], best, probabilities);
    }
}

/// <summary>
/// A trained network with all it takes to use it: classes, size, normalisation. It is saved as one safetensors file, data only, checksummed.
/// </summary>
public sealed partial class ImageClassifier
{
    /// <summary>A network from its parts.</summary>
    /// <param name="network">What it is made of.</param>
    /// <param name="model">Photos <c>[N, 3, H, W]</c>, normalised, to logits <c>[N, classes]</c>.</param>
    /// <param name="classes">Names in the order of the logits.</param>
    /// <param name="pipeline">From a photo to the floats of a batch; it has a size.</param>
    /// <param name="stats">Normalisation; null for none.</param>
    /// <param name="backbone">Where the model's body comes from.</param>
    /// <param name="learning">How it was learned; null where that is not known.</param>
    /// <param name="history">The course of its training; null where that is not known.</param>
    internal ImageClassifier(
        NetworkDescription network, Module model, IReadOnlyList<string> classes, TransformPipeline pipeline, ImageStats? stats, Backbone backbone, LearningDescription? learning, Recorder? history) =>
        (Network, Model, Classes, Pipeline, Stats, Backbone, Learning, History) = (network, model, classes, pipeline, stats, backbone, learning, history);

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

    internal Recorder? History { get; }

    /// <summary>Classifies a photo file.</summary>
    /// <exception cref="DataException">The file is no photo.</exception>
    public Prediction Predict(string path) => Predict(Image.Load(path));

    /// <summary>Classifies a photo.</summary>
    public Prediction Predict(Image image) => Predict([image])[0];
}
