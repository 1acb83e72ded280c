namespace Tessera.NN;

/// <summary>Parameters that an optimizer treats alike.</summary>
public sealed class ParameterGroup
{
    /// <summary>A group of parameters; its order is the order in the optimizer's state.</summary>
    public ParameterGroup(IEnumerable<Tensor> parameters, string name = "", double lr = 1e-3, double momentum = 0.9, double weightDecay = 0)
    {
        Parameters = [.. parameters];
        (Name, Lr, Momentum, WeightDecay) = (name, lr, momentum, weightDecay);
    }

    /// <summary>
    /// Two groups a layer group, in this order: its weights, then its normalisation parameters and all biases, which often go without decay.
    /// Only parameters that require a gradient are in them; both are there even where empty, so that the order is fixed.
    /// </summary>
    /// <param name="layerGroups">The modules of each layer group, first layers first.</param>
    /// <param name="lr">Learning rates of the layer groups.</param>
    /// <param name="momentum">Momentum, or Adam's β₁.</param>
    /// <param name="weightDecay">Decay of the weights.</param>
    /// <param name="normDecay">Whether normalisation parameters and biases decay too (<c>bn_wd</c>).</param>
    public static ParameterGroup[] Split(IReadOnlyList<IReadOnlyList<Module>> layerGroups, LearningRate lr, double momentum = 0.9, double weightDecay = 0, bool normDecay = true)
    {
        ArgumentNullException.ThrowIfNull(layerGroups);
        double[] rates = lr.ForGroups(layerGroups.Count);
        List<ParameterGroup> groups = [];
        HashSet<Tensor> taken = [];
        foreach (var (i, modules) in layerGroups.Index())
        {
            List<Tensor> weights = [], others = [];
            foreach (var module in modules.SelectMany(m => m.NamedModules()).Select(m => m.Module))
                foreach (var (name, p) in module.OwnParameters)
                    if (p.RequiresGrad && taken.Add(p)) (IsNorm(module) || name == "bias" ? others : weights).Add(p);
            groups.Add(new ParameterGroup(weights, $"{i}", rates[i], momentum, weightDecay));
            groups.Add(new ParameterGroup(others, $"{i} norms and biases", rates[i], momentum, normDecay ? weightDecay : 0));
        }
        return [.. groups];
    }

    /// <summary>What people call it: <c>body</c>, <c>head</c>.</summary>
    public string Name { get; }

    /// <summary>The tensors the optimizer changes.</summary>
    public IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>Learning rate of the next step.</summary>
    public double Lr { get; set; }

    /// <summary>Momentum, or Adam's β₁, of the next step.</summary>
    public double Momentum { get; set; }

    /// <summary>Weight decay of the next step; <see cref="Optimizer.DecoupledDecay"/> says how it acts.</summary>
    public double WeightDecay { get; set; }

    static bool IsNorm(Module module) => module is BatchNorm or LayerNorm or GroupNorm;
}
