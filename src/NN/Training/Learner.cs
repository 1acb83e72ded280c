using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Data, a model and a loss, and what brings them together: training with callbacks, layer groups, freezing, validation, prediction, saving.
/// </summary>
public partial class Learner
{
    IReadOnlyList<LayerGroup> layerGroups;

    /// <summary>A learner whose model is one layer group, all of it trainable.</summary>
    /// <param name="data">What is learned from.</param>
    /// <param name="model">The model; it is trained in place.</param>
    /// <param name="loss">What is made small.</param>
    /// <param name="metrics">What is shown beside the loss.</param>
    public Learner(DataBunch data, Module model, Loss loss, params IEnumerable<Metric> metrics)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(loss);
        (Data, Model, Loss, Metrics) = (data, model, loss, [.. metrics]);
        layerGroups = LayerGroup.Split(model);
        OptimizerFactory = groups => new Adam(groups, beta2: 0.99, eps: 1e-8, decoupledDecay: TrueWd);
    }

    /// <summary>What is learned from. Other data keep weights, optimizer, freezing and recorder.</summary>
    public DataBunch Data
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (field is not null && Doubt(value) is { } doubt) Display?.Line($"warning: {doubt}");
            field?.Discard();
            field = value;
        }
    }

    /// <summary>Looks at data that are to take the place of <see cref="Data"/>.</summary>
    /// <returns>What may be wrong with them; null for nothing.</returns>
    /// <exception cref="DataException">They do not fit the model.</exception>
    internal virtual string? Doubt(DataBunch data) => null;

    /// <summary>The model.</summary>
    public Module Model { get; }

    /// <summary>What is made small; from the next batch on, where it is set.</summary>
    public Loss Loss
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value;
        }
    }

    /// <summary>What is shown beside the loss.</summary>
    public IReadOnlyList<Metric> Metrics { get; }

    /// <summary>Weight decay where a fit call names none: one number, or one a layer group.</summary>
    public WeightDecay Wd { get; set; } = 0.01;

    /// <summary>Decoupled decay, w ← w·(1 - lr·wd), instead of an L2 term. Counts when the optimizer is made.</summary>
    public bool TrueWd { get; set; } = true;

    /// <summary>Whether decay acts on normalisation parameters and biases too.</summary>
    public bool BnWd { get; set; } = true;

    /// <summary>Whether scale and shift of batch norms in frozen groups learn. Their statistics move in any case. Counts at the next freeze.</summary>
    public bool TrainBn { get; set; } = true;

    /// <summary>Makes the optimizer for parameter groups: two a layer group, weights first, then normalisation parameters and biases. Default: Adam, β₂ 0.99.</summary>
    public Func<IReadOnlyList<ParameterGroup>, Optimizer> OptimizerFactory { get; set; }

    /// <summary>Callbacks of every fit call.</summary>
    public IList<Callback> Callbacks { get; } = [];

    /// <summary>What the latest fit call recorded; of a learner from a file, what the file has of it.</summary>
    public Recorder Recorder { get; internal set; } = new();

    /// <summary>What all fit calls recorded, one after the other; of a learner from a file, what the file has of it.</summary>
    public Recorder History { get; internal set; } = new();

    /// <summary>Where progress and the table go; null for silence.</summary>
    public ITrainingDisplay? Display { get; set; } = new PlainDisplay(Console.Out);

    /// <summary>The folder of <see cref="Save"/> and <see cref="Load"/>.</summary>
    public string ModelFolder { get; set; } = "models";

    /// <summary>Epochs trained so far, over all fit calls; the loader's order and random numbers depend on it.</summary>
    public int EpochsTrained { get; internal set; }

    /// <summary>What learns from what, and how far it is; <see cref="Summary"/> says more.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{GetType().Name}: {Model.GetType().Name} of {Model.Parameters().Sum(p => p.Count):N0} parameters in {layerGroups.Count} layer groups, "
            + $"{Data.Train.Dataset.Count} items for training, {Loss.Name}, {EpochsTrained} epochs trained");

    /// <summary>The batch size that was trained with last; null where nothing was, or it is not known.</summary>
    internal int? TrainedBatchSize { get; set; }

    /// <summary>The layer groups, first layers first. Setting them throws the optimizer away; what is frozen stays frozen.</summary>
    public IReadOnlyList<LayerGroup> LayerGroups
    {
        get => layerGroups;
        set
        {
            layerGroups = [.. value];
            if (FrozenTo > 0) FrozenTo = layerGroups.Count - layerGroups.Reverse().TakeWhile(g => g.Parameters.All(p => p.RequiresGrad)).Count();
            Optimizer = null;
        }
    }
}
