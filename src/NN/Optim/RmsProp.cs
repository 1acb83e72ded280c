namespace Tessera.NN;

/// <summary>
/// RMSprop (Hinton, 2012): v ← αv + (1-α)g², w ← w - lr·g/(√v + ε). Centered: v is replaced by v - m², m ← αm + (1-α)g.
/// With momentum μ: b ← μb + the quotient, w ← w - lr·b.
/// </summary>
public sealed class RmsProp : Optimizer
{
    readonly float alpha;
    readonly float eps;
    readonly bool centered;

    /// <summary>RMSprop over groups, which carry rates, momentum and decay.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="alpha">Weight of the past in the running means.</param>
    /// <param name="eps">ε.</param>
    /// <param name="centered">Divide by the standard deviation instead of the root mean square.</param>
    /// <param name="decoupledDecay">Decay the weights themselves instead of adding wd·w to the gradient.</param>
    public RmsProp(IEnumerable<ParameterGroup> groups, double alpha = 0.99, double eps = 1e-8, bool centered = false, bool decoupledDecay = false)
        : base(groups, decoupledDecay) => (this.alpha, this.eps, this.centered) = ((float)alpha, (float)eps, centered);

    /// <summary>RMSprop over one group.</summary>
    public RmsProp(IEnumerable<Tensor> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1e-8, double weightDecay = 0, double momentum = 0, bool centered = false, bool decoupledDecay = false)
        : this([new ParameterGroup(parameters, "", lr, momentum, weightDecay)], alpha, eps, centered, decoupledDecay) { }

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"alpha {alpha}, momentum {Momentum}, eps {eps}{(centered ? ", centered" : "")}");

    /// <inheritdoc/>
    protected override IReadOnlyList<string> StateNames => ["square_avg", "grad_avg", "momentum_buffer"];

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<ParameterStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        foreach (var (w, g, m, options) in steps) Update(w, g, m, options);
    }

    void Update(Tensor w, Tensor g, Moments m, StepOptions options)
    {
        if (options.Decay != 0) w.CopyFrom(w * (1 - (options.Lr * options.Decay)));
        if (options.L2 != 0) g += w * options.L2;
        var v = Mean(m.Zero(0, w), g * g);
        if (centered)
        {
            var mean = Mean(m.Zero(1, w), g);
            v -= mean * mean;
        }
        var step = g / (v.Sqrt() + eps);
        if (options.Momentum != 0)
        {
            var b = m.Zero(2, w);
            b.CopyFrom((b * (float)options.Momentum) + step);
            step = b;
        }
        w.CopyFrom(w - (step * options.Lr));
    }

    /// <summary>mean ← α·mean + (1-α)·x.</summary>
    Tensor Mean(Tensor mean, Tensor x)
    {
        mean.CopyFrom((mean * alpha) + (x * (1 - alpha)));
        return mean;
    }
}
