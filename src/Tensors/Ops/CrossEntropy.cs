namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>
    /// Cross-entropy of logits x <c>[N, C, ...]</c>: -Σ_c q_c · ln softmax(x)_c, where q is w_y at the target class y (Int64 <c>[N, ...]</c>),
    /// or a soft target (Float32, shape of x). The mean over class targets is weighted by w_y.
    /// </summary>
    /// <param name="target">Classes 0..C-1, or a distribution over the classes.</param>
    /// <param name="weight">One weight w a class, <c>[C]</c>; default 1.</param>
    /// <param name="labelSmoothing">ε in 0..1: the target becomes (1 - ε)·q + ε/C.</param>
    /// <param name="ignoreIndex">Targets of this class count nothing.</param>
    /// <param name="reduction">How the samples' losses become one number.</param>
    /// <exception cref="ShapeException">Shapes do not fit, or a target is outside 0..C-1.</exception>
    public Tensor CrossEntropy(Tensor target, Tensor? weight = null, float labelSmoothing = 0, long ignoreIndex = -100, Reduction reduction = Reduction.Mean)
    {
        if (target.DType.IsFloat()) return SoftCrossEntropy(target, weight, labelSmoothing, reduction);
        var (classes, counts, w) = Targets(target, weight, ignoreIndex, "CrossEntropy");
        Tensor[] inputs = weight is null ? [this, classes, counts, w] : [this, classes, counts, w, weight];
        if (reduction != Reduction.None && RequiresGrad && Autograd.IsEnabled && Device == Device.Cpu && !Op.IsWatched)
            return new ReducedCrossEntropyOp(labelSmoothing, reduction).Apply(inputs);
        var loss = new CrossEntropyOp(labelSmoothing).Apply(inputs).Reshape(target.Shape);
        return loss.WeightedBy(w, reduction);
    }

    /// <summary>-w_y · x_y for log-probabilities x <c>[N, C, ...]</c> and classes y (Int64 <c>[N, ...]</c>); the mean is weighted by w_y.</summary>
    /// <inheritdoc cref="CrossEntropy"/>
    public Tensor NllLoss(Tensor target, Tensor? weight = null, long ignoreIndex = -100, Reduction reduction = Reduction.Mean)
    {
        var (classes, counts, w) = Targets(target, weight, ignoreIndex, "NllLoss");
        return (Where(counts, -Gather(1, classes), Scalar(0, Device)) * w).Reshape(target.Shape).WeightedBy(w, reduction);
    }

    Tensor SoftCrossEntropy(Tensor target, Tensor? weight, float labelSmoothing, Reduction reduction)
    {
        if (target.Shape != Shape || Rank < 2)
            throw new ShapeException($"CrossEntropy: soft target: got shape {target.Shape}, expected that of the logits, {Shape}, at least [N, C].");
        int classes = Shape[1];
        var q = labelSmoothing == 0 ? target : (target * (1 - labelSmoothing)) + (labelSmoothing / classes);
        if (weight is not null) q *= Channels(weight, Rank, "CrossEntropy");
        var loss = -(q * LogSoftmax(1)).Sum(1);
        return loss.Reduced(reduction);
    }

    /// <summary>Σ loss / Σ w for the mean; an empty sum of weights gives NaN.</summary>
    Tensor WeightedBy(Tensor w, Reduction reduction) => reduction == Reduction.Mean ? Sum() / w.Sum() : Reduced(reduction);

    /// <summary>For each sample <c>[N, 1, ...]</c>: its class (0 where it is ignored), whether it counts, and its weight (0 where it is ignored).</summary>
    (Tensor Classes, Tensor Counts, Tensor Weights) Targets(Tensor target, Tensor? weight, long ignoreIndex, string op)
    {
        if (Rank < 2 || target.DType != DType.Int64 || target.Shape != new Shape([Shape[0], .. Shape.Dims[2..]]))
            throw new ShapeException($"{op}: target: got {target.DType}{target.Shape} for logits {Shape}, expected Int64 classes of shape [N, ...] for [N, C, ...].");
        if (weight is not null && weight.Shape != new Shape(Shape[1]))
            throw new ShapeException($"{op}: weight: got shape {weight.Shape}, expected one weight for each of the {Shape[1]} classes.");
        target.RequireClasses(Shape[1], ignoreIndex, op);
        var t = target.Unsqueeze(1);
        var counts = t.NotEqual(Full([], ignoreIndex, DType.Int64, Device));
        var classes = Where(counts, t, Full([], 0, DType.Int64, Device));
        var w = counts.To(DType.Float32);
        return (classes, counts, weight is null ? w : w * weight.IndexSelect(0, classes.Flatten(0)).Reshape(classes.Shape));
    }

    /// <summary>All elements are in 0..classes-1, or the ignored class.</summary>
    void RequireClasses(int classes, long? ignoreIndex, string op)
    {
        if (DType != DType.Int64) throw new DTypeException($"{op}: classes: got {DType}, expected Int64. Hint: cast with To(DType.Int64).");
        Backend.CheckIndices(View, classes, ignoreIndex, c =>
            new ShapeException($"{op}: class out of range: got {c}, expected 0..{classes - 1} for {classes} classes. Hint: check that the model has as many outputs as the data has classes."));
        GC.KeepAlive(this);
    }

    /// <summary>A vector of one value a channel, shaped to broadcast along dimension 1 of a tensor of some rank.</summary>
    static Tensor Channels(Tensor c, int rank, string op)
    {
        if (c.Rank != 1) throw new ShapeException($"{op}: got shape {c.Shape}, expected one value a channel [C].");
        return c.Reshape([c.Shape[0], .. Enumerable.Repeat(1, rank - 2)]);
    }

    /// <summary>Loss of each sample <c>[N, 1, ...]</c>; inputs: logits, class, counts and weight of each sample, and the weights of the classes if any.</summary>
    sealed class CrossEntropyOp(float smoothing) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        Tensor? kept;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("smoothing", smoothing));

        // q_c = (1 - ε)·w_y·[c = y] + ε/C·w_c;  loss = -Σ_c q_c·ln softmax(x)_c
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            x[0].RequireFloat(Name);
            var loss = Empty(x[1].Shape, DType.Float32, x[0].Device);
            kept = Save(Empty([2, (int)loss.Count], DType.Float32, x[0].Device));
            loss.Backend.CrossEntropy(x[0].Contiguous().View, Target(x[1], x[2], x[3], x.Length > 4 ? x[4] : null), loss.View, kept.View);
            return loss;
        }

        // gx = g·(softmax(x)·Σ_c q_c - q)
        protected override Tensor? Gradient(int i, Tensor g)
        {
            if (i != 0) return null;
            var gx = Empty(InputShape(0), DType.Float32, g.Device);
            var target = Target(Input(1), Input(2), Input(3), Inputs.Length > 4 ? Input(4) : null);
            g.Backend.CrossEntropyBackward(Input(0).Contiguous().View, target, kept!.View, g.Contiguous().View, gx.View);
            return gx;
        }

        ClassTargets Target(Tensor classes, Tensor counts, Tensor w, Tensor? weight) => TargetOf(classes, counts, w, weight, smoothing);
    }

    static ClassTargets TargetOf(Tensor classes, Tensor counts, Tensor w, Tensor? weight, float smoothing)
        => new(classes.Contiguous().View, counts.Contiguous().View, w.Contiguous().View, weight?.Contiguous().View, smoothing);

    /// <summary>
    /// The sum or weighted mean of <see cref="CrossEntropyOp"/>, the same bits. What each loss weighs in it is known, so the gradient is computed along with the losses, while
    /// the logits are in the cache, and backward there is nothing to do unless the result is scaled. On the CPU, where reading that scale waits for nothing.
    /// </summary>
    sealed class ReducedCrossEntropyOp(float smoothing, Reduction reduction) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        Tensor? gradient;

        public override string Name => "CrossEntropy";

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("smoothing", smoothing), ("reduction", reduction));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            x[0].RequireFloat(Name);
            using Tensor loss = Empty(x[1].Shape, DType.Float32, x[0].Device), gx = Empty(x[0].Shape, DType.Float32, x[0].Device);
            float scale = reduction == Reduction.Mean ? 1 / x[3].Sum().Item() : 1;
            loss.Backend.CrossEntropyWithGradient(x[0].Contiguous().View, TargetOf(x[1], x[2], x[3], x.Length > 4 ? x[4] : null, smoothing), scale, loss.View, gx.View);
            gradient = Save(gx);
            return loss.WeightedBy(x[3], reduction);
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g)
        {
            if (i != 0) return null;
            float scale = g.Item();
            if (scale == 1) return gradient;
            var gx = Empty(InputShape(0), DType.Float32, g.Device);
            g.Backend.Unary(new Ops.MulScalar(scale), gradient!.View, gx.View);
            return gx;
        }
    }
}
