namespace Tessera.NN;

/// <summary>
/// Gradient descent with momentum: m ← μm + g (m = g at first), w ← w - lr·m; Nesterov's: w ← w - lr·(g + μm). Without momentum w ← w - lr·g.
/// The groups' momentum is μ; setting it to 0 leaves m alone.
/// </summary>
public sealed class Sgd : Optimizer
{
    readonly StepQueue queue = new((backend, parameters, options) => backend.SgdSteps(parameters, options));
    readonly bool nesterov;

    /// <summary>SGD over groups, which carry rates, momentum and decay.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="nesterov">Nesterov's momentum.</param>
    /// <param name="decoupledDecay">Decay the weights themselves instead of adding wd·w to the gradient.</param>
    public Sgd(IEnumerable<ParameterGroup> groups, bool nesterov = false, bool decoupledDecay = false) : base(groups, decoupledDecay)
        => this.nesterov = nesterov;

    /// <summary>SGD over one group.</summary>
    public Sgd(IEnumerable<Tensor> parameters, double lr, double momentum = 0, double weightDecay = 0, bool nesterov = false, bool decoupledDecay = false)
        : this([new ParameterGroup(parameters, "", lr, momentum, weightDecay)], nesterov, decoupledDecay) { }

    internal override bool CanRecord => true;

    /// <inheritdoc/>
    protected override string Settings => FormattableString.Invariant($"momentum {Momentum}{(nesterov ? ", Nesterov" : "")}");

    private protected override OptimizerSettings Constants(OptimizerSettings settings) => settings with { Nesterov = nesterov };

    /// <inheritdoc/>
    protected override IReadOnlyList<string> StateNames => ["momentum_buffer"];

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<ParameterStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        queue.Clear();
        foreach (var (w, g, m, options) in steps)
        {
            bool first = m[0] is null;
            var buffer = options.Momentum == 0 ? null : m.Zero(0, w);
            queue.Add(w.Device, new StepTensors(w.View, g.View, buffer?.View), options with { Nesterov = nesterov, First = first });
            buffer?.View.Storage.Touch();
        }
        queue.Run();
    }
}
