namespace Tessera.NN;

/// <summary>
/// Softmax cross-entropy of logits <c>[N, classes]</c> with classes <c>[N]</c> (Int64) or probabilities <c>[N, classes]</c>: -Σ q·ln p with
/// q = (1-ε)·target + ε/classes.
/// </summary>
/// <param name="weight">A weight a class <c>[classes]</c>; the mean is over the weights of the targets.</param>
/// <param name="labelSmoothing">ε, 0 to 1.</param>
/// <exception cref="TesseraException"><paramref name="labelSmoothing"/> is not within 0 to 1.</exception>
public sealed class CrossEntropyLoss(Tensor? weight = null, double labelSmoothing = 0) : Loss
{
    /// <summary>A weight a class <c>[classes]</c>; null where all count the same.</summary>
    public Tensor? Weight { get; } = weight is null ? null : Scope.Keep(weight);

    /// <summary>ε.</summary>
    public double LabelSmoothing { get; } = labelSmoothing is >= 0 and <= 1 ? labelSmoothing
        : throw new TesseraException(FormattableString.Invariant($"CrossEntropyLoss: label smoothing: got {labelSmoothing}, expected 0 to 1. Hint: 0.1 is usual."));

    /// <inheritdoc/>
    public override Tensor Forward(Tensor output, Tensor target) => Of(output, target, Reduction.Mean);

    /// <inheritdoc/>
    public override Tensor PerItem(Tensor output, Tensor target) => Of(output, target, Reduction.None);

    /// <inheritdoc/>
    public override Tensor Activation(Tensor output) => Given(output).Softmax(1);

    Tensor Of(Tensor output, Tensor target, Reduction reduction) =>
        Given(output).CrossEntropy(Given(target), Weight, (float)LabelSmoothing, reduction: reduction);
}

/// <summary>
/// Cross-entropy that also asks for a little of every class: (1-ε)·CE + ε·mean over the classes of -ln p. The same function as
/// <see cref="CrossEntropyLoss"/> with label smoothing ε.
/// </summary>
/// <param name="eps">ε, 0 to 1.</param>
public sealed class LabelSmoothingCrossEntropy(double eps = 0.1) : Loss
{
    readonly CrossEntropyLoss loss = new(labelSmoothing: eps);

    /// <summary>ε.</summary>
    public double Eps => loss.LabelSmoothing;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor output, Tensor target) => loss.Forward(output, target);

    /// <inheritdoc/>
    public override Tensor PerItem(Tensor output, Tensor target) => loss.PerItem(output, target);

    /// <inheritdoc/>
    public override Tensor Activation(Tensor output) => loss.Activation(output);
}

/// <summary>A loss of each element of output and target, of one shape; its mean over all elements.</summary>
public abstract class ElementLoss : Loss
{
    /// <inheritdoc/>
    public override Tensor Forward(Tensor output, Tensor target) => Of(Given(output), Fitting(output, target), Reduction.Mean);

    /// <inheritdoc/>
    public override Tensor PerItem(Tensor output, Tensor target)
    {
        var loss = Of(Given(output), Fitting(output, target), Reduction.None);
        return loss.Rank == 1 ? loss : loss.Flatten(1).Mean(1);
    }

    /// <summary>The loss with a reduction.</summary>
    private protected abstract Tensor Of(Tensor output, Tensor target, Reduction reduction);

    Tensor Fitting(Tensor output, Tensor target) => Given(target).Shape == output.Shape
        ? target
        : throw new ShapeException($"{Name}: shapes differ: got output {output.Shape} and target {target.Shape}, expected one target an output. Hint: Reshape or Unsqueeze one of them.");
}

/// <summary>Mean of (x - y)².</summary>
public sealed class MseLoss : ElementLoss
{
    private protected override Tensor Of(Tensor output, Tensor target, Reduction reduction) => output.MseLoss(target, reduction);
}

/// <summary>Mean of |x - y|.</summary>
public sealed class L1Loss : ElementLoss
{
    private protected override Tensor Of(Tensor output, Tensor target, Reduction reduction) => output.L1Loss(target, reduction);
}

/// <summary>Binary cross-entropy of logits x with probabilities or truths y: mean of -(y·ln σ(x) + (1-y)·ln(1-σ(x))).</summary>
/// <param name="positiveWeight">How much more positives count, one value a label (the last dimension).</param>
public sealed class BceWithLogitsLoss(Tensor? positiveWeight = null) : ElementLoss
{
    readonly Tensor? positiveWeight = positiveWeight is null ? null : Scope.Keep(positiveWeight);

    /// <inheritdoc/>
    public override Tensor Activation(Tensor output) => Given(output).Sigmoid();

    private protected override Tensor Of(Tensor output, Tensor target, Reduction reduction) =>
        output.BceWithLogits(target.To(DType.Float32), positiveWeight: positiveWeight, reduction: reduction);
}
