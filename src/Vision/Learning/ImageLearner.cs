using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The head of an <see cref="ImageLearner"/>, and whether its body starts frozen.</summary>
public sealed record ImageLearnerOptions
{
    /// <summary>Widths of the head's hidden layers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [512];

    /// <summary>Probability of the head's last dropout; the earlier ones use half.</summary>
    public double Dropout { get; init; } = 0.5;

    /// <summary>Adds a batch norm of the scores.</summary>
    public bool BnFinal { get; init; }
}

/// <summary>
/// Transfer learning for photos: the body of a pretrained network, a new head for the classes of the data, three layer groups
/// (early stages, late stages, head). It starts with the body frozen; its batch norms stay live.
/// </summary>
public sealed class ImageLearner : Learner
{
    readonly ImageDataBunch images;
    readonly NetworkDescription network;

    ImageLearner(ImageDataBunch data, NetworkDescription network, Sequential model, IEnumerable<Metric> metrics)
        : base(data, model, new CrossEntropyLoss(), metrics)
    {
        images = data;
        this.network = network;
    }

    /// <summary>A learner for the classes of <paramref name="data"/> over a network's body.</summary>
    /// <param name="data">The photos. Its seed also seeds the head and the dropout.</param>
    /// <param name="architecture">The network, pretrained where it names weights.</param>
    /// <param name="metrics">What is shown beside the loss.</param>
    /// <exception cref="DataException">The weights cannot be read, or are of another network.</exception>
    public static ImageLearner Create(ImageDataBunch data, Architecture architecture, params IEnumerable<Metric> metrics)
        => Create(data, architecture, new ImageLearnerOptions(), metrics);

    /// <inheritdoc cref="Create(ImageDataBunch, Architecture, IEnumerable{Metric})"/>
    /// <param name="data">The photos. Its seed also seeds the head and the dropout.</param>
    /// <param name="architecture">The network, pretrained where it names weights.</param>
    /// <param name="options">The head.</param>
    /// <param name="metrics">What is shown beside the loss.</param>
    public static ImageLearner Create(ImageDataBunch data, Architecture architecture, ImageLearnerOptions options, params IEnumerable<Metric> metrics)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(options);
        Generator.Seed(data.Seed);
        var body = architecture.Create();
        var network = new NetworkDescription(architecture.Name, body.Options with { Classes = 0 }, options.Hidden, options.Dropout, options.BnFinal);
        var model = network.Join(body, data.Classes.Count);
        var learner = new ImageLearner(data, network, model, metrics);
        learner.LayerGroups = LayerGroup.Split(model, body.Stages[Math.Min(2, body.Stages.Count - 1)], model[1]);
        if (architecture.IsPretrained) learner.Freeze();
        return learner;
    }

    /// <summary>The photos.</summary>
    public ImageDataBunch Images => images;

    /// <summary>The network as it is now with all it takes to use it; shares the parameters.</summary>
    public ImageClassifier ToClassifier() => new(network, Model, images.Classes, images.Size, images.Resize, images.Stats);

    /// <summary>Writes the network and all it takes to use it into one file, for <see cref="ImageClassifier.Load"/> and <c>tessera predict</c>.</summary>
    /// <exception cref="TesseraException">The file cannot be written; an older one stays as it was.</exception>
    public void Export(string path) => ToClassifier().Save(path);
}
