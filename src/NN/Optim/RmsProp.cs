namespace Tessera.NN;

/// <summary>
/// RMSprop (Hinton, 2012): v ← αv + (1-α)g², w ← w - lr·g/(√v + ε). Centered: v is replaced by max(v - m², 0), m ← αm + (1-α)g.
/// With momentum μ: b ← μb + the quotient, w ← w - lr·b.
/// </summary>
public sealed class RmsProp : Optimizer
{
    readonly StepQueue queue = new((backend, parameters, options) => backend.RmsPropSteps(parameters, options));
    readonly double alpha;
    readonly float eps;
    readonly bool centered;

    /// <summary>RMSprop over groups, which carry rates, momentum and decay.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="alpha">Weight of the past in the running means.</param>
    /// <param name="eps">ε.</param>
    /// <param name="centered">Divide by the standard deviation instead of the root mean square.</param>
    /// <param name="decoupledDecay">Decay the weights themselves instead of adding wd·w to the gradient.</param>
    public RmsProp(IEnumerable<ParameterGroup> groups, double alpha = 0.99, double eps = 1e-8, bool centered = false, bool decoupledDecay = false)
        : base(groups, decoupledDecay) => (this.alpha, this.eps, this.centered) = (alpha, (float)eps, centered);

    /// <summary>RMSprop over one group.</summary>
    public RmsProp(
        IEnumerable<Tensor> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1e-8, double weightDecay = 0,
        double momentum = 0, bool centered = false, bool decoupledDecay = false)
        : this([new ParameterGroup(parameters, "", lr, momentum, weightDecay)], alpha, eps, centered, decoupledDecay) { }

    internal override bool CanRecord => true;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"alpha {alpha}, momentum {Momentum}, eps {eps}{(centered ? ", centered" : "")}");

    private protected override OptimizerSettings Constants(OptimizerSettings settings) => settings with { Alpha = alpha, Eps = eps, Centered = centered };

    /// <inheritdoc/>
    protected override IReadOnlyList<string> StateNames => ["square_avg", "grad_avg", "momentum_buffer"];

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<ParameterStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        queue.Clear();
        foreach (var (w, g, m, options) in steps)
        {
            var square = m.Zero(0, w);
            Tensor? mean = centered ? m.Zero(1, w) : null, buffer = options.Momentum == 0 ? null : m.Zero(2, w);
            queue.Add(w.Device, new StepTensors(w.View, g.View, buffer?.View, square.View, mean?.View), options with { Beta2 = alpha, Eps = eps, First = false });
            foreach (var state in (ReadOnlySpan<Tensor?>)[square, mean, buffer]) state?.View.Storage.Touch();
        }
        queue.Run();
    }
}
