using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The body, the head, the layer groups and the loss of an <see cref="ImageLearner"/>. All but <see cref="Init"/> goes into model files.</summary>
public sealed record ImageLearnerOptions
{
    /// <summary>
    /// How much of a network of a known form is the body: its first parts (<c>6</c>, or all but the last: <c>^1</c>); null for all. The parts of a ResNet are 0 convolution, 1 batch norm,
    /// 2 ReLU, 3 max-pool and from 4 on the stages; of the others the children of <see cref="ImageNetwork.Features"/>. A graph is cut where <see cref="Architecture.FromOnnx"/> says.
    /// </summary>
    public Index? Cut { get; init; }

    /// <summary>
    /// The modules of the network before which a new layer group begins, in order; null for those that are usual for it. Child 0 of the network is the body, child 1 the head.
    /// </summary>
    /// <example><code>
    /// SplitOn = model => [((Sequential)model[0])[5], ((Sequential)model[0])[7], model[1]] // four groups
    /// </code></example>
    public Func<Sequential, IReadOnlyList<Module>>? SplitOn { get; init; }

    /// <summary>Widths of the head's hidden layers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [512];

    /// <summary>Probability of the head's last dropout; the earlier ones use half.</summary>
    public double Dropout { get; init; } = 0.5;

    /// <summary>The probability of each of the head's dropouts instead: one a hidden layer, and one for the last.</summary>
    public IReadOnlyList<double>? Dropouts { get; init; }

    /// <summary>Whether the head begins with max and average pools, concatenated; else it has an average pool alone, and half as many features.</summary>
    public bool ConcatPool { get; init; } = true;

    /// <summary>Adds a batch norm of the scores.</summary>
    public bool BnFinal { get; init; }

    /// <summary>
    /// A head of your own, from the channels of the feature maps and the number of classes: maps <c>[N, features, h, w]</c> to scores <c>[N, classes]</c>. What is said above of the
    /// usual head does not count then. Model files hold it as an ONNX graph, and <see cref="ImageLearner.LoadLearner"/> gives it back as a <see cref="GraphModule"/>.
    /// </summary>
    /// <example><code>
    /// Head = (features, classes) => new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(features, classes))
    /// </code></example>
    public Func<int, int, Module>? Head { get; init; }

    /// <summary>
    /// What fills the weights of the head's layers, norms excepted; biases start at 0. Kaiming-normal, √(2/fan_in), where nothing else is said. Null leaves weights as their layers
    /// made them, and a head of your own as it is.
    /// </summary>
    public Action<Tensor>? Init { get; init; } = Vision.Head.KaimingNormal;

    /// <summary>
    /// Whether the batch norms of the body follow the photos, frozen or not: they take the statistics of each batch and learn scale and shift. Where there
    /// are only a few hundred photos, false is better: the statistics that came with the weights stand, after unfreezing too.
    /// </summary>
    public bool LiveBatchNorms { get; init; } = true;

    /// <summary>
    /// Where an exporter folded the batch norms of the body into its convolutions: measures them on up to 256 training photos and puts them
    /// back, so that a frozen body can follow the photos.
    /// </summary>
    public bool RecreateBatchNorms { get; init; }

    /// <summary>ε of the cross-entropy, 0 to below 1: see <see cref="CrossEntropyLoss"/>. Losses of validation have it too.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>
    /// The loss of scores <c>[N, classes]</c> and classes <c>[N]</c>; null for <see cref="CrossEntropyLoss"/> with <see cref="LabelSmoothing"/>. One of your own derives from
    /// <see cref="NN.Loss"/>; its <see cref="NN.Loss.Activation"/> makes probabilities of the scores. A model file keeps it where it is a cross-entropy.
    /// </summary>
    public Loss? Loss { get; init; }

    /// <summary>The loss of a learner of so many classes.</summary>
    /// <exception cref="TesseraException">The options contradict each other, or the number of classes.</exception>
    internal Loss LossOf(int classes)
    {
        if (LabelSmoothing is not (>= 0 and < 1))
            throw new TesseraException(FormattableString.Invariant($"ImageLearner: label smoothing: got {LabelSmoothing}, expected at least 0 and below 1. Hint: 0.1 is usual."));
        if (Loss is not null && LabelSmoothing != 0)
            throw new TesseraException(FormattableString.Invariant(
                $"ImageLearner: two losses: got Loss = {Loss.Name} and LabelSmoothing = {LabelSmoothing}, expected one of them. ")
                    + FormattableString.Invariant($"Hint: Loss = new CrossEntropyLoss(weight, labelSmoothing: {LabelSmoothing}) is both."));
        if (Loss is CrossEntropyLoss { Weight: { } weight } && weight.Shape != new Shape(classes))
            throw new TesseraException(FormattableString.Invariant(
                $"ImageLearner: class weights of the loss: got shape {weight.Shape}, expected [{classes}]. Hint: one weight a class, in the order of data.Classes."));
        return Loss ?? new CrossEntropyLoss(labelSmoothing: LabelSmoothing);
    }
}
