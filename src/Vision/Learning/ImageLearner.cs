using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// Transfer learning for photos: the body of a pretrained network, a new head for the classes of the data, three layer groups
/// (early stages, late stages, head). It starts with the body frozen; its batch norms stay live, unless <see cref="ImageLearnerOptions.LiveBatchNorms"/> says otherwise.
/// </summary>
public sealed partial class ImageLearner : Learner
{
    readonly NetworkDescription network;
    readonly Backbone backbone;

    ImageLearner(ImageDataBunch data, NetworkDescription network, Backbone backbone, Sequential model, Loss loss, IEnumerable<Metric> metrics)
        : base(data, model, loss, metrics) => (this.network, this.backbone) = (network, backbone);

    /// <summary>A learner for the classes of <paramref name="data"/> over a network's body.</summary>
    /// <param name="data">The photos. Its seed also seeds the head and the dropout.</param>
    /// <param name="architecture">The network, pretrained where it names weights; else it starts from random ones, which a line says.</param>
    /// <param name="metrics">What is shown beside the loss.</param>
    /// <exception cref="DataException">The weights cannot be read, or are of another network.</exception>
    /// <exception cref="TesseraException">The options are impossible, or do not fit the network and the classes.</exception>
    public static ImageLearner Create(ImageDataBunch data, Architecture architecture, params IEnumerable<Metric> metrics)
        => Create(data, architecture, new ImageLearnerOptions(), metrics);

    /// <inheritdoc cref="Create(ImageDataBunch, Architecture, IEnumerable{Metric})"/>
    /// <param name="data">The photos. Its seed also seeds the head and the dropout.</param>
    /// <param name="architecture">The network, pretrained where it names weights.</param>
    /// <param name="options">The head and the loss.</param>
    /// <param name="metrics">What is shown beside the loss.</param>
    public static ImageLearner Create(ImageDataBunch data, Architecture architecture, ImageLearnerOptions options, params IEnumerable<Metric> metrics)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(options);
        var loss = options.LossOf(data.C);
        Generator.Seed(data.Seed);
        var backbone = architecture.Create();
        var trained = backbone.Trained;
        if (options.RecreateBatchNorms) backbone = backbone.RecreateBatchNorms(Calibration(data, 256));
        if (options.Cut is { } cut) backbone = backbone.CutAt(cut);
        var network = new NetworkDescription(trained?.Network.Name ?? backbone.Known ?? architecture.Name, backbone.Form, options.Hidden, options.Dropout, options.BnFinal)
        {
            Cut = backbone.Cut,
            Parts = backbone.Parts,
            Dropouts = options.Dropouts,
            AveragePool = !options.ConcatPool,
            OwnHead = options.Head is not null,
        };
        var model = network.Join(backbone, data.C, HeadOf(options, backbone, data), options.Init ?? (_ => { }));
        if (trained is not null) backbone = TakeHead(trained, backbone, model[1], options, data);
        var learner = new ImageLearner(data, network, backbone, model, loss, metrics) { LayerGroups = Groups(backbone, model) };
        if (options.SplitOn is { } points) learner.Split(points(model));
        if (backbone.Warning is { } warning) learner.Display?.Line(warning);
        if (!options.LiveBatchNorms) learner.FreezeBatchNorms();
        if (architecture.Weights is not null) learner.Freeze();
        else
        {
            learner.Display?.Line($"{architecture.Name}: random weights, since none were named: all layers learn from the start, which takes many photos and epochs. "
                + "Hint: name a file of pretrained ones, such as Architecture.ResNet34(\"resnet34.pth\") or, in a shell, --weights resnet34.pth; none are fetched.");
        }
        return learner;
    }

    /// <summary>The head of a model that was trained for the same classes goes on learning, where the new one has its form; the report says so.</summary>
    static Backbone TakeHead(ImageClassifier trained, Backbone backbone, Module head, ImageLearnerOptions options, ImageDataBunch data)
    {
        var before = ((Sequential)trained.Model)[1].StateDict();
        var now = head.StateDict();
        bool fits = options.Head is null && before.Count == now.Count && now.All(t => before.TryGetValue(t.Key, out var tensor) && tensor.Shape == t.Value.Shape);
        bool isSame = data.Classes.SequenceEqual(trained.Classes, StringComparer.Ordinal);
        if (isSame && fits) head.LoadStateDict(before);
        string what = !isSame ? "is new, since the classes are others" : fits ? "goes on, since the classes are the same" : "is new, since it has another form";
        return backbone with { Report = $"{backbone.Report}; the head {what}", Trained = null };
    }

    /// <summary>The head that the user made, filled; null where there is none.</summary>
    static Module? HeadOf(ImageLearnerOptions options, Backbone backbone, ImageDataBunch data)
    {
        if (options.Head is not { } make) return null;
        var head = OwnHead.Checked(make(backbone.Features, data.C), backbone, data.Size, data.C);
        if (options.Init is { } init) Head.Initialize(head, init);
        return head;
    }

    /// <summary>Where the network comes from, and what was noticed about it.</summary>
    public string Report => backbone.Report;

    /// <summary>The photos.</summary>
    public ImageDataBunch Images => images;

    ImageDataBunch images => Data as ImageDataBunch
        ?? throw new TesseraException($"ImageLearner: no photos: got data of type {Data.GetType().Name}, expected an ImageDataBunch. Hint: WithData(data) attaches one.");

    /// <summary>The network as it is now with all it takes to use it; shares the parameters.</summary>
    public ImageClassifier ToClassifier() => new(network, Model, images.Classes, images.ValidPipeline, images.Stats, backbone, Described(), History);

    // The statistics that came with the weights stand.
    void FreezeBatchNorms()
    {
        TrainBn = false;
        Callbacks.Add(new BatchNormFreeze(backbone.Body));
    }

    /// <summary>Normalised training photos, at least <paramref name="count"/> where there are as many.</summary>
    static IEnumerable<Tensor> Calibration(ImageDataBunch data, int count)
    {
        int seen = 0;
        foreach (var batch in data.Train.Epoch())
        {
            yield return data.Prepare(batch.X);
            if ((seen += batch.Items.Length) >= count) yield break;
        }
    }

    /// <summary>
    /// Writes the network and all it takes to use it and to train it on into one file, for <see cref="ImageClassifier.Load(string)"/>, <see cref="LoadLearner"/> and
    /// <c>tessera predict</c>. No photos and no paths go into it, but which ones were held back can be checked: <see cref="ValidationSplit"/>.
    /// </summary>
    /// <exception cref="TesseraException">The file cannot be written; an older one stays as it was.</exception>
    public void Export(string path) => ToClassifier().Save(path);
}
