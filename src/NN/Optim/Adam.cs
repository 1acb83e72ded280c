namespace Tessera.NN;

/// <summary>
/// Adam (Kingma &amp; Ba, 2015): m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², w ← w - lr·m̂/(√v̂ + ε) with m̂ = m/(1-β₁ᵗ), v̂ = v/(1-β₂ᵗ).
/// β₁ is the groups' momentum, as it is at the step: schedules drive it.
/// </summary>
public class Adam : Optimizer
{
    readonly StepQueue queue = new((backend, parameters, options) => backend.AdamSteps(parameters, options));
    readonly double beta2;
    readonly float eps;

    /// <summary>Adam over groups, which carry rates, β₁ and decay.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="beta2">β₂; the lesson's value is 0.99.</param>
    /// <param name="eps">ε.</param>
    /// <param name="decoupledDecay">Decay the weights themselves (AdamW; Loshchilov &amp; Hutter, 2019) instead of adding wd·w to the gradient.</param>
    public Adam(IEnumerable<ParameterGroup> groups, double beta2 = 0.999, double eps = 1e-8, bool decoupledDecay = false) : base(groups, decoupledDecay)
        => (this.beta2, this.eps) = (beta2, (float)eps);

    /// <summary>Adam over one group.</summary>
    public Adam(IEnumerable<Tensor> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weightDecay = 0, bool decoupledDecay = false)
        : this([new ParameterGroup(parameters, "", lr, beta1, weightDecay)], beta2, eps, decoupledDecay) { }

    internal override bool CanRecord => true;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"betas {Momentum} and {beta2}, eps {eps}");

    private protected override OptimizerSettings Constants(OptimizerSettings settings) => settings with { Beta2 = beta2, Eps = eps };

    /// <inheritdoc/>
    protected override IReadOnlyList<string> StateNames => ["exp_avg", "exp_avg_sq"];

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<ParameterStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        queue.Clear();
        foreach (var (w, g, m, options) in steps)
        {
            var (mean, square) = (m.Zero(0, w), m.Zero(1, w));
            queue.Add(w.Device, new StepTensors(w.View, g.View, mean.View, square.View), options with
            {
                Beta2 = beta2,
                Eps = eps,
                Correction1 = 1 - Math.Pow(options.Momentum, m.Steps),
                Correction2 = 1 - Math.Pow(beta2, m.Steps),
            });
            mean.View.Storage.Touch();
            square.View.Storage.Touch();
        }
        queue.Run();
    }
}

/// <summary>Adam with decoupled weight decay, 0.01 by default.</summary>
public sealed class AdamW : Adam
{
    /// <summary>AdamW over groups, which carry rates, β₁ and decay.</summary>
    public AdamW(IEnumerable<ParameterGroup> groups, double beta2 = 0.999, double eps = 1e-8) : base(groups, beta2, eps, decoupledDecay: true) { }

    /// <summary>AdamW over one group.</summary>
    public AdamW(IEnumerable<Tensor> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weightDecay = 0.01)
        : base(parameters, lr, beta1, beta2, eps, weightDecay, decoupledDecay: true) { }
}
