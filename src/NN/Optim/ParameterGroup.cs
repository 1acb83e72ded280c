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
    /// The trainable parameters of a layer group as two groups: its weights, then its normalisation parameters and all biases, which often go
    /// without decay. Both are there even where empty, so that their order is fixed.
    /// </summary>
    /// <param name="name">What people call the layer group.</param>
    /// <param name="modules">Its modules.</param>
    /// <param name="lr">Learning rate.</param>
    /// <param name="momentum">Momentum, or Adam's β₁.</param>
    /// <param name="weightDecay">Decay of the weights.</param>
    /// <param name="normDecay">Whether normalisation parameters and biases decay too (<c>bn_wd</c>).</param>
    public static ParameterGroup[] Split(string name, IEnumerable<Module> modules, double lr = 1e-3, double momentum = 0.9, double weightDecay = 0, bool normDecay = true)
    {
        var trainable = modules.SelectMany(m => m.NamedModules()).Select(m => m.Module).Distinct()
            .SelectMany(m => m.OwnParameters.Where(p => p.Tensor.RequiresGrad).Select(p => (p.Tensor, IsWeight: p.Tensor.Rank > 1 && !IsNorm(m) && p.Name != "bias")))
            .DistinctBy(p => p.Tensor).ToLookup(p => p.IsWeight, p => p.Tensor);
        return
        [
            new(trainable[true], name, lr, momentum, weightDecay),
            new(trainable[false], $"{name}: norms and biases", lr, momentum, normDecay ? weightDecay : 0),
        ];
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
