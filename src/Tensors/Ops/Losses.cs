namespace Tessera;

/// <summary>How the losses of a batch become one number.</summary>
public enum Reduction
{
    /// <summary>They stay as they are.</summary>
    None,

    /// <summary>Their mean (weighted where there are class weights).</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their sum divided by the size of dimension 0.</summary>
    BatchMean,
}

public sealed partial class Tensor
{
    /// <summary>(x - t)².</summary>
    public Tensor MseLoss(Tensor target, Reduction reduction = Reduction.Mean) => (this - target).Square().Reduced(reduction);

    /// <summary>|x - t|.</summary>
    public Tensor L1Loss(Tensor target, Reduction reduction = Reduction.Mean) => (this - target).Abs().Reduced(reduction);

    /// <summary>d²/2β where d = |x - t| is below β, else d - β/2; β = 0 gives |x - t|.</summary>
    public Tensor SmoothL1Loss(Tensor target, float beta = 1, Reduction reduction = Reduction.Mean)
        => new SmoothL1Op(beta).Apply(this, target).Reduced(reduction);

    /// <summary>d²/2 where d = |x - t| is below δ, else δ·(d - δ/2).</summary>
    public Tensor HuberLoss(Tensor target, float delta = 1, Reduction reduction = Reduction.Mean)
        => (new SmoothL1Op(delta).Apply(this, target) * delta).Reduced(reduction);

    /// <summary>
    /// Binary cross-entropy of logits x and targets t in 0..1: -w·(p·t·ln σ(x) + (1 - t)·ln σ(-x)).
    /// </summary>
    /// <param name="target">Probabilities of true, of this shape.</param>
    /// <param name="weight">w, broadcast; default 1.</param>
    /// <param name="positiveWeight">p, broadcast; default 1.</param>
    /// <param name="reduction">How the elements' losses become one number.</param>
    public Tensor BceWithLogits(Tensor target, Tensor? weight = null, Tensor? positiveWeight = null, Reduction reduction = Reduction.Mean)
    {
        // ln σ(-x) = ln σ(x) - x
        var positive = positiveWeight is null ? target : target * positiveWeight;
        var loss = ((1 - target) * this) - ((positive + (1 - target)) * LogSigmoid());
        return (weight is null ? loss : loss * weight).Reduced(reduction);
    }

    /// <summary>Kullback-Leibler divergence t·(ln t - x) of log-probabilities x from probabilities t, or from their logarithms.</summary>
    public Tensor KlDiv(Tensor target, Reduction reduction = Reduction.Mean, bool logTarget = false)
    {
        const float Tiny = 1.17549435e-38f; // smallest normal float: 0·ln 0 = 0
        return (logTarget ? target.Exp() * (target - this) : target * (target.Clamp(Tiny).Log() - this)).Reduced(reduction);
    }

    /// <summary>Losses into one number, or not.</summary>
    internal Tensor Reduced(Reduction reduction) => reduction switch
    {
        Reduction.None => this,
        Reduction.Mean => Mean(),
        Reduction.Sum => Sum(),
        _ => Sum() * (1f / Shape[0]),
    };

    sealed class SmoothL1Op(float beta) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("beta", beta));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(new Ops.SmoothL1(beta), x[0], x[1], Name);

        // The slope is that of d = own - other: -1, d/β or 1.
        protected override Tensor? Gradient(int i, Tensor g) => Map(new Ops.SmoothL1Grad(beta), g, Input(i) - Input(1 - i), Name);
    }
}
